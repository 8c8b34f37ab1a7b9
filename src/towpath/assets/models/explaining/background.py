"""What a column looks like when nothing is known of it: points drawn from counts, not rows.

Model-agnostic explainers usually keep a sample of training rows, which is a copy of people's data in one
more place. Here each column is drawn by itself from the counts that the model's reference keeps anyway
(bins of twenty rows or more, see `reference`), so there is nothing in it to erase, and the reference is
deleted with the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from towpath.core.digests import digest_json
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.assets.datasets.profiles import ColumnProfile
    from towpath.assets.models.contract import TensorSpec
    from towpath.assets.models.inputs import Inputs
    from towpath.assets.models.reference import Reference

POINTS: Final = 16
_SEED = 20130101


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """Some points that are spread as the training rows were, column by column.

    A Latin hypercube: each column has one value from each of `POINTS` equal shares of its distribution,
    in an order of its own (McKay, Beckman and Conover, 1979).

    Attributes:
        columns: Column to its values, as a request would bring them.
        digest: Names the points; the same for the same reference.
    """

    columns: Mapping[str, Sequence[Any]]
    digest: str

    @classmethod
    def of(cls, reference: Reference, inputs: Inputs) -> Self:
        """Draw the points from a model's reference.

        Raises:
            NotFound: The reference lacks one of the model's columns.
        """
        random = np.random.default_rng(_SEED)
        columns: dict[str, list[Any]] = {}
        for spec in inputs.columns:
            found = reference.column(spec.name)
            if found is None:
                raise NotFound.named("column of the model's reference", spec.name)
            shares = (random.permutation(POINTS) + 0.5) / POINTS
            columns[spec.name] = [_value(spec, found.profile, share) for share in shares.tolist()]
        return cls(columns=columns, digest=digest_json(columns))


def _value(spec: TensorSpec, profile: ColumnProfile, share: float) -> Any:
    """Return the value below which a share of the column lies; missing values lie last."""
    known = int(profile.counts.sum())
    total = known + (profile.nulls if spec.nullable else 0)
    if not total or share * total > known:
        return None if spec.nullable else _plain(spec)
    share *= total / known
    if profile.kind == "category":
        return _level(spec, profile, share)
    number = profile.quantile(share)
    if number is None:  # a column that hardly varies, or is hidden
        number = profile.mean
    if not math.isfinite(number):
        return _plain(spec)
    if spec.datatype == "BOOL":
        return number >= 0.5
    return round(number) if "INT" in spec.datatype else float(number)


def _level(spec: TensorSpec, profile: ColumnProfile, share: float) -> Any:
    """Return the level at a share of the counts, the most frequent one for those without a bin."""
    place = int(np.searchsorted(np.cumsum(profile.counts), share * profile.counts.sum()))
    if not profile.items:
        return _plain(spec)
    level = profile.items[place if place < len(profile.items) else 0]
    if spec.datatype == "BYTES":
        return level
    return level.lower() in ("true", "1") if spec.datatype == "BOOL" else float(level)


def _plain(spec: TensorSpec) -> Any:
    """Return a value for a column of which too few rows told anything."""
    return {"BYTES": "", "BOOL": False}.get(spec.datatype, 0)

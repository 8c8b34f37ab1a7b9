"""LightGBM's trees, read from its model text as its own `NumericalDecision` reads them.

A row goes left where its value is at most the threshold, both in 64 bits; leaves are added up in the
order of the trees, in 64 bits. That is what the operator does too, so the two give the same bits, and
whoever compiles a booster asks for no less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from towpath.assets.models.compiling.trees import Trees
from towpath.assets.models.flavours.booster_text import head_fields, tree_fields
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from towpath.assets.models.execution import Link

# Bits of `decision_type`: split by a set, where missing values go, what counts as missing.
_BY_SET: Final = 1
_MISSING_LEFT: Final = 2
_MISSING_SHIFT: Final = 2
_MISSING_ZERO, _MISSING_NAN = 1, 2  # 0: nothing does
_LINKS: Final[Mapping[str, Link]] = {
    "binary sigmoid:1": "logistic",
    "cross_entropy": "logistic",
    "poisson": "log",
    "gamma": "log",
    "tweedie": "log",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "lambdarank": "identity",
    "rank_xendcg": "identity",
}


def read_booster(text: str) -> Trees:
    """Return the trees of a LightGBM model text.

    Raises:
        UsageError: It does what the operator can't: splits by sets of categories, zeros that count as
            missing, leaves that are lines, answers that are averaged, or an objective with a link of its
            own.
    """
    head = head_fields(text)
    if "average_output" in head:
        raise UsageError("it averages its trees, and LightGBM's average rounds otherwise")
    trees = Trees(link=_link(head.get("objective", "")), rounds_inputs=False)
    for fields in tree_fields(text):
        _add(trees, fields)
    return trees


def _link(objective: str) -> Link:
    name, _, settings = objective.partition(" ")
    link = _LINKS.get(objective) or (None if "sqrt" in settings else _LINKS.get(name))
    if link is None:
        raise UsageError(f"its objective {objective!r} has a link that graphs don't know")
    return link


def _add(trees: Trees, fields: Mapping[str, str]) -> None:
    """Append a tree: its comparisons first, then its leaves, which the text counts as -1, -2, …."""
    if fields.get("is_linear", "0") != "0":
        raise UsageError("its leaves are lines")
    kinds = _integers(fields, "decision_type")
    if (kinds & _BY_SET).any():
        raise UsageError("it splits by sets of categories")
    missing = kinds >> _MISSING_SHIFT
    if (missing == _MISSING_ZERO).any():
        raise UsageError("zeros count as missing values in it")
    values = np.array(fields["leaf_value"].split(), np.float64)
    leaves, inner = len(values), len(kinds)
    thresholds = np.array(fields.get("threshold", "").split(), np.float64)
    # Where nothing was missing in training, a missing value is taken for 0.
    left_if_missing = np.where(
        missing == _MISSING_NAN, (kinds & _MISSING_LEFT) != 0, thresholds >= 0.0
    )
    trees.add(
        _behind(_integers(fields, "split_feature"), leaves),
        _behind(thresholds, leaves),
        _behind(_places(_integers(fields, "left_child"), inner), leaves),
        _behind(_places(_integers(fields, "right_child"), inner), leaves),
        np.concatenate([np.zeros(inner), values]),
        _behind(left_if_missing, leaves),
        np.arange(inner + leaves) >= inner,
        np.ones(inner + leaves),  # the library explains its trees itself, by its own counts
    )


def _integers(fields: Mapping[str, str], name: str) -> npt.NDArray[np.int64]:
    return np.array(fields.get(name, "").split(), np.int64)


def _places(children: npt.NDArray[np.int64], inner: int) -> npt.NDArray[np.int64]:
    """Return where children stand once the leaves follow the comparisons."""
    return np.where(children < 0, inner + ~children, children)


def _behind(values: npt.NDArray[np.generic], leaves: int) -> npt.NDArray[np.generic]:
    """Return values of comparisons with nothing behind them for the leaves."""
    return np.concatenate([values, np.zeros(leaves, values.dtype)])

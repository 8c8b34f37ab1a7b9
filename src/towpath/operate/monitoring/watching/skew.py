"""Judges whether serving saw what training would have seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.features.online.declared import declared_in
from towpath.core.durations import parse_duration
from towpath.core.errors import NotFound
from towpath.operate.monitoring.findings import Suspect
from towpath.operate.monitoring.kinds.skew import Skew
from towpath.operate.monitoring.watching.proportions import above_limit
from towpath.operate.monitoring.watching.telling import Checks, too_few

if TYPE_CHECKING:
    from datetime import timedelta

    import numpy.typing as npt

    from towpath.assets.features import FeatureStore
    from towpath.assets.features.declaration import Lookup
    from towpath.ledger.contract import Ledger
    from towpath.operate.monitoring.findings import Finding
    from towpath.operate.monitoring.view import WindowView

Bools: TypeAlias = "npt.NDArray[np.bool_]"

_AT = "at"


class SkewWatcher:
    """Judges `Skew` monitors; see `Watcher`.

    What the online store says of itself is compared with the offline one by `towpath feature check`;
    this compares what was really decided on, callers' own values and stale caches included.

    Args:
        ledger: Where feature services and views are declared.
        features: The offline store.
    """

    kind = Skew.kind
    declaration = Skew
    needs_reference = False

    def __init__(self, ledger: Ledger, features: FeatureStore) -> None:
        self._ledger = ledger
        self._features = features

    def maturity(self, monitor: Skew, /) -> timedelta:
        """How long late observations are waited for."""
        return parse_duration(monitor.settle)

    def judge(self, monitor: Skew, view: WindowView, /) -> Finding:
        """Join a sample of the window's decisions anew, and compare value by value.

        Raises:
            NotFound: The feature service, or a view of it that is online, is not declared any more.
        """
        taken = {one["name"] for one in view.champion.body["signature"]["inputs"]}
        checks, compared = Checks(), 0
        for lookup in self._lookups(monitor.features):
            names = [name for name in lookup.names if name in taken]
            places = {name: _place(monitor.entities.get(name, name), view) for name in lookup.by}
            columns = {name: view.input_column(name) for name in names}
            rows = view.rows([_AT, "decision_id", *places.values(), *columns.values()])
            rows = rows.drop_nulls(list(places.values())).sort("decision_id")
            if not names or len(rows) < monitor.min_rows:
                continue
            rows = _sampled(rows, monitor.sample, seed=view.window.index)
            compared = max(compared, len(rows))
            asked = rows.select(
                _AT,
                *(
                    pl.col(place).cast(_TYPES.get(column.type, pl.String), strict=False).alias(name)
                    for (name, place), column in zip(places.items(), lookup.entity, strict=True)
                ),
            )
            joined = self._features.join(asked, lookup, time=_AT)
            for name in names:
                wrong = differing(rows[columns[name]], joined[name], monitor.tolerance)
                _weigh(checks, monitor, name, wrong)
        return checks.finding(view.window, compared) if compared else too_few(view.window, 0)

    def _lookups(self, name: str) -> list[Lookup]:
        with self._ledger.read() as tx:
            version = tx.versions.latest("feature_service", name)
            if version is None:
                raise NotFound.named("feature service", name, remedy="Run towpath apply.")
            used = version.body["lookups"]
            views = {one["view"]: tx.intents.get("feature_view", one["view"]).spec for one in used}
        return [
            declared_in(views[one["view"]])
            .view()
            .lookup(*one["features"], by=tuple(one["by"]), prefix=one["prefix"])
            for one in used
        ]


_TYPES = {"int64": pl.Int64, "bool": pl.Boolean, "string": pl.String}


def differing(served: pl.Series, offline: pl.Series, tolerance: float) -> Bools:
    """Return where two columns differ; missing on both sides is no difference.

    Args:
        served: On record, as the model saw it.
        offline: Joined anew; its type counts.
        tolerance: Relative difference of numbers that counts as none.
    """
    missing = (served.is_null() != offline.is_null()).to_numpy()
    if offline.dtype.is_numeric():
        left, right = (
            one.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
            for one in (served, offline)
        )
        close = np.isclose(left, right, rtol=tolerance, atol=tolerance * 1e-3, equal_nan=True)
        return missing | ~close
    left, right = (one.cast(pl.String, strict=False) for one in (served, offline))
    return missing | (left != right).fill_null(value=False).to_numpy()


def _weigh(checks: Checks, monitor: Skew, name: str, wrong: Bools) -> None:
    count, rows = int(wrong.sum()), len(wrong)
    share = count / rows
    checks.measured[f"skew.{name}"] = share
    suspect = Suspect(
        name=name,
        statistic="skew",
        value=share,
        p=above_limit(count, rows, monitor.max_share),
        what=f"share of {rows:,} decisions whose value differs",
        before=monitor.max_share,
        after=share,
    )
    words = f"{share:.1%} of {name!r} were served otherwise than training would see them"
    checks.weigh(name, suspect, words)


def _sampled(rows: pl.DataFrame, most: int, *, seed: int) -> pl.DataFrame:
    if len(rows) <= most:
        return rows
    picked = np.random.default_rng(seed).permutation(len(rows))[:most]
    return rows[np.sort(picked).tolist()]


def _place(name: str, view: WindowView) -> str:
    return "key" if name == "key" else view.input_column(name)


__all__ = ["SkewWatcher", "differing"]

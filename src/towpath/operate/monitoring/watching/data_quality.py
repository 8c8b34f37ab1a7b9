"""Judges whether a window's inputs are there, and what they should be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
import polars as pl

from towpath.assets.models.columns import as_floats
from towpath.assets.models.reference import PREDICTION
from towpath.core.durations import format_duration, parse_duration
from towpath.operate.monitoring.findings import Suspect
from towpath.operate.monitoring.kinds.data_quality import DataQuality
from towpath.operate.monitoring.view import WEIGHT
from towpath.operate.monitoring.watching.earlier import unusual_either_way, widened
from towpath.operate.monitoring.watching.proportions import (
    above_reference,
    dispersion_of,
    effective,
)
from towpath.operate.monitoring.watching.telling import Checks, known, too_few

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    from towpath.assets.models.reference import ColumnReference
    from towpath.operate.monitoring.findings import Finding
    from towpath.operate.monitoring.view import WindowView

Floats: TypeAlias = "npt.NDArray[np.float64]"
Ints: TypeAlias = "npt.NDArray[np.int64]"
Bools: TypeAlias = "npt.NDArray[np.bool_]"


class DataQualityWatcher:
    """Judges `DataQuality` monitors; see `Watcher`."""

    kind = DataQuality.kind
    declaration = DataQuality
    needs_reference = True

    def maturity(self, _monitor: DataQuality, /) -> timedelta:
        """Nothing is waited for."""
        return timedelta(0)

    def judge(self, monitor: DataQuality, view: WindowView, /) -> Finding:
        """Check every watched input, and how many decisions there were and how fresh they are."""
        watched = [
            one
            for one in view.reference.columns
            if one.name != PREDICTION
            and (monitor.features == "all" or one.name in monitor.features)
        ]
        names = [view.input_column(one.name) for one in watched]
        rows = view.rows([*names, "at"], status=None)
        checks = Checks(rate=monitor.fdr)
        if monitor.max_age is not None:
            _check_freshness(checks, monitor, view, rows)
        if monitor.volume:
            _check_volume(checks, view)
        if len(rows) >= monitor.min_rows:
            weights = rows[WEIGHT].to_numpy()
            for column in watched:
                _Input(monitor, column, rows[view.input_column(column.name)], weights).check(checks)
        elif not checks.measured:
            return too_few(view.window, len(rows))
        return checks.finding(view.window, len(rows))


@dataclass(frozen=True, slots=True)
class _Input:
    """One input of a window, and how it was in the reference."""

    monitor: DataQuality
    column: ColumnReference
    values: pl.Series
    weights: Floats

    def check(self, checks: Checks) -> None:
        """Make every check that fits the input's kind."""
        group, blocks = self.column.group_of(self.values), self.column.blocks
        self._missing(checks, group == blocks.shape[1] - 1, blocks[:, -1])
        if self.column.ordered:
            self._numbers(checks)
        elif self.column.profile.items:
            self._unseen(checks)
        self._constant(checks, int(group[0]))

    def _missing(self, checks: Checks, missing: Bools, known_missing: Ints) -> None:
        limit = self.monitor.max_missing.get(self.column.name)
        if limit is None:
            self._share(checks, "missing", missing, known_missing, "are missing")
            return
        share = self._shares(checks, "missing", missing)
        if share > limit:
            suspect = self._suspect("missing", share, None, before=limit)
            words = f"{share:.1%} of {self.column.name!r} are missing, {limit:.1%} at most"
            checks.limit(suspect, words)

    def _unseen(self, checks: Checks) -> None:
        """Look for levels that training did not have, or that hardly anybody had there."""
        profile = self.column.profile
        text = self.values.cast(pl.String, strict=False)
        unseen = (text.is_not_null() & ~text.is_in(profile.items)).to_numpy()
        share = self._shares(checks, "unseen", unseen)
        p = self._surprise(share, int(profile.counts[-1]), profile.rows, self.column.blocks[:, -2])
        before = float(profile.counts[-1] / max(profile.rows, 1))
        words = f"{share:.1%} of {self.column.name!r} are levels that training hardly had"
        suspect = self._suspect("unseen", share, p, before=before)
        checks.weigh(f"unseen.{self.column.name}", suspect, words)

    def _numbers(self, checks: Checks) -> None:
        floats = self.values.cast(pl.Float64, strict=False) if self._is_text else self.values
        unread = (floats.is_null() & self.values.is_not_null()).to_numpy()
        if self._is_text and unread.any():
            share = self._shares(checks, "type", unread)
            words = f"{share:.1%} of {self.column.name!r} are no numbers"
            checks.limit(self._suspect("type", share, None), words)
        numbers = as_floats(floats)
        declared = self.monitor.ranges.get(self.column.name)
        if declared is not None:
            low, high = declared
            outside = (numbers < low) | (numbers > high)
            share = self._shares(checks, "out_of_range", outside)
            if outside.any():
                words = f"{share:.1%} of {self.column.name!r} lie outside [{low:g}, {high:g}]"
                checks.limit(self._suspect("out_of_range", share, None), words)
            return
        self._far(checks, numbers)

    @property
    def _is_text(self) -> bool:
        return not (self.values.dtype.is_numeric() or self.values.dtype.is_temporal())

    def _far(self, checks: Checks, numbers: Floats) -> None:
        """Look for more values beyond the training data's fences than it had there itself."""
        profile = self.column.profile
        if profile.fences is None:
            return
        low, high = profile.fences
        share = self._shares(checks, "out_of_range", (numbers < low) | (numbers > high))
        tails = self.column.blocks[:, 0] + self.column.blocks[:, -2]
        p = self._surprise(share, profile.outliers or 0, profile.rows, tails)
        before = (profile.outliers or 0) / max(profile.rows, 1)
        words = f"{share:.1%} of {self.column.name!r} lie beyond [{low:.4g}, {high:.4g}]"
        words += f", as {before:.1%} did in training"
        suspect = self._suspect("out_of_range", share, p, before=before)
        checks.weigh(f"out_of_range.{self.column.name}", suspect, words)

    def _constant(self, checks: Checks, group: int) -> None:
        """Weigh that all rows have one value, by how often the reference had values of its group."""
        blocks = self.column.blocks
        counts = blocks.sum(axis=0)
        if self.values.n_unique() > 1 or np.count_nonzero(counts) < 2:
            return
        rows = blocks.sum(axis=1).astype(np.float64)
        dispersion = dispersion_of(blocks[:, group].astype(np.float64), rows)
        share = float((counts[group] + 0.5) / (counts.sum() + 1))
        p = share ** (effective(self.weights) / dispersion)
        suspect = self._suspect("constant", 1.0, p, before=share)
        words = f"{self.column.name!r} has one value in all rows"
        checks.weigh(f"constant.{self.column.name}", suspect, words)

    def _share(self, checks: Checks, check: str, hit: Bools, known_hits: Ints, verb: str) -> None:
        """Weigh a share of rows against that in the reference."""
        share = self._shares(checks, check, hit)
        hits, rows = int(known_hits.sum()), int(self.column.blocks.sum())
        p = self._surprise(share, hits, rows, known_hits)
        before = hits / max(rows, 1)
        words = f"{share:.1%} of {self.column.name!r} {verb}, {before:.1%} in training"
        suspect = self._suspect(check, share, p, before=before)
        checks.weigh(f"{check}.{self.column.name}", suspect, words)

    def _surprise(self, share: float, known_hits: int, known_rows: int, wobbling: Ints) -> float:
        """Return the probability of such a share, were nothing different from training.

        Args:
            share: Of the window's rows.
            known_hits: Training rows that were hit, of `known_rows`.
            known_rows: Training rows.
            wobbling: Counts, block by block, of what tells how much such a share differs between days.
        """
        rows = self.column.blocks.sum(axis=1).astype(np.float64)
        size = effective(self.weights)
        return above_reference(
            share * size,
            size,
            known_hits=float(known_hits),
            known_rows=float(known_rows),
            dispersion=dispersion_of(wobbling.astype(np.float64), rows),
        )

    def _shares(self, checks: Checks, check: str, hit: Bools) -> float:
        share = float(self.weights[hit].sum() / self.weights.sum())
        checks.measured[f"{check}.{self.column.name}"] = share
        return share

    def _suspect(
        self, check: str, share: float, p: float | None, *, before: float | None = None
    ) -> Suspect:
        return Suspect(
            name=self.column.name,
            statistic=check,
            value=share,
            p=p,
            what="share of rows",
            before=before,
            after=share,
        )


def _check_freshness(
    checks: Checks, monitor: DataQuality, view: WindowView, rows: pl.DataFrame
) -> None:
    limit = parse_duration(monitor.max_age or "")
    # A window without any says that all of it is that old.
    newest = cast("datetime | None", rows["at"].max()) or view.window.since
    age = view.window.until - newest
    checks.measured["age_s"] = age.total_seconds()
    if age > limit:
        suspect = Suspect(
            name="freshness",
            statistic="age_s",
            value=age.total_seconds(),
            p=None,
            what="seconds since the newest decision",
            before=limit.total_seconds(),
            after=age.total_seconds(),
        )
        words = f"nothing was decided for {format_duration(age)}, {monitor.max_age} at most"
        checks.limit(suspect, words)


def _check_volume(checks: Checks, view: WindowView) -> None:
    """Compare the number of decisions, those of other models included, with earlier windows'."""
    window = view.window
    span = window.until - window.since
    rows = widened(view).rows(["at"], status=None, every_model=True)
    if rows.is_empty():
        return
    back = ((window.until - rows["at"]).dt.total_microseconds() - 1) // round(
        span / timedelta(microseconds=1)
    )
    counts = np.bincount(back.to_numpy(), rows[WEIGHT].to_numpy(), minlength=1)
    now, past = float(counts[0]), counts[1:].tolist()  # from the first decision on
    checks.measured["volume"] = now
    p = unusual_either_way(now, past, least=0.5)
    usual = float(np.median(past)) if past else None
    suspect = Suspect(
        name="volume",
        statistic="rows",
        value=now,
        p=known(p),
        what="decisions",
        before=usual,
        after=now,
    )
    checks.weigh("volume", suspect, f"{now:,.0f} decisions where {usual or 0:,.0f} are usual")


__all__ = ["DataQualityWatcher"]

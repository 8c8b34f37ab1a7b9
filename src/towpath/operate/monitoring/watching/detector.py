"""Asks a drift detector of another library about a window."""

from __future__ import annotations

import dataclasses
import importlib
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import numpy as np
import polars as pl

from towpath.core.durations import parse_duration
from towpath.core.errors import StepFailed, TowpathError, UsageError
from towpath.operate.monitoring.findings import Suspect, Window
from towpath.operate.monitoring.kinds.detector import Detector
from towpath.operate.monitoring.watching.slices import simes
from towpath.operate.monitoring.watching.telling import Checks, known, too_few

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from towpath.operate.monitoring.findings import Finding
    from towpath.operate.monitoring.view import WindowView

Table: TypeAlias = "npt.NDArray[Any]"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Answering(Protocol):
    """What a detector must be able to do."""

    def predict(self, x: Table, /) -> Mapping[str, Any]:
        """Return `{"data": {"is_drift": …, "p_val": …}}`, as Alibi Detect does."""
        ...


class DetectorWatcher:
    """Judges `Detector` monitors; see `Watcher`."""

    kind = Detector.kind
    declaration = Detector
    needs_reference = False

    def maturity(self, _monitor: Detector, /) -> timedelta:
        """Nothing is waited for."""
        return timedelta(0)

    def judge(self, monitor: Detector, view: WindowView, /) -> Finding:
        """Make the detector on the model's first decisions, and ask it about the window's.

        Raises:
            UsageError: It can't be imported.
            StepFailed: It raised, or answered something else.
        """
        inputs: list[dict[str, Any]] = view.champion.body["signature"]["inputs"]
        names = [
            one["name"]
            for one in inputs
            if monitor.features == "all" or one["name"] in monitor.features
        ]
        columns = [view.input_column(name) for name in names]
        until = self._reference_ends(monitor, view)
        if until is None or until > view.window.since:
            return too_few(view.window, 0)  # the reference is still being gathered
        span = Window(since=until - parse_duration(monitor.reference), until=until)
        before = dataclasses.replace(view, window=span).rows(columns)
        rows = view.rows(columns)
        if min(len(before), len(rows)) < monitor.min_rows:
            return too_few(view.window, len(rows))
        rng = np.random.default_rng(view.window.index)
        x_ref, x = (_thinned(one, columns, monitor.max_rows, rng) for one in (before, rows))
        data = _ask(monitor, x_ref, x)
        return _found(view.window, len(rows), names, data)

    def _reference_ends(self, monitor: Detector, view: WindowView) -> datetime | None:
        """Return when the reference is complete: so long after the model's first decision."""
        everything = dataclasses.replace(
            view, window=Window(since=_BEGINNING, until=view.window.until)
        )
        first = everything.rows(["at"])["at"].min()
        return (
            None if first is None else cast("datetime", first) + parse_duration(monitor.reference)
        )


def _thinned(rows: pl.DataFrame, columns: list[str], most: int, rng: np.random.Generator) -> Table:
    """Return rows as an array, at most so many; numbers as `float64` where all columns are numbers."""
    if len(rows) > most:
        rows = rows[np.sort(rng.permutation(len(rows))[:most]).tolist()]
    picked = rows.select(columns)
    if all(kind.is_numeric() or kind == pl.Boolean for kind in picked.dtypes):
        return picked.cast(pl.Float64).to_numpy()
    return np.array(picked.rows(), dtype=object)


def _ask(monitor: Detector, x_ref: Table, x: Table) -> Mapping[str, Any]:
    factory = _load(monitor)
    try:
        answer = factory(x_ref, **monitor.options).predict(x)
        data: Any = answer["data"]
        data["is_drift"]
    except TowpathError:
        raise
    except Exception as error:
        raise StepFailed(
            f"detector {monitor.factory!r} of monitor {monitor.name!r} failed: "
            f"{type(error).__name__}",
            remedy="Try it on an array of the same shape; its answer must hold data.is_drift.",
        ) from error
    return data


def _load(monitor: Detector) -> Callable[..., Answering]:
    module, _, name = monitor.factory.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"monitor {monitor.name!r} needs {monitor.factory!r}, which workers can't import",
            remedy="Install its package where towpath worker runs; Towpath never depends on it.",
        ) from error


def _found(window: Window, rows: int, names: list[str], data: Mapping[str, Any]) -> Finding:
    """Turn a detector's answer into a finding."""
    checks = Checks()
    is_drift = bool(np.any(data["is_drift"]))
    checks.measured["is_drift"] = float(is_drift)
    given = data.get("p_val")
    if given is None:
        distance = float(np.max(data["distance"])) if data.get("distance") is not None else math.nan
        value = 1.0 if math.isnan(distance) else distance
        if is_drift:
            suspect = Suspect(name="detector", statistic="is_drift", value=value, p=None)
            checks.limit(suspect, "the detector says that the inputs drifted")
        return checks.finding(window, rows)
    p_values = np.atleast_1d(np.asarray(given, dtype=np.float64))
    per_feature = len(p_values) == len(names)
    overall = simes(p_values.tolist())
    checks.measured["p"] = overall
    for name, p in zip(names, p_values.tolist(), strict=True) if per_feature else ():
        checks.measured[f"p.{name}"] = p
    blamed = [
        Suspect(name=name, statistic="p_val", value=p, p=p)
        for name, p in zip(names, p_values.tolist(), strict=False)
        if per_feature and p <= checks.rate / len(names)
    ]
    told = ", ".join(one.name for one in blamed[:3])
    whole = Suspect(name=told or "inputs", statistic="p_val", value=overall, p=known(overall))
    checks.weigh("detector", whole, f"{told or 'the inputs'} drifted, says the detector")
    finding = checks.finding(window, rows)
    if not blamed or not finding.suspects:
        return finding
    return dataclasses.replace(finding, suspects=tuple(sorted(blamed, key=lambda one: one.value)))


__all__ = ["Answering", "DetectorWatcher"]

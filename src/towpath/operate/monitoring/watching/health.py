"""Judges whether a service answered, how fast, and what that took of its gateways."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from towpath.core.clock import parse_time
from towpath.operate.monitoring.findings import Suspect
from towpath.operate.monitoring.kinds.health import Health
from towpath.operate.monitoring.view import WEIGHT
from towpath.operate.monitoring.watching.earlier import unusual, widened
from towpath.operate.monitoring.watching.proportions import (
    above_limit,
    above_reference,
    dispersion_of,
    effective,
)
from towpath.operate.monitoring.watching.telling import Checks, known, too_few

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Intent
    from towpath.operate.monitoring.findings import Finding
    from towpath.operate.monitoring.view import WindowView

Floats: TypeAlias = "npt.NDArray[np.float64]"

_CERTAIN = 0.01
_MB = 1e6
_LEAST_LIFE_S = 60.0  # starting up takes a processor whole
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class HealthWatcher:
    """Judges `Health` monitors; see `Watcher`.

    Args:
        ledger: Where gateways report what they use, as they do now; None where nobody asks.
    """

    kind = Health.kind
    declaration = Health
    needs_reference = False

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._ledger = ledger

    def maturity(self, _monitor: Health, /) -> timedelta:
        """Nothing is waited for."""
        return timedelta(0)

    def judge(self, monitor: Health, view: WindowView, /) -> Finding:
        """Check errors and latencies of every model's decisions, then the gateways."""
        span = view.window.until - view.window.since
        rows = widened(view).rows(["at", "status", "latency_us"], status=None, every_model=True)
        back = _windows_back(rows, view, span)
        windows = [_Answers.of(rows.filter(back == place)) for place in range(_most(back) + 1)]
        now, past = (windows[0], windows[1:]) if windows else (_Answers.of(rows.head(0)), [])
        checks = Checks()
        _check_throughput(checks, monitor, now, span)
        if now.rows >= monitor.min_rows:
            _check_errors(checks, monitor, now, past)
            _check_latency(
                checks, monitor, now, [one for one in past if one.rows >= monitor.min_rows]
            )
        elif monitor.min_per_s is None:
            return too_few(view.window, now.rows)
        self._check_gateways(checks, monitor)
        return checks.finding(view.window, now.rows)

    def _check_gateways(self, checks: Checks, monitor: Health) -> None:
        """Look at what the gateways that live now last said of themselves."""
        if self._ledger is None:
            return
        with self._ledger.read() as tx:
            rows = tx.intents.list("gateway")
        for name, used, limit, words in (
            ("memory_mb", list(map(_memory_mb, rows)), monitor.max_memory_mb, "MB of memory"),
            ("cpu", list(map(_cpu_share, rows)), monitor.max_cpu, "of a processor"),
        ):
            known_ones = [one for one in used if one is not None]
            if not known_ones:
                continue
            most = max(known_ones)
            checks.measured[name] = most
            if limit is not None and most > limit:
                suspect = Suspect(
                    name=name, statistic=name, value=most, p=None, before=limit, after=most
                )
                checks.limit(suspect, f"a gateway takes {most:.4g} {words}, {limit:g} at most")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """A window's answers, as figures.

    Attributes:
        rows: Decisions on record; `weight` how many they stand for.
        size: How many of equal weight say as much.
        errors: Share of them that failed.
        latencies: Of those that did not, in ms, ascending, with their `weights`.
    """

    rows: int
    weight: float
    size: float
    errors: float
    latencies: Floats
    weights: Floats

    @classmethod
    def of(cls, rows: pl.DataFrame) -> _Answers:
        weights = rows[WEIGHT].to_numpy()
        failed = (rows["status"] == "error").to_numpy()
        order = np.argsort(rows["latency_us"].to_numpy()[~failed], kind="stable")
        total = float(weights.sum())
        return cls(
            rows=len(rows),
            weight=total,
            size=effective(weights),
            errors=float(weights[failed].sum()) / total if total else 0.0,
            latencies=rows["latency_us"].to_numpy()[~failed][order] / 1000,
            weights=weights[~failed][order],
        )

    def quantile(self, share: float) -> float:
        """Return the smallest latency that a share of the answers did not exceed, in ms."""
        if not len(self.latencies):
            return 0.0
        reached = np.cumsum(self.weights)
        place = np.searchsorted(reached, share * reached[-1] * (1 - 1e-12), side="left")
        return float(self.latencies[min(int(place), len(self.latencies) - 1)])

    def above(self, limit_ms: float) -> float:
        """Return the share of the answers that took longer."""
        total = float(self.weights.sum())
        return float(self.weights[self.latencies > limit_ms].sum()) / total if total else 0.0


def _check_throughput(checks: Checks, monitor: Health, now: _Answers, span: timedelta) -> None:
    per_s = now.weight / span.total_seconds()
    checks.measured["per_s"] = per_s
    if monitor.min_per_s is not None and per_s < monitor.min_per_s:
        suspect = Suspect(
            name="throughput",
            statistic="per_s",
            value=per_s,
            p=None,
            what="decisions a second",
            before=monitor.min_per_s,
            after=per_s,
        )
        words = f"{per_s:.3g} decisions a second, {monitor.min_per_s:g} at least"
        checks.limit(suspect, words)


def _check_errors(checks: Checks, monitor: Health, now: _Answers, past: list[_Answers]) -> None:
    limit = monitor.max_error_rate
    checks.measured["error_rate"] = now.errors
    sizes = np.array([one.size for one in past], dtype=np.float64)
    hits = np.array([one.errors for one in past], dtype=np.float64) * sizes
    before = float(hits.sum() / sizes.sum()) if sizes.sum() else None
    if limit is not None:
        p = above_limit(now.errors * now.size, now.size, limit)
        if now.errors > limit and p < _CERTAIN:
            words = f"{now.errors:.2%} of the decisions failed, {limit:.2%} at most"
            checks.limit(_errors(now.errors, p, limit), words)
    if len(past) < 3:
        return
    p = above_reference(
        now.errors * now.size,
        now.size,
        known_hits=float(hits.sum()),
        known_rows=float(sizes.sum()),
        dispersion=dispersion_of(hits, sizes),
    )
    words = f"{now.errors:.2%} of the decisions failed where {before or 0.0:.2%} are usual"
    checks.weigh("error_rate", _errors(now.errors, p, before), words)


def _errors(rate: float, p: float, before: float | None) -> Suspect:
    return Suspect(
        name="errors",
        statistic="error_rate",
        value=rate,
        p=p,
        what="share of decisions",
        before=before,
        after=rate,
    )


def _check_latency(checks: Checks, monitor: Health, now: _Answers, past: list[_Answers]) -> None:
    for name, share in _QUANTILES.items():
        value = now.quantile(share)
        checks.measured[f"latency_ms.{name}"] = value
        limit: float | None = getattr(monitor, f"max_latency_ms_{name}")
        if limit is None:
            continue
        size = effective(now.weights)
        p = above_limit(now.above(limit) * size, size, 1 - share)
        if value > limit and p < _CERTAIN:
            words = f"the {name} of latency is {value:.4g} ms, {limit:g} ms at most"
            checks.limit(_latency(name, value, p, limit), words)
    slow = now.quantile(0.99)
    before = [one.quantile(0.99) for one in past]
    p = unusual(slow, before, least=0.001)
    usual = float(np.median(before)) if before else None
    words = f"the p99 of latency is {slow:.4g} ms where {usual or 0.0:.4g} ms is usual"
    checks.weigh("latency", _latency("p99", slow, known(p), usual), words)


def _latency(name: str, value: float, p: float | None, before: float | None) -> Suspect:
    return Suspect(
        name="latency",
        statistic=f"latency_ms.{name}",
        value=value,
        p=p,
        what=f"{name} in ms",
        before=before,
        after=value,
    )


def _windows_back(rows: pl.DataFrame, view: WindowView, span: timedelta) -> pl.Series:
    """Return how many windows before this one each row lies."""
    width = round(span / timedelta(microseconds=1))
    return ((view.window.until - rows["at"]).dt.total_microseconds() - 1) // width


def _most(back: pl.Series) -> int:
    most: Any = back.max()
    return -1 if most is None else int(most)


def _memory_mb(gateway: Intent) -> float | None:
    """Return the most memory that a gateway process had resident lately, as it reports itself."""
    said = gateway.status.get("resident_peak_bytes") or gateway.status.get("resident_bytes")
    return None if said is None else float(said) / _MB


def _cpu_share(gateway: Intent) -> float | None:
    """Return the share of one processor that a gateway process took since it began."""
    said, at = gateway.status.get("cpu_s"), gateway.status.get("at")
    if said is None or at is None:
        return None
    lived_s = (parse_time(at) - gateway.created_at).total_seconds()
    return float(said) / lived_s if lived_s >= _LEAST_LIFE_S else None


__all__ = ["HealthWatcher"]

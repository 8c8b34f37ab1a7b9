"""A monitor's status: where it is in event time, and what it has seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations at run time
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.core.clock import parse_time
from towpath.operate.monitoring.detector import accumulate, level_of

if TYPE_CHECKING:
    from towpath.operate.monitoring.findings import Finding, Suspect

_WINDOWS_KEPT = 60


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What the reconciler needs back at its next step, and pages show.

    Attributes:
        watermark: End of the last window judged; None before the first decision.
        model: The model version watched now, and the `run` that holds its measurements.
        levels: Level of each stream's e-detector.
        windows: The last windows, oldest first.
        seen: Windows passed so far; `alerts` those that raised one.
        blind: Why nothing can be judged, where that is so.
        spread: How columns were spread in the newest window that was judged: see `Finding`.
        counted: Files of the open window that were counted, by their digests: see `CountedFiles`.
    """

    watermark: datetime | None = None
    model: str | None = None
    run: str | None = None
    levels: dict[str, float] = {}
    windows: tuple[dict[str, Any], ...] = ()
    seen: int = 0
    alerts: int = 0
    blind: str | None = None
    counted: dict[str, str] = {}
    spread: dict[str, list[float]] = {}

    def following(self, model: str, run: str) -> State:
        """Return the state at the beginning of another model's watch: its detectors saw nothing."""
        return msgspec.structs.replace(
            self, model=model, run=run, levels={}, blind=None, counted={}
        )

    def dated(self, finding: Finding) -> Finding:
        """Return the finding with the time since when, without a gap, each suspect has stood out."""
        before = self.windows[-1] if self.windows else {}
        known = {one["name"]: one for one in before.get("features", ())}
        begun = parse_time(before["since"]) if known else None
        suspects: list[Suspect] = []
        for one in finding.suspects:
            earlier = known.get(one.name)
            since = None if earlier is None else earlier.get("since") or begun
            if isinstance(since, str):
                since = parse_time(since)
            suspects.append(msgspec.structs.replace(one, since=since or finding.window.since))
        return replace(finding, suspects=tuple(suspects))

    def after(self, finding: Finding, *, run_length: int) -> Step:
        """Return what one more window leads to. An alarm sets the detectors back to zero."""
        levels = accumulate(self.levels, finding.evidence) if finding.judged else self.levels
        score = level_of(levels) / run_length
        alarm = finding.breach or (finding.judged and score >= 1)
        state = msgspec.structs.replace(
            self,
            watermark=finding.window.until,
            levels={} if alarm else levels,
            windows=(*self.windows, finding.brief(alarm=alarm, score=score))[-_WINDOWS_KEPT:],
            seen=self.seen + 1,
            alerts=self.alerts + alarm,
            spread=finding.spread or self.spread,
        )
        return Step(state=state, levels=levels, score=score, alarm=alarm)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What one window led to.

    Attributes:
        levels: The detectors' levels before an alarm set them back.
        score: Their mean level in units of the bar: an alarm at one.
    """

    state: State
    levels: dict[str, float]
    score: float
    alarm: bool

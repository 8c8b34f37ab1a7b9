"""What a monitor says about one window."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations at run time
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from towpath.ledger.records import Json
    from towpath.operate.monitoring.examples import Example


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """What stands out: a feature, the prediction, a metric, a slice; and by how much.

    Attributes:
        name: What it is, as people know it.
        statistic: What was measured: `ks`, `tv`, a loss's name, a rule's name.
        value: How much that was.
        p: Probability of that much or more in a quiet window; None where it can't be told.
        what: Which of its own quantities moved the most, in words: `median`, `share of 'JFK'`.
        before: That quantity in the reference, in the column's own unit; None without one.
        after: The same in the window.
        since: Beginning of the first of the windows in a row in which it stood out.
    """

    name: str
    statistic: str
    value: float
    p: float | None
    what: str = ""
    before: float | None = None
    after: float | None = None
    since: datetime | None = None

    @property
    def moved(self) -> str:
        """By how much, as people say it: `median from 38.1 to 51.4`; empty where that is not known."""
        if not self.what or self.before is None or self.after is None:
            return ""
        return f"{self.what} from {self.before:.4g} to {self.after:.4g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of event time, [since, until)."""

    since: datetime
    until: datetime

    @property
    def index(self) -> int:
        """Number of the window since 1970, counted in its own length: the step of its metrics."""
        return round(self.since.timestamp() / (self.until - self.since).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One judged window.

    Attributes:
        rows: Decisions that went in.
        judged: False when they were too few to say anything; the detectors then stand still.
        evidence: E-value per stream.
        suspects: What stands out, most unusual first.
        measured: Points for the monitor's chart.
        summary: One line for people.
        breach: Whether a declared limit is broken in this window, so that it alarms without waiting for
            the detectors. What is merely unusual is evidence instead.
        excess: Loss beyond what was promised, summed over the decisions it is about, in the metric's
            unit; None where nobody knows. An alert says what that cost.
        examples: Decisions that show it, by id; never their values.
        settled: What only became known now about windows that were judged before, as further points of
            their charts.
        basis: What the window was compared with, in words.
        moved: Everything that was looked at, by name, as a suspect would be told: an alarm may come
            from many windows of which none stood out.
        spread: How columns were spread over the reference's groups of bins, missing values last: shares,
            rounded to a thousandth. What the page draws of the newest window.
    """

    window: Window
    rows: int
    judged: bool
    evidence: dict[str, float] = field(default_factory=dict[str, float])
    suspects: tuple[Suspect, ...] = ()
    measured: dict[str, float] = field(default_factory=dict[str, float])
    summary: str = ""
    breach: bool = False
    excess: float | None = None
    examples: tuple[Example, ...] = ()
    settled: tuple[tuple[Window, dict[str, float]], ...] = ()
    basis: str = ""
    moved: dict[str, Suspect] = field(default_factory=dict[str, Suspect])
    spread: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def brief(self, *, alarm: bool, score: float) -> Json:
        """Return what the monitor's status keeps of it.

        Args:
            alarm: Whether the detectors reached their bar with this window.
            score: Their level in units of that bar.
        """
        return {
            "since": self.window.since.isoformat(),
            "until": self.window.until.isoformat(),
            "rows": self.rows,
            "judged": self.judged,
            "alarm": alarm,
            "score": score,
            "excess": self.excess,
            "basis": self.basis,
            "features": [msgspec.to_builtins(one) for one in self.suspects],
        }

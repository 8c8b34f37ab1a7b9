"""From the checks of one window to a finding: what stands out is named, the rest is evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from towpath.operate.monitoring.detector import discoveries, evidence_of
from towpath.operate.monitoring.findings import Finding, Suspect

if TYPE_CHECKING:
    from towpath.operate.monitoring.examples import Example
    from towpath.operate.monitoring.findings import Window

_NAMED = 3


@dataclass(slots=True)
class Checks:
    """Collects what a watcher checks about one window.

    Attributes:
        rate: False-discovery rate among the checks that are named.
        measured: Points for the monitor's chart.
    """

    rate: float = 0.05
    measured: dict[str, float] = field(default_factory=dict[str, float])
    _unusual: dict[str, tuple[Suspect, str]] = field(
        default_factory=dict[str, "tuple[Suspect, str]"]
    )
    _broken: list[tuple[Suspect, str]] = field(default_factory=list["tuple[Suspect, str]"])

    def limit(self, suspect: Suspect, words: str) -> None:
        """Note that a declared limit is broken here and now.

        Args:
            suspect: What broke it.
            words: That, as the end of a sentence: `12 % of 'wind' are missing, 5 % at most`.
        """
        self._broken.append((suspect, words))

    def weigh(self, stream: str, suspect: Suspect, words: str) -> None:
        """Note how unusual something is, by the suspect's p; without one it is no evidence.

        Args:
            stream: Names what is gathered over windows.
            suspect: What it is.
            words: What would be said of it if it stood out.
        """
        self._unusual[stream] = (suspect, words)

    def finding(
        self,
        window: Window,
        rows: int,
        *,
        excess: float | None = None,
        examples: tuple[Example, ...] = (),
        settled: tuple[tuple[Window, dict[str, float]], ...] = (),
    ) -> Finding:
        """Return what the checks come to, broken limits first, then the most unusual.

        The last three are as `Finding` has them.
        """
        p_values = {
            stream: math.nan if one.p is None else one.p
            for stream, (one, _) in self._unusual.items()
        }
        found = sorted(discoveries(p_values, self.rate), key=lambda one: (p_values[one], one))
        told = [*self._broken, *(self._unusual[stream] for stream in found)]
        words = [one for _, one in told]
        more = f", and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
        return Finding(
            window=window,
            rows=rows,
            judged=True,
            evidence={stream: evidence_of(p) for stream, p in p_values.items()},
            suspects=tuple(one for one, _ in told),
            measured={"rows": float(rows), **self.measured},
            summary="; ".join(words[:_NAMED]) + more if words else "nothing stands out alone",
            breach=bool(self._broken),
            excess=excess,
            examples=examples,
            settled=settled,
        )


def too_few(window: Window, rows: int) -> Finding:
    """Return the finding of a window in which nothing can be told."""
    return Finding(window=window, rows=rows, judged=False, measured={"rows": float(rows)})


def known(p: float) -> float | None:
    """Return a p-value as suspects hold it: None where it can't be told."""
    return None if math.isnan(p) else p


__all__ = ["Checks", "known", "too_few"]

"""Where a wrong answer may come from: each suspect is a number that was computed, with what it means."""

from towpath.trace.incidents.suspects.changes import changed_suspects
from towpath.trace.incidents.suspects.drift import drift_suspects
from towpath.trace.incidents.suspects.rows import row_suspects
from towpath.trace.incidents.suspects.slices import slice_suspects
from towpath.trace.incidents.suspects.traffic import Traffic

__all__ = ["Traffic", "changed_suspects", "drift_suspects", "row_suspects", "slice_suspects"]

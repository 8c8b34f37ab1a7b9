"""Decisions about a subject that alerts name, so that people can look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.operate.monitoring.examples import (
    count_examples,
    find_examples,
    forget_examples,
)
from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies.contract import FoundCopy

if TYPE_CHECKING:
    from towpath.ledger.contract import Ledger
    from towpath.trace.erasure.copies.contract import About


class AlertExamples:
    """See `Copies`. An alert that is raised later names nobody who has withdrawn."""

    kind = "alert_examples"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def held(self, about: About) -> list[HeldCopy]:
        """Return how many examples are about the subjects."""
        with self._ledger.read() as tx:
            count = count_examples(tx, about.subjects)
        return [HeldCopy(kind=self.kind, name="alerts", count=count)] if count else []

    def find(self, about: About) -> list[FoundCopy]:
        """Return the alerts that name decisions about the subject."""
        with self._ledger.read() as tx:
            found = find_examples(tx, about.subject)
        return [
            FoundCopy(
                name=alert,
                count=len(decisions),
                rows=tuple({"decision": one} for one in decisions),
                note="an alert shows these decisions as examples",
            )
            for alert, decisions in found.items()
        ]

    def erase(self, about: About) -> None:
        """Take the subjects' decisions out of every alert."""
        with self._ledger.write(actor="erasure") as tx:
            forget_examples(tx, about.subjects)

    def beyond(self, about: About) -> list[str]:
        """Return nothing: messages and pages say how many examples there are, and read them when asked."""
        del about
        return []

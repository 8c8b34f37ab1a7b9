"""What incidents and regression cases hold of people, for erasures and access reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies import FoundCopy
from towpath.trace.incidents.rows import KIND

if TYPE_CHECKING:
    from collections.abc import Collection

    from towpath.assets.cases import RegressionCases
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Json
    from towpath.trace.erasure.copies import About


class KeptCases:
    """See `Copies`: recorded inputs that later models are asked again, each sealed under its own key."""

    kind = "regression_cases"

    def __init__(self, cases: RegressionCases) -> None:
        self._cases = cases

    def held(self, about: About) -> list[HeldCopy]:
        """Return each case that was kept of the subject's decisions."""
        found = [case for one in about.subjects for case, _ in self._cases.about(one)]
        return [HeldCopy(kind=self.kind, name=case.name, count=1) for case in found]

    def find(self, about: About) -> list[FoundCopy]:
        """Return each case with what was recorded, and what the answer should have been."""
        return [
            FoundCopy(
                name=case.name,
                count=1,
                rows=(_row(case.decision, str(case.expectation), inputs),),
                note="later models are asked this again, so that they don't repeat what went wrong",
            )
            for case, inputs in self._cases.about(about.subject)
        ]

    def erase(self, about: About) -> None:
        """Destroy the keys, and with them the recorded inputs wherever the ledger was copied to."""
        for one in about.subjects:
            self._cases.erase(one)

    def beyond(self, about: About) -> list[str]:
        """Return nothing: sealed copies are unreadable without a key that is gone."""
        del about
        return []


class IncidentDecisions:
    """See `Copies`: decisions that incidents name. An incident that is opened later names nobody who left."""

    kind = "incidents"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def held(self, about: About) -> list[HeldCopy]:
        """Return each incident that names decisions about the subject, and how many."""
        return [
            HeldCopy(kind=self.kind, name=name, count=len(decisions))
            for name, decisions in self._named(about.subjects).items()
        ]

    def find(self, about: About) -> list[FoundCopy]:
        """Return each incident with the subject's decisions."""
        return [
            FoundCopy(
                name=name,
                count=len(decisions),
                rows=tuple({"decision": one} for one in decisions),
                note="people look into what went wrong with these decisions",
            )
            for name, decisions in self._named(about.subjects).items()
        ]

    def erase(self, about: About) -> None:
        """Take the subject's decisions out of every incident, closed ones too. Idempotent."""
        theirs = frozenset(about.subjects)
        with self._ledger.write(actor="erasure") as tx:
            for row in tx.intents.list(KIND, limit=None):
                evidence: list[Json] = row.spec["evidence"]
                kept = [one for one in evidence if one["subject"] not in theirs]
                if kept != evidence:
                    spec: dict[str, Any] = {**row.spec, "evidence": kept}
                    tx.intents.put(KIND, row.name, project=row.project, spec=spec)

    def beyond(self, about: About) -> list[str]:
        """Return nothing: pages read incidents when they are opened."""
        del about
        return []

    def _named(self, subjects: Collection[str]) -> dict[str, list[str]]:
        with self._ledger.read() as tx:
            rows = tx.intents.list(KIND, limit=None)
        found = {
            row.name: [
                one["decision"] for one in row.spec["evidence"] if one["subject"] in subjects
            ]
            for row in rows
        }
        return {name: decisions for name, decisions in found.items() if decisions}


def _row(decision: str | None, expected: str, inputs: Json) -> Json:
    return {"decision": decision, "answer should be": expected, **inputs}


__all__ = ["IncidentDecisions", "KeptCases"]

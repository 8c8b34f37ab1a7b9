"""Reports of rules and marks of personal columns, out of a version's body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.quality import checks_of, marks_of
from towpath.server.resources.quality import CheckReport, PersonalMark, RuleFinding, RuleSample

if TYPE_CHECKING:
    from towpath.ledger.records import Version

_TROUBLE = ("warned", "refused")


def report_of(version: Version) -> CheckReport | None:
    """Return how a version's rows did; None if there were no rules."""
    report = checks_of(version)
    if report is None:
        return None
    return CheckReport(
        rows=report.rows,
        quarantined=report.quarantined,
        quarantine=report.quarantine,
        against=list(report.against),
        rules=[
            RuleFinding(
                rule=one.rule,
                name=one.name,
                columns=list(one.columns),
                policy=one.policy,
                tolerance=one.tolerance,
                checked=one.checked,
                broken=one.broken,
                outcome=one.outcome,
                words=one.words,
                value=one.value,
                sample=[RuleSample(row=row.row, key=row.key) for row in one.sample],
            )
            for one in report.results
        ],
    )


def trouble_of(version: Version) -> tuple[int, int]:
    """Return how many rows were set aside, and how many rules warned."""
    report = checks_of(version)
    if report is None:
        return 0, 0
    return report.quarantined, sum(one.outcome in _TROUBLE for one in report.results)


def personal_marks(version: Version) -> list[PersonalMark]:
    """Return the columns that look personal and are not declared so, by name."""
    return [
        PersonalMark(
            column=one.column,
            kind=one.kind,
            share=one.share,
            sampled=one.sampled,
            inside=one.inside,
            says=one.says,
        )
        for one in sorted(marks_of(version), key=lambda one: one.column)
    ]

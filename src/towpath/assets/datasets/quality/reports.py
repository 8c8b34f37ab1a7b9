"""The report on a commit's rows, as the body of its version keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.checks import CheckReport

if TYPE_CHECKING:
    from collections.abc import Collection

    from towpath.ledger.records import Json, Version

CHECKS = "checks"


def checks_of(version: Version) -> CheckReport | None:
    """Return how a version's rows did when they were committed; None if nobody judged them."""
    found = version.body.get(CHECKS)
    return None if found is None else CheckReport.from_json(found)


def checks_without(version: Version, hashes: Collection[str]) -> Json:
    """Return what of a body an erasure changes: the report without samples of some subjects' rows."""
    report = checks_of(version)
    return {} if report is None else {CHECKS: report.without_subjects(hashes).to_json()}

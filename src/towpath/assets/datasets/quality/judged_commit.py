"""A commit that is judged first: what a rule sets aside is committed to the quarantine with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from towpath.assets.datasets.committing import Request
from towpath.assets.datasets.quality.quarantine import quarantine_of, quarantine_rows
from towpath.assets.datasets.quality.reports import CHECKS
from towpath.assets.datasets.quality.together import commit_together

if TYPE_CHECKING:
    from towpath.assets.datasets.committing import Staged
    from towpath.assets.datasets.quality.together import Parts
    from towpath.assets.datasets.quality.verdict import Quality, Verdict
    from towpath.ledger.records import Json, Version


class JudgedCommit:
    """Carries a request through like `Commit`, by the data set's rules.

    The version and that of the quarantine are recorded in one transaction. A rule that looks at
    stored rows has looked at the version that this one follows, or the attempt is made again.

    Args:
        parts: Ledger, blobs and keyring.
        request: What is asked for; its rows have the declared columns and types.
        quality: Judges the rows.
    """

    def __init__(self, parts: Parts, request: Request, quality: Quality) -> None:
        self._parts = parts
        self._request = request
        self._quality = quality

    def attempt(self) -> Version | None:
        """Try once; None if somebody else changed in between what this builds on.

        Raises:
            SchemaViolation: A rule refuses the rows.
        """
        request = self._request
        verdict = self._quality.judge(
            request.dataset, request.line, request.rows, mode=request.mode
        )

        def notes(quarantine: Staged | None, before: Version | None) -> Json:
            report = verdict.report
            if quarantine is not None:
                report = msgspec.structs.replace(report, quarantine=str(quarantine.ref))
            rest = {} if request.notes is None else request.notes(before)
            return {CHECKS: report.to_json(), **rest}

        return commit_together(
            self._parts,
            replace(request, rows=verdict.rows, given=request.rows),
            other=None if verdict.aside.is_empty() else self._aside(verdict),
            judged=verdict.before,
            notes=notes,
        )

    def _aside(self, verdict: Verdict) -> Request:
        dataset = self._request.dataset
        return Request(
            dataset=quarantine_of(dataset),
            rows=quarantine_rows(dataset, verdict.aside),
            project=self._request.project,
            mode="merge",
            expected=None,
            made_by=self._request.made_by,
        )

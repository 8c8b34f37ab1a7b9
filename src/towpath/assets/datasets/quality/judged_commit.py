"""A commit that is judged first: what a rule sets aside is committed to the quarantine with it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from towpath.assets.datasets.committing import Commit, Request
from towpath.assets.datasets.quality.quarantine import quarantine_of, quarantine_rows
from towpath.assets.datasets.quality.reports import CHECKS
from towpath.core.errors import Conflict, TowpathError

if TYPE_CHECKING:
    from towpath.assets.checks import CheckReport
    from towpath.assets.datasets.committing import Staged
    from towpath.assets.datasets.quality.verdict import Quality, Verdict
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json, Version
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring


class JudgedCommit:
    """Carries a request through like `Commit`, by the data set's rules.

    The version and that of the quarantine are recorded in one transaction. A rule that looks at
    stored rows has looked at the version that this one follows, or the attempt is made again.

    Args:
        ledger: Where versions are.
        blobs: Where bytes are.
        keyring: Hashes subjects.
        request: What is asked for; its rows have the declared columns and types.
        quality: Judges the rows.
    """

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        keyring: Keyring,
        request: Request,
        quality: Quality,
    ) -> None:
        self._parts = (ledger, blobs, keyring)
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
        if verdict.aside.is_empty():
            return self._commit(verdict, aside=None)
        aside = Commit(*self._parts, self._aside(verdict))
        staged = aside.stage()
        if staged is None:
            return None
        done = False
        try:
            version = self._commit(verdict, aside=(aside, staged))
            done = version is not None
            return version
        finally:
            if not done:
                with suppress(TowpathError):
                    aside.abandon(staged)

    def _commit(self, verdict: Verdict, *, aside: tuple[Commit, Staged] | None) -> Version | None:
        moved = False

        def together(tx: Transaction, version: Version) -> None:
            nonlocal moved
            number = 0 if verdict.before is None else verdict.before.ref.version
            if version.ref.version not in (number, (number or 0) + 1):
                moved = True
            elif aside is not None:
                moved = aside[0].record(tx, aside[1]) is None
            if moved:
                raise Conflict(f"{version.ref} is not what the rows were judged beside")
            if self._request.also is not None:
                self._request.also(tx, version)

        request = replace(
            self._request,
            rows=verdict.rows,
            given=self._request.rows,
            notes=partial(self._notes, verdict.report, None if aside is None else aside[1]),
            also=together,
        )
        try:
            return Commit(*self._parts, request).attempt()
        except Conflict:
            if moved:
                return None
            raise

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

    def _notes(self, report: CheckReport, staged: Staged | None, before: Version | None) -> Json:
        if staged is not None:
            report = msgspec.structs.replace(report, quarantine=str(staged.ref))
        rest = {} if self._request.notes is None else self._request.notes(before)
        return {CHECKS: report.to_json(), **rest}

"""Runs an ingest: reads its source, and commits what it gives with the position that it reached."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import structlog

from towpath.assets.sources import Fitting, Reading
from towpath.build.ingestion.attempt import Attempt, Overtaken
from towpath.build.ingestion.contract import IngestResult, Progress
from towpath.build.ingestion.pieces import PIECE_BYTES, pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from towpath.assets.datasets import DatasetStore
    from towpath.assets.sources import Batch
    from towpath.build.ingestion.declaration import Ingest
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger

_log = structlog.get_logger()
_ATTEMPTS = 3


def _untold(_: Progress) -> None: ...


class IngestRunner:
    """See `Ingests`.

    Args:
        ledger: Where runs and positions are.
        datasets: Where rows go.
        clock: Event time.
        folder: What relative paths of sources are relative to: the project's folder.
        environ: What `${NAME}` in a source stands for; the process's environment when None.
        piece_bytes: How much of a source is held in memory before it is written.
    """

    def __init__(
        self,
        ledger: Ledger,
        datasets: DatasetStore,
        clock: Clock,
        *,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        piece_bytes: int = PIECE_BYTES,
    ) -> None:
        self._ledger = ledger
        self._datasets = datasets
        self._clock = clock
        self._folder = folder
        self._environ = os.environ if environ is None else environ
        self._piece_bytes = piece_bytes

    def run(
        self,
        ingest: Ingest,
        *,
        project: str,
        anew: bool = False,
        expected: int | None = None,
        branch: str | None = None,
        on_progress: Callable[[Progress], None] = _untold,
    ) -> IngestResult:
        """See `Ingests.run`."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._attempt(
                    ingest,
                    project,
                    anew=anew,
                    expected=expected,
                    branch=branch,
                    on_progress=on_progress,
                )
            except Overtaken as overtaken:
                if attempt == _ATTEMPTS:
                    raise overtaken.conflict from overtaken
                _log.info("ingest.restarted", ingest=ingest.name, attempt=attempt)
        raise AssertionError  # the last attempt has returned or raised

    def _attempt(
        self,
        ingest: Ingest,
        project: str,
        *,
        anew: bool,
        expected: int | None,
        branch: str | None,
        on_progress: Callable[[Progress], None],
    ) -> IngestResult:
        began = time.perf_counter()
        attempt = Attempt(
            self._ledger,
            self._datasets,
            self._clock,
            ingest,
            project,
            anew=anew,
            expected=expected,
            branch=branch,
        )
        rows = attempt.resumed_rows

        def tell(batch: Batch) -> None:
            nonlocal rows
            rows += batch.rows.height
            on_progress(Progress(stage="reading", rows=rows, share=batch.done, origin=batch.origin))

        fitting = Fitting(
            columns=ingest.dataset.columns, names=dict(ingest.columns), exact=ingest.exact
        )
        reading = Reading(
            columns=fitting.asked(),
            after=attempt.position,
            folder=self._folder,
            environ=self._environ,
            exact=ingest.exact,
        )
        with attempt:
            pieces = pieces_of(
                ingest.source.read(reading), fitting, piece_bytes=self._piece_bytes, on_batch=tell
            )
            for piece in pieces:
                if piece.is_last:
                    on_progress(Progress(stage="committing", rows=rows, share=1.0))
                attempt.take(piece)
                del piece  # the next one is gathered before it takes this one's place
        on_progress(Progress(stage="done", rows=rows, share=1.0))
        return attempt.result(rows, seconds=time.perf_counter() - began)

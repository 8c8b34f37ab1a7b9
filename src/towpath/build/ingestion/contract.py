"""What running an ingest gives, and says on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.build.ingestion.declaration import Ingest
    from towpath.ledger.records import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an ingest is.

    Attributes:
        stage: `reading` its source, `committing` what it read, or `done`.
        rows: Rows read so far, those of an interrupted run that it carries on included.
        share: Which share of the source has been read, 0 to 1; None where nobody can tell.
        origin: The file or page that it reads.
    """

    stage: Literal["reading", "committing", "done"]
    rows: int
    share: float | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What an ingest did.

    Attributes:
        version: The version that it made; the latest if nothing changed; None if the source is empty
            and the data set has no version.
        run: Id of its run; None if the source had nothing new.
        rows: Rows that the source gave.
        resumed_rows: How many of them an interrupted run had kept already.
        is_new: Whether the version is a new one.
        seconds: How long it took.
    """

    version: Version | None
    run: str | None
    rows: int
    resumed_rows: int
    is_new: bool
    seconds: float


class Ingests(Protocol):
    """Runs ingests. Safe to call in several processes; the second to finish one is told."""

    def run(
        self,
        ingest: Ingest,
        *,
        project: str,
        anew: bool = False,
        expected: int | None = None,
        branch: str | None = None,
        on_progress: Callable[[Progress], None] = ...,
    ) -> IngestResult:
        """Read the source from where the last run left it, and commit what it gives as one version.

        What fits into one piece is committed as by `DatasetStore.commit`. More goes through a load, in
        pieces, in constant memory: after a kill, running it again carries on at the last piece that
        was kept. Version, position and the end of the run are one transaction, so rows are neither
        lost nor taken twice.

        Args:
            ingest: What to run.
            project: The project that owns it.
            anew: Forget the position, and read everything.
            expected: As for `DatasetStore.commit`.
            branch: As for `DatasetStore.commit`. Use an ingest of its own for it: positions are kept by
                the ingest's name.
            on_progress: Told how far it is.

        Raises:
            SchemaViolation: Rows don't fit the declaration; no version was made, and what was kept of
                this run is deleted, so that a mended source is read from where it began.
            Conflict: Another process ran the same ingest meanwhile, or somebody else's commit clashes.
            UsageError: The source can't be read, or an overwriting one has no rows.
            NotFound: There is no such file, table or page.
            Unavailable: The source's server failed; the next run carries on.
        """
        ...

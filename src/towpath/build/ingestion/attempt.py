"""One attempt at an ingest, from the state that it finds to the version that it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import structlog

from towpath.build.ingestion.contract import IngestResult
from towpath.build.ingestion.lineage import declare_source
from towpath.build.ingestion.state import IngestRecord, IngestState
from towpath.core.errors import Conflict, InfrastructureError, TowpathError, UsageError
from towpath.core.ids import new_id
from towpath.ledger.records import Metric

if TYPE_CHECKING:
    from types import TracebackType

    import polars as pl

    from towpath.assets.datasets import DatasetStore, Load
    from towpath.build.ingestion.declaration import Ingest
    from towpath.build.ingestion.pieces import Piece
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json, RunStatus, Version

_log = structlog.get_logger()
# What is committed at once is held several times over; from here on a load takes less.
_COMMIT_BYTES_MOST = 32 << 20


class Overtaken(Exception):
    """An erasure deleted the load under way; the ingest starts over."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(str(conflict))
        self.conflict = conflict


class Attempt:
    """Takes the pieces of one reading, as a context that sees to what is left when it fails.

    Nothing is recorded before the first row comes: a look that finds nothing leaves no run. Of rows that
    are given once and fit into one piece, the run is recorded with the version that it makes: what is
    refused, and can't be carried on, leaves nothing.

    Attributes:
        position: Where the source is to be read from.
        resumed_rows: Rows that an interrupted run had kept.
    """

    def __init__(
        self,
        ledger: Ledger,
        datasets: DatasetStore,
        clock: Clock,
        ingest: Ingest,
        project: str,
        *,
        anew: bool,
        expected: int | None,
        branch: str | None = None,
    ) -> None:
        self._ledger = ledger
        self._datasets = datasets
        self._clock = clock
        self._ingest = ingest
        self._project = project
        self._expected = expected
        self._branch = branch
        self._record = IngestRecord(project, ingest.name)
        self._load: Load | None = None
        self._version: Version | None = None
        self._run: str | None = None
        self._unrecorded: str | None = None  # the run, while it is to be recorded with its version
        self._position: Json | None = None
        self._taken = 0
        with ledger.write(actor="ingest") as tx:
            found = self._record.read(tx)
            self._state = found
            if not ingest.once or found != IngestState():
                # From here on whoever else was on it can't end it.
                self._state = self._record.change(tx, found, owner=new_id())
            line = ingest.dataset.ref.on(branch)
            self._before = tx.versions.latest("dataset", line.name)
        goes_on = ingest.increments and not anew and found.source == ingest.source.kind
        self.position: Json | None = found.position if goes_on else None
        self.resumed_rows = 0
        self._run = found.run
        if found.load:
            self._carry_on(anew=anew or found.begun_as != ingest.begun_as)
        elif found.run is not None:
            self._end_run("killed")

    def take(self, piece: Piece) -> None:
        """Keep a piece; after the last one, commit."""
        rows = self._told_apart(piece.rows)
        self._position = piece.position
        self._taken += piece.rows.height
        if self._load is None and piece.is_last and rows.estimated_size() <= _COMMIT_BYTES_MOST:
            self._commit(rows)
            return
        if self._load is None:
            self._begin(load=True)
            self._load = self._open()
        self._load.write(rows, position=piece.position)
        if piece.is_last:
            self._version = self._load.commit(also=self._finish)

    def result(self, rows: int, *, seconds: float) -> IngestResult:
        """Return what came of it."""
        before, after = self._before, self._version
        same = before is not None and after is not None and before.ref == after.ref
        return IngestResult(
            version=after,
            run=self._run,
            rows=rows,
            resumed_rows=self.resumed_rows,
            is_new=after is not None and not same,
            seconds=seconds,
        )

    def _commit(self, rows: pl.DataFrame) -> None:
        """Commit a source that fits into one piece."""
        if rows.is_empty():
            self._find_nothing()
            return
        if self._ingest.once:
            self._unrecorded = self._run = new_id()
        else:
            self._begin(load=False)
        self._version = self._datasets.commit(
            self._ingest.dataset,
            rows,
            project=self._project,
            mode=self._ingest.mode,
            expected=self._expected,
            made_by=self._run,
            branch=self._branch,
            also=self._finish,
        )

    def _find_nothing(self) -> None:
        if self._ingest.mode == "overwrite":
            raise UsageError(
                f"the source of ingest {self._ingest.name!r} has no rows, and would empty data set "
                f"{self._ingest.dataset.name!r}",
                remedy="Check the source. If that is meant, commit no rows with mode='overwrite'.",
            )
        with self._ledger.write(actor="ingest") as tx:
            self._note(tx, **self._reached(), rows=0, at=self._now(), error=None)
        self._version = self._before

    def _begin(self, *, load: bool) -> None:
        """Record the run, and that it is under way."""
        with self._ledger.write(actor="ingest") as tx:
            run = self._start_run(tx, new_id())
            state = self._record.change(
                tx,
                self._state,
                run=run,
                load=load,
                begun_as=self._ingest.begun_as,
                owner=self._state.owner or new_id(),
            )
        self._state, self._run = state, run

    def _start_run(self, tx: Transaction, run_id: str) -> str:
        """Record the run, and what it reads."""
        ingest = self._ingest
        run = tx.runs.start(
            kind="ingest",
            name=ingest.name,
            project=self._project,
            run_id=run_id,
            params={"source": ingest.source.kind, "mode": ingest.mode},
        )
        tx.graph.link(run.ref, "used", declare_source(tx, ingest, project=self._project))
        return run.id

    def _carry_on(self, *, anew: bool) -> None:
        """Take up the load of an interrupted run, if it can be carried on."""
        load = self._open()
        if load.position is not None and not anew:
            self._load, self.position, self.resumed_rows = load, load.position, load.rows
            _log.info("ingest.resumed", ingest=self._ingest.name, rows=load.rows)
            return
        load.discard()
        self._end_run("killed")

    def _open(self) -> Load:
        return self._datasets.load(
            self._ingest.dataset,
            project=self._project,
            name=f"ingest.{self._ingest.name}",
            mode=self._ingest.mode,
            expected=self._expected,
            made_by=self._run,
            branch=self._branch,
        )

    def _finish(self, tx: Transaction, version: Version) -> None:
        """Record, with the version, how far the source was read, and that the run is over.

        The transaction may yet fail, so that nothing of it is taken for granted here.
        """
        assert self._run is not None
        if self._unrecorded is not None:
            self._start_run(tx, self._unrecorded)
        rows = self._taken + self.resumed_rows
        self._note(
            tx,
            **self._reached(),
            turn=self._state.turn + 1,
            version=str(version.ref),
            rows=rows,
            at=self._now(),
            run=None,
            load=False,
            error=None,
        )
        now = self._clock.now()
        tx.runs.log_metrics(self._run, [Metric(key="rows", value=float(rows), at=now)])
        tx.runs.finish(self._run, "finished")

    def _end_run(self, status: RunStatus, error: str | None = None) -> None:
        """Record that a run ended without a version."""
        with self._ledger.write(actor="ingest") as tx:
            if self._run is not None and self._unrecorded is None:
                tx.runs.finish(self._run, status, error=error)
            state = self._note(tx, run=None, load=False, at=self._now(), error=error)
        self._state, self._run = state, None

    def _note(self, tx: Transaction, **changes: Any) -> IngestState:
        """Write down how the ingest stands; of one that is given once, nothing stays."""
        if self._ingest.once and not changes.get("load", self._state.load):
            return self._record.forget(tx, self._state)
        return self._record.change(tx, self._state, **changes)

    def _reached(self) -> Json:
        position = self._position if self._ingest.increments else None
        return {"position": position, "source": self._ingest.source.kind}

    def _now(self) -> str:
        return self._clock.now().isoformat()

    def _told_apart(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows without those that others of the piece stand for, as a load does it."""
        keys = list(self._ingest.dataset.key_columns)
        if rows.select(keys).n_unique() == rows.height:
            return rows
        if self._ingest.mode == "merge":
            return rows.unique(keys, keep="last", maintain_order=True)
        return rows.unique(keep="first", maintain_order=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave what the next attempt can carry on, and clear up what it can't."""
        if not isinstance(error, TowpathError):
            return  # all is well, or something ended the process; the next one carries on
        if isinstance(error, Conflict):
            with self._ledger.read() as tx:
                if self._record.read(tx).owner != self._state.owner:
                    return  # it is another process's now, and so is the load
        elif isinstance(error, InfrastructureError) and self._load is not None:
            return
        if self._load is not None:
            self._load.discard()
        self._end_run("failed", error.message)
        if isinstance(error, Conflict) and self._load is not None:
            raise Overtaken(error) from error

"""What the airports hand over: files in a folder, read by the ingests that the project declares."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from towpath.build.ingestion import IngestRunner

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime

    import polars as pl

    from towpath.app.home import Home
    from towpath.build.ingestion import IngestResult
    from towpath.operate.projects import Project

_ISO = "%Y-%m-%dT%H:%M:%SZ"


class Deliveries:
    """Writes a table's rows to a file, as whoever owns the source would, and has it ingested.

    A telling that carries on an earlier one may deliver rows again that are there: they are skipped.

    Args:
        home: Where the rows go.
        project: Declares an ingest for each table, from `TABLE/*.csv`.
        folder: Where the files are. Not in the home: what a source keeps is out of its reach.
    """

    def __init__(self, home: Home, project: Project, folder: Path) -> None:
        self._project = project
        self._folder = folder
        self._ingests = IngestRunner(home.ledger, home.datasets, home.clock, folder=folder)

    def deliver(self, table: str, rows: pl.DataFrame, until: datetime) -> IngestResult:
        """Hand over the rows that there were until a moment."""
        file = self._folder / table / f"until-{until:%Y-%m-%d}.csv"
        file.parent.mkdir(exist_ok=True)
        rows.write_csv(file, datetime_format=_ISO)
        ingest = next(one for one in self._project.ingests if one.name == table)
        return self._ingests.run(ingest, project=self._project.name)


@contextmanager
def delivering(home: Home, project: Project) -> Generator[Deliveries]:
    """Receive deliveries for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="towpath-airports-") as folder:
        yield Deliveries(home, project, Path(folder))

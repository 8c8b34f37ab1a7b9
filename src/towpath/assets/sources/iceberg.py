"""Iceberg tables as a source, read by PyIceberg."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl
import structlog

from towpath.assets.sources.contract import Batch
from towpath.assets.sources.framing import frame_of, wanted_of
from towpath.assets.sources.optional import need
from towpath.assets.sources.references import expand, is_secret, refuse_credentials, shown
from towpath.core.errors import InvalidProject, NotFound, TowpathError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from towpath.assets.sources.contract import Reading
    from towpath.ledger.records import Json

_log = structlog.get_logger()
_KEEPS_ROWS = ("append", "replace")  # operations of snapshots that change and remove no row


@dataclass(frozen=True, slots=True)
class Iceberg:
    """Rows of a table in an Iceberg catalog: `Iceberg("shop.orders", {"type": "rest", "uri": "…"})`.

    Read in increments, it takes the files that snapshots have appended since. Where a snapshot since
    then changed or deleted rows, or its history is gone, the whole table is read again; rows that were
    deleted there stay here unless the ingest overwrites. Files are read one at a time, with their
    deletes applied, and a load carries on at the next file.

    Attributes:
        table: `namespace.name`.
        catalog: The catalog's properties, as PyIceberg takes them; credentials by name (`${TOKEN}`).
        name: What the catalog is called; a catalog in a SQL database tells its tables apart by it.
        snapshot: Read this snapshot and nothing else; None for the current one.
    """

    table: str
    catalog: Mapping[str, str] = field(default_factory=dict[str, str])
    name: str = field(default="default", kw_only=True)
    snapshot: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what can't be read."""
        for name, value in self.catalog.items():
            if "://" in value:
                refuse_credentials(value, what="a catalog")
            if is_secret(name, value):
                raise InvalidProject(
                    f"the catalog of {self.table!r} is declared with its {name!r} spelled out",
                    remedy="Name an environment variable in its place, such as ${CATALOG_TOKEN}.",
                )
        if "." not in self.table:
            raise InvalidProject(
                f"{self.table!r} is not a table of a catalog", remedy="Write namespace.name."
            )

    @property
    def kind(self) -> str:
        """See `Source.kind`."""
        return "iceberg"

    @property
    def incremental(self) -> bool:
        """See `Source.incremental`."""
        return self.snapshot is None

    def describe(self) -> Json:
        """See `Source.describe`."""
        uri = self.catalog.get("uri")
        return {
            "table": self.table,
            "catalog": None if uri is None else shown(uri),
            "snapshot": self.snapshot,
        }

    def read(self, reading: Reading) -> Iterator[Batch]:
        """See `Source.read`."""
        table = self._open(reading)
        there = [one.name for one in table.schema().fields]
        names = tuple(wanted_of(reading.columns, there)) or ("*",)
        after = reading.after or {}
        # A load that was cut off goes on with the snapshot that it began with.
        goal = after.get("goal") or self.snapshot or _current(table)
        since, done = after.get("snapshot"), int(after.get("files", 0))
        if goal is not None and goal != since:
            scan, tasks = _planned(table, names, since=since, goal=goal)
            for place, task in enumerate(tasks):
                if place < done:
                    continue
                for rows in _read(scan, task):
                    yield Batch(rows=rows, origin=self.table, done=place / len(tasks))
                position = {"snapshot": since, "goal": goal, "files": place + 1}
                share = (place + 1) / len(tasks)
                yield Batch(rows=pl.DataFrame(), position=position, done=share)
        end = {"snapshot": goal} if self.incremental else None
        yield Batch(rows=pl.DataFrame(), position=end, done=1.0)

    def _open(self, reading: Reading) -> Any:
        catalogs = need("pyiceberg.catalog", what="Iceberg")
        errors = need("pyiceberg.exceptions", what="Iceberg")
        properties = {name: expand(one, reading.environ) for name, one in self.catalog.items()}
        try:
            return catalogs.load_catalog(self.name, **properties).load_table(self.table)
        except (errors.NoSuchTableError, errors.NoSuchNamespaceError) as error:
            raise NotFound(f"the catalog has no table {self.table!r}", table=self.table) from error
        except TowpathError:
            raise
        except Exception as error:
            raise Unavailable(
                f"the catalog of {self.table!r} does not answer ({type(error).__name__})",
                remedy="Check the catalog's properties, and the credentials that they name.",
            ) from error


def _current(table: Any) -> int | None:
    snapshot = table.current_snapshot()
    return None if snapshot is None else snapshot.snapshot_id


def _planned(
    table: Any, names: tuple[str, ...], *, since: int | None, goal: int
) -> tuple[Any, list[Any]]:
    """Return a scan and its files, in an order that is the same each time."""
    if since is not None and _only_added(table, since, goal):
        scan = table.incremental_append_scan(
            from_snapshot_id_exclusive=since, to_snapshot_id_inclusive=goal, selected_fields=names
        )
    else:
        if since is not None:
            _log.info("source.reread", table=".".join(table.name()), since=since, goal=goal)
        scan = table.scan(snapshot_id=goal, selected_fields=names)
    return scan, sorted(scan.plan_files(), key=lambda task: task.file.file_path)


def _only_added(table: Any, since: int, goal: int) -> bool:
    """Tell whether the snapshots between two have only added rows."""
    snapshot = table.snapshot_by_id(goal)
    while snapshot is not None and snapshot.snapshot_id != since:
        if snapshot.summary is None or snapshot.summary.operation.value not in _KEEPS_ROWS:
            return False
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else table.snapshot_by_id(parent)
    return snapshot is not None


def _read(scan: Any, task: Any) -> Iterator[pl.DataFrame]:
    reader = need("pyiceberg.io.pyarrow", what="Iceberg").ArrowScan(
        scan.table_metadata, scan.io, scan.projection(), scan.row_filter, scan.case_sensitive
    )
    for batch in reader.to_record_batches([task]):
        yield frame_of(batch)

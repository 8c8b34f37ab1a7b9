"""Delta Lake tables as a source, read by delta-rs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl
import structlog

from towpath.assets.sources.contract import Batch
from towpath.assets.sources.framing import frame_of, wanted_of
from towpath.assets.sources.optional import need
from towpath.assets.sources.references import expand, is_secret, refuse_credentials, shown
from towpath.core.errors import InvalidProject, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from towpath.assets.sources.contract import Reading
    from towpath.ledger.records import Json

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delta:
    """Rows of a Delta Lake table: `Delta("data/orders")`, `Delta("s3://bucket/orders")`.

    Read in increments, it takes the files that commits have added since. Where a commit since then
    removed a file (an update, a delete, an optimize), the whole table is read again; rows that were
    deleted there stay here unless the ingest overwrites. Files are read one at a time, and a load
    carries on at the next.

    Attributes:
        location: A folder, or an address that delta-rs knows.
        version: Read this version and nothing else; None for the latest.
        options: Storage options as delta-rs takes them; credentials by name (`${SECRET}`).
    """

    location: str
    version: int | None = field(default=None, kw_only=True)
    options: Mapping[str, str] = field(default_factory=dict[str, str], kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what can't be read."""
        refuse_credentials(self.location, what="a Delta table")
        for name, value in self.options.items():
            if is_secret(name, value):
                raise InvalidProject(
                    f"the table at {shown(self.location)} is declared with its {name!r} spelled out",
                    remedy="Name an environment variable in its place, such as ${STORAGE_SECRET}.",
                )

    @property
    def kind(self) -> str:
        """See `Source.kind`."""
        return "delta"

    @property
    def incremental(self) -> bool:
        """See `Source.incremental`."""
        return self.version is None

    def describe(self) -> Json:
        """See `Source.describe`."""
        return {"location": shown(self.location), "version": self.version}

    def read(self, reading: Reading) -> Iterator[Batch]:
        """See `Source.read`."""
        after = reading.after or {}
        # A load that was cut off goes on with the version that it began with.
        table = self._open(reading, after.get("goal", self.version))
        goal, since, done = table.version(), after.get("version"), int(after.get("files", 0))
        if goal != since:
            held = None if since is None else set(self._open(reading, since).file_uris())
            dataset = table.to_pyarrow_dataset()
            names = wanted_of(reading.columns, dataset.schema.names)
            fragments = _added(table, dataset, held)
            for place, fragment in enumerate(fragments[done:], start=done):
                for batch in fragment.to_batches(
                    schema=dataset.schema, columns=names, batch_size=reading.batch_rows
                ):
                    share = place / len(fragments)
                    yield Batch(rows=frame_of(batch), origin=self.location, done=share)
                position = {"version": since, "goal": goal, "files": place + 1}
                share = (place + 1) / len(fragments)
                yield Batch(rows=pl.DataFrame(), position=position, done=share)
        end = {"version": goal} if self.incremental else None
        yield Batch(rows=pl.DataFrame(), position=end, done=1.0)

    def _open(self, reading: Reading, version: int | None) -> Any:
        deltalake = need("deltalake", what="Delta Lake")
        errors = need("deltalake.exceptions", what="Delta Lake")
        location = expand(self.location, reading.environ)
        if "://" not in location:
            location = str(reading.folder / location)
        options = {name: expand(one, reading.environ) for name, one in self.options.items()}
        try:
            return deltalake.DeltaTable(location, version=version, storage_options=options or None)
        except errors.TableNotFoundError as error:
            raise NotFound(
                f"there is no Delta table at {shown(self.location)!r}",
                location=shown(self.location),
            ) from error
        except errors.DeltaError as error:
            raise Unavailable(
                f"the Delta table at {shown(self.location)} can't be opened at version {version}",
                remedy="Check the address and its credentials; a vacuumed version is gone, and an "
                "ingest with full=True reads the table anew.",
            ) from error


def _added(table: Any, dataset: Any, held: set[str] | None) -> list[Any]:
    """Return the files to read, in an order that is the same each time."""
    fragments = sorted(dataset.get_fragments(), key=lambda one: one.path)
    if held is None:
        return fragments
    now = set(table.file_uris())
    if not held <= now:
        _log.info("source.reread", version=table.version())
        return fragments
    fresh = {_tail(uri) for uri in now - held}
    return [one for one in fragments if _tail(one.path) in fresh]


def _tail(path: str) -> str:
    return path.rpartition("/")[2]

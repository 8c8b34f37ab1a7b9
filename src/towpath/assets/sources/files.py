"""Files as a source: Parquet, CSV, JSON lines and Arrow, on disk, in a bucket or behind an address."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

import polars as pl

from towpath.assets.sources.contract import Batch
from towpath.assets.sources.places import find_items
from towpath.assets.sources.references import refuse_credentials, shown_place
from towpath.assets.sources.seen import Seen
from towpath.assets.sources.tabular import ENDINGS, LINES_ABOVE, Format, format_of, read_table
from towpath.core.errors import InvalidProject, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from towpath.assets.sources.contract import Reading
    from towpath.assets.sources.places import Item
    from towpath.ledger.records import Json


@dataclass(frozen=True, slots=True)
class Files:
    """Rows of files: `Files("data/*.parquet")`, `Files("s3://bucket/day=*/part-*.csv.gz")`.

    Read in increments, it takes the files that it has not seen, by name, length and time of change
    (in a bucket by ETag); one that changed is read whole again. Behind an `https://` address one
    can't see whether a file changed, so it is not incremental there.

    Attributes:
        location: A path or pattern, `s3://bucket/pattern`, an `https://` address, or several of them.
            `**` matches folders at any depth. A bucket's address may carry `endpoint`, `region` and
            credentials by name (`?secret_access_key=${…}`); the usual `AWS_…` variables fill in.
        format: `parquet`, `csv`, `tsv`, `jsonl` (one JSON object per line) or `arrow`; by the file's
            ending when left out. Text may be packed: `.gz`, `.bz2`, `.zst`, `.lz4`.
        private: Whether an address may lie in the private network.
    """

    location: str | Sequence[str]
    format: Format | None = field(default=None, kw_only=True)
    private: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what can't be read."""
        object.__setattr__(self, "location", self.locations)
        for one in self.locations:
            refuse_credentials(one, what="files")
        if not self.locations or (self.format is not None and self.format not in get_args(Format)):
            raise InvalidProject(
                f"these files can't be a source: {self.location!r}, format {self.format!r}",
                remedy=f"Give a location; formats are {', '.join(get_args(Format))}.",
            )

    @property
    def kind(self) -> str:
        """See `Source.kind`."""
        return "files"

    @property
    def locations(self) -> tuple[str, ...]:
        """The locations as a tuple, however they were written."""
        return (self.location,) if isinstance(self.location, str) else tuple(self.location)

    @property
    def incremental(self) -> bool:
        """See `Source.incremental`."""
        return not any(one.startswith(("http://", "https://")) for one in self.locations)

    def describe(self) -> Json:
        """See `Source.describe`."""
        return {"location": [shown_place(one) for one in self.locations], "format": self.format}

    def read(self, reading: Reading) -> Iterator[Batch]:
        """See `Source.read`. A file is carried on in its middle, at the row that came next.

        Raises:
            UsageError: A file's ending says nothing, and no format was given.
            NotFound: There is no such file; a pattern may match none.
        """
        items = [
            item
            for one in self.locations
            for item in find_items(
                one, folder=reading.folder, environ=reading.environ, private=self.private
            )
        ]
        seen = Seen(reading.after, items)
        for item in seen.left():
            yield from self._file(item, reading, seen)
        end = seen.at_the_end() if self.incremental else None
        yield Batch(rows=pl.DataFrame(), position=end, done=1.0)

    def _file(self, item: Item, reading: Reading, seen: Seen) -> Iterator[Batch]:
        ending, packed = format_of(item.name)
        kind = self.format or ending
        if kind is None:
            raise UsageError(
                f"{item.name} does not say what kind of file it is",
                remedy="Say so (format='csv', or --format csv on the command line), or give it one of these "
                f"endings: {', '.join(ENDINGS)}.",
            )
        read = seen.rows_into(item)
        with item.open() as file:
            for rows in read_table(
                file,
                kind,
                reading.columns,
                exact=reading.exact,
                name=item.name,
                packed=packed,
                skip=read,
                rows=reading.batch_rows,
            ):
                first, read = read, read + rows.height
                yield Batch(
                    rows=rows,
                    origin=item.name,
                    first_row=first,
                    first_line=None if kind not in LINES_ABOVE else first + LINES_ABOVE[kind],
                    position=seen.within(item, read, rows.height),
                    done=seen.share(file.tell()),
                )
        seen.finish(item)

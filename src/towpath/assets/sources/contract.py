"""What a source of rows promises: batches in order, and a position after each to carry on from."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

    from towpath.assets.datasets import Column
    from towpath.ledger.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is asked of a source.

    Attributes:
        columns: The columns that are wanted, under the source's own names. A source that can read
            some columns without the others does; further ones in a batch are dropped by the caller.
        after: Position to carry on from; None for everything there is.
        folder: What relative paths are relative to.
        environ: What `${NAME}` in an address or a header stands for.
        exact: Whether columns that are not wanted shall come too, so that they can be complained about;
            a source that can't see them leaves them out.
        batch_rows: About how many rows a batch should have; a source may give fewer, and at most
            twice as many unless a single record of the source is larger than that.
    """

    columns: tuple[Column, ...]
    after: Json | None = None
    folder: Path = field(default_factory=Path)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    exact: bool = False
    batch_rows: int = 131_072

    @property
    def wanted(self) -> tuple[Column, ...] | None:
        """The columns to read; None for all there are."""
        return None if self.exact else self.columns

    @property
    def names(self) -> tuple[str, ...]:
        """The wanted columns' names."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows that a source gave, and where it stands after them.

    Attributes:
        rows: The rows, in the types of the source; text where the source knows no types.
        origin: What to call the place they are from in an error: a file's name, a page's number. Empty
            where the source is one thing.
        first_row: The number of the first of them in that place, from 0.
        first_line: The number of its line, from 1, if each row is a line; None if not.
        position: Give it as `Reading.after` to read what comes behind these rows, now or in a month.
            None where the source can't carry on from here; a later batch may have one. Plain JSON,
            without credentials; it is kept in the ledger, so a source whose position would be a
            personal value refuses to be read in increments.
        done: Which share of the source has been read, 0 to 1; None where nobody can tell.
    """

    rows: pl.DataFrame
    origin: str = ""
    first_row: int = 0
    first_line: int | None = None
    position: Json | None = None
    done: float | None = None


@runtime_checkable
class Source(Protocol):
    """Rows that live elsewhere. A declaration: immutable, comparable, and free to make.

    Nothing is opened before `read` is iterated. Memory stays constant in the number of rows: a source
    holds a few batches at most, and what can only be had whole (a Parquet file over HTTP) goes through
    a temporary file of its own, gone when the iterator is closed.

    Credentials are never written into a declaration: an address or header names them as `${NAME}`,
    and `Reading.environ` says what that is, at the moment of reading. `describe` and every error show
    the name.
    """

    @property
    def kind(self) -> str:
        """One word for what it is, such as `files`, `sql` or `rest`."""
        ...

    @property
    def incremental(self) -> bool:
        """Whether a position at its end leads to what was added since, and not to nothing at all."""
        ...

    def describe(self) -> Json:
        """Return what the ledger and the pages may know of it, without credentials."""
        ...

    def read(self, reading: Reading) -> Iterator[Batch]:
        """Read the source, from its start or from a position that one of its batches carried.

        Rows from before the position may come again where the source can't tell them apart (equal
        cursor values, a file that was cut off in the middle): keys make that harmless. None is left
        out. The last batch has a position whenever `incremental`; a source without news gives either
        nothing or one empty batch that carries the position on.

        Raises:
            NotFound: There is no such file, table or column.
            SchemaViolation: What is there is broken, or not of the kind that was declared.
            UsageError: An address is refused, `${NAME}` is not set, or an optional package is missing.
            Unavailable: The network or the server failed more often than retries cover.
        """
        ...

"""Reads the formats of files in batches: Parquet, CSV, JSON lines and Arrow, by Arrow's own readers."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.json as arrow_json
import pyarrow.parquet as pq

from towpath.assets.sources.framing import frame_of, wanted_of
from towpath.core.errors import SchemaViolation, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import polars as pl

    from towpath.assets.datasets import Column
    from towpath.assets.sources.places import ArrowFile

Format: TypeAlias = Literal["parquet", "csv", "tsv", "jsonl", "arrow"]
ENDINGS: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
# The number of the line that a file's first row is on, where rows are lines.
LINES_ABOVE: dict[Format, int] = {"csv": 2, "tsv": 2, "jsonl": 1}
_PACKED: dict[str, str] = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
_BLOCK_BYTES = 4 << 20
_RECORD_BYTES_MOST = 16 << 20
_NULLS = ["", "NA"]
# Where Arrow's messages go on with something out of the file.
_QUOTES = re.compile(r"couldn't parse|invalid value|Row #\d+: ")
_JSON_TYPES: dict[str, Any] = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
}


def format_of(name: str) -> tuple[Format | None, str | None]:
    """Return what a file's ending says: its format, and how it is packed (`.csv.gz`)."""
    lower = name.lower()
    packed = next((way for ending, way in _PACKED.items() if lower.endswith(ending)), None)
    bare = lower.rpartition(".")[0] if packed else lower
    return next((kind for end, kind in ENDINGS.items() if bare.endswith(end)), None), packed


def read_table(
    file: ArrowFile,
    kind: Format,
    columns: Sequence[Column],
    *,
    exact: bool = False,
    name: str,
    packed: str | None = None,
    skip: int = 0,
    rows: int,
) -> Iterator[pl.DataFrame]:
    """Yield a file's rows in batches, in the file's order, with at least the columns that it has.

    Text formats give text for what is declared as text, time, date or bytes; CSV gives nothing else.

    Args:
        file: The file, at its beginning.
        kind: Its format.
        columns: The wanted columns, under the file's own names; dots lead into nested ones.
        exact: Whether to give the others too.
        name: What to call it in errors.
        packed: How its bytes are packed; None for not.
        skip: How many rows to leave out at the beginning.
        rows: About how many rows a batch should have.

    Raises:
        SchemaViolation: The file is broken. The error quotes nothing of it.
    """
    with _broken(name):
        if packed is not None and kind in ("parquet", "arrow"):
            raise UsageError(
                f"{name} is a packed {kind} file, which can't be read in pieces",
                remedy=f"Unpack it; {kind} packs its columns by itself.",
            )
        asked = _Asked(columns=columns, exact=exact, packed=packed, rows=rows)
        for table in _READERS[kind](file, asked):
            if skip >= table.height:
                skip -= table.height
                continue
            for begin in range(skip, table.height, rows):
                yield table.slice(begin, rows)
            skip = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked of a reader; see `read_table`."""

    columns: Sequence[Column]
    exact: bool
    packed: str | None
    rows: int

    @property
    def only(self) -> Sequence[Column] | None:
        """The columns to give; None for all there are."""
        return None if self.exact else self.columns

    def names(self, there: list[str]) -> list[str]:
        """Return which of a file's columns to read."""
        return there if self.exact else wanted_of(self.columns, there)


def _parquet(file: ArrowFile, asked: _Asked) -> Iterator[pl.DataFrame]:
    # Without these two, Arrow would hold a whole row group's bytes.
    parquet = pq.ParquetFile(file, pre_buffer=False, buffer_size=_BLOCK_BYTES)
    names = asked.names(parquet.schema_arrow.names)
    for batch in parquet.iter_batches(asked.rows, columns=names):
        yield frame_of(batch, asked.only)


def _arrow(file: ArrowFile, asked: _Asked) -> Iterator[pl.DataFrame]:
    try:
        opened = pa.ipc.open_file(file)
    except pa.ArrowInvalid:  # a stream has no footer
        file.seek(0)
        for batch in pa.ipc.open_stream(file):
            yield frame_of(batch, asked.only)
        return
    for place in range(opened.num_record_batches):
        yield frame_of(opened.get_batch(place), asked.only)


def _json(file: ArrowFile, asked: _Asked) -> Iterator[pl.DataFrame]:
    if file.size() == 0:  # a day without rows; Arrow takes it for a broken file
        return
    for batch in arrow_json.open_json(
        _unpacked(file, asked.packed),
        read_options=arrow_json.ReadOptions(block_size=_RECORD_BYTES_MOST),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=_json_schema(asked.columns),
            unexpected_field_behavior="infer" if asked.exact else "ignore",
        ),
    ):
        yield frame_of(batch, asked.only)


def _json_schema(columns: Sequence[Column]) -> Any:
    """Return what to read: declared types where JSON has them, else text; dots as nested records."""
    tree: dict[str, Any] = {}
    for column in columns:
        *path, last = column.name.split(".")
        branch = tree
        for name in path:
            branch = branch.setdefault(name, {})
        branch[last] = _JSON_TYPES.get(column.type, pa.string())

    def fields(branch: dict[str, Any]) -> list[Any]:
        return [
            pa.field(name, pa.struct(fields(one)) if isinstance(one, dict) else one)
            for name, one in branch.items()
        ]

    return pa.schema(fields(tree))


def _csv(file: ArrowFile, asked: _Asked, *, by: str = ",") -> Iterator[pl.DataFrame]:
    wrong: list[str] = []

    def note(row: Any) -> str:
        wrong.append(
            f"row {row.number} has {row.actual_columns} fields, not {row.expected_columns}"
        )
        return "error"

    read = arrow_csv.ReadOptions(block_size=_RECORD_BYTES_MOST, use_threads=False)
    parse = arrow_csv.ParseOptions(delimiter=by, newlines_in_values=True, invalid_row_handler=note)
    try:
        names = arrow_csv.open_csv(
            _unpacked(file, asked.packed), read_options=read, parse_options=parse
        ).schema.names
        file.seek(0)
        wanted = asked.names(names)
        _refuse_twins(names, wanted)
        convert = arrow_csv.ConvertOptions(
            # Text as it stands: what does not fit is told by row, and no zero in front is lost.
            column_types=dict.fromkeys(wanted, pa.string()),
            include_columns=wanted or names[:1],
            null_values=_NULLS,
            strings_can_be_null=True,
        )
        for batch in arrow_csv.open_csv(
            _unpacked(file, asked.packed),
            read_options=read,
            parse_options=parse,
            convert_options=convert,
        ):
            yield frame_of(batch, asked.only)
    except pa.ArrowInvalid as error:
        raise pa.ArrowInvalid(wrong[0] if wrong else str(error)) from error


def _refuse_twins(names: Sequence[str], wanted: Sequence[str]) -> None:
    for name in wanted:
        if names.count(name) > 1:
            raise pa.ArrowInvalid(f"it has two columns {name!r}")


def _tsv(file: ArrowFile, asked: _Asked) -> Iterator[pl.DataFrame]:
    return _csv(file, asked, by="\t")


_READERS: dict[Format, Callable[[ArrowFile, _Asked], Iterator[pl.DataFrame]]] = {
    "parquet": _parquet,
    "csv": _csv,
    "tsv": _tsv,
    "jsonl": _json,
    "arrow": _arrow,
}


class _Kept:
    """A file that stays open when a stream over it is closed."""

    closed = False

    def __init__(self, file: ArrowFile) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(None if size < 0 else size)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _unpacked(file: ArrowFile, packed: str | None) -> ArrowFile:
    if packed is None:
        return file
    return pa.CompressedInputStream(pa.PythonFile(_Kept(file), mode="r"), packed)


@contextmanager
def _broken(name: str) -> Generator[None]:
    """Raise what Arrow says of a broken file, without the values that it quotes."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's, not the file's
        raise SchemaViolation(
            f"{name} can't be read: {_said(error)}", remedy="Mend the file.", file=name
        ) from error


def _said(error: Exception) -> str:
    """Return what an error says, but for the values that some quote."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in text:
        return "it is not UTF-8"
    return _QUOTES.split(text)[0].rstrip(" :,")

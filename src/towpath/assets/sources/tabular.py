"""Reads the formats of files in batches: Parquet, CSV, JSON lines and Arrow, by Arrow's own readers."""

from __future__ import annotations

import re
from contextlib import contextmanager
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
        for table in _READERS[kind](file, columns, packed, rows):
            if skip >= table.height:
                skip -= table.height
                continue
            for begin in range(skip, table.height, rows):
                yield table.slice(begin, rows)
            skip = 0


def _parquet(
    file: ArrowFile, columns: Sequence[Column], packed: str | None, rows: int
) -> Iterator[pl.DataFrame]:
    del packed
    # Without these two, Arrow would hold a whole row group's bytes.
    parquet = pq.ParquetFile(file, pre_buffer=False, buffer_size=_BLOCK_BYTES)
    wanted = wanted_of(columns, parquet.schema_arrow.names)
    for batch in parquet.iter_batches(rows, columns=wanted):
        yield frame_of(batch, columns)


def _arrow(
    file: ArrowFile, columns: Sequence[Column], packed: str | None, rows: int
) -> Iterator[pl.DataFrame]:
    del packed, rows
    try:
        opened = pa.ipc.open_file(file)
    except pa.ArrowInvalid:  # a stream has no footer
        file.seek(0)
        for batch in pa.ipc.open_stream(file):
            yield frame_of(batch, columns)
        return
    for place in range(opened.num_record_batches):
        yield frame_of(opened.get_batch(place), columns)


def _json(
    file: ArrowFile, columns: Sequence[Column], packed: str | None, rows: int
) -> Iterator[pl.DataFrame]:
    del rows
    if file.size() == 0:  # a day without rows; Arrow takes it for a broken file
        return
    for batch in arrow_json.open_json(
        _unpacked(file, packed),
        read_options=arrow_json.ReadOptions(block_size=_RECORD_BYTES_MOST),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=_json_schema(columns), unexpected_field_behavior="ignore"
        ),
    ):
        yield frame_of(batch, columns)


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


def _csv(
    file: ArrowFile, columns: Sequence[Column], packed: str | None, rows: int, *, by: str = ","
) -> Iterator[pl.DataFrame]:
    del rows
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
            _unpacked(file, packed), read_options=read, parse_options=parse
        ).schema.names
        file.seek(0)
        wanted = [one.name for one in columns if one.name in names]
        _refuse_twins(names, wanted)
        convert = arrow_csv.ConvertOptions(
            # Text as it stands: what does not fit is told by row, and no zero in front is lost.
            column_types=dict.fromkeys(wanted, pa.string()),
            include_columns=wanted or names[:1],
            null_values=_NULLS,
            strings_can_be_null=True,
        )
        for batch in arrow_csv.open_csv(
            _unpacked(file, packed), read_options=read, parse_options=parse, convert_options=convert
        ):
            yield frame_of(batch, columns)
    except pa.ArrowInvalid as error:
        raise pa.ArrowInvalid(wrong[0] if wrong else str(error)) from error


def _refuse_twins(names: Sequence[str], wanted: Sequence[str]) -> None:
    for name in wanted:
        if names.count(name) > 1:
            raise pa.ArrowInvalid(f"it has two columns {name!r}")


def _tsv(
    file: ArrowFile, columns: Sequence[Column], packed: str | None, rows: int
) -> Iterator[pl.DataFrame]:
    return _csv(file, columns, packed, rows, by="\t")


_READERS: dict[Format, Callable[..., Iterator[pl.DataFrame]]] = {
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
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise SchemaViolation(
            f"{name} can't be read: {_said(error)}", remedy="Mend the file.", file=name
        ) from error


def _said(error: Exception) -> str:
    """Return what an error says, but for the values that some quote."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in text:
        return "it is not UTF-8"
    return _QUOTES.split(text)[0].rstrip(" :,")

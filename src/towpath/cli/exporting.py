"""Writes frames to a file as they come, so that no export needs more memory than one of them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Protocol

import polars as pl
import pyarrow.parquet as pq

from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

FORMATS: Final = (".parquet", ".csv", ".jsonl")


def write_frames(frames: Iterable[pl.DataFrame], out: Path) -> tuple[int, list[Path]]:
    """Write frames to `out`; those with other columns to files of their own beside it.

    Returns:
        How many rows, and which files.

    Raises:
        UsageError: A file is there already; it is left as it is.
    """
    sinks: list[tuple[pl.Schema, _Sink]] = []
    paths: list[Path] = []
    rows = 0
    with ExitStack() as opened:
        for frame in frames:
            rows += frame.height
            for schema, sink in sinks:
                if fits(frame.schema, schema):
                    sink.write(frame.cast(schema))
                    break
            else:
                number = "" if not paths else f"-{len(paths) + 1}"
                path = out.with_name(f"{out.stem}{number}{out.suffix}")
                if path.exists():
                    raise UsageError(f"{path} is there already", remedy="Name another file.")
                sink = _SINKS[out.suffix](path, frame)
                opened.callback(sink.close)
                paths.append(path)
                sinks.append((frame.schema, sink))
                sink.write(frame)
    return rows, paths


def fits(mine: pl.Schema, there: pl.Schema) -> bool:
    """Tell whether rows fit into a file: whole numbers fit among fractions, nothing fits anywhere."""
    return list(mine) == list(there) and all(
        dtype in (there[name], pl.Null) or (dtype.is_integer() and there[name].is_float())
        for name, dtype in mine.items()
    )


class _Sink(Protocol):
    def write(self, frame: pl.DataFrame) -> None: ...

    def close(self) -> None: ...


class _Parquet:
    def __init__(self, path: Path, frame: pl.DataFrame) -> None:
        self._writer = pq.ParquetWriter(path, frame.to_arrow().schema, compression="zstd")

    def write(self, frame: pl.DataFrame) -> None:
        self._writer.write_table(frame.to_arrow())

    def close(self) -> None:
        self._writer.close()


class _Csv:
    def __init__(self, path: Path, frame: pl.DataFrame) -> None:
        self._file = path.open("wb")
        frame.clear().write_csv(self._file)

    def write(self, frame: pl.DataFrame) -> None:
        frame.write_csv(self._file, include_header=False)

    def close(self) -> None:
        self._file.close()


class _Lines:
    def __init__(self, path: Path, _: pl.DataFrame) -> None:
        self._file = path.open("wb")

    def write(self, frame: pl.DataFrame) -> None:
        frame.write_ndjson(self._file)

    def close(self) -> None:
        self._file.close()


_SINKS: Final[dict[str, Callable[[Path, pl.DataFrame], _Sink]]] = {
    ".parquet": _Parquet,
    ".csv": _Csv,
    ".jsonl": _Lines,
}

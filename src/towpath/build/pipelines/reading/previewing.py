"""A look into an artefact: the first rows of a table, what a model takes, a value, a picture.

Bounded whatever the artefact's size, and without what names people: columns that a data set declares
personal, or that look so, are listed by name and show no value. Everything else is shown to whoever may
read runs.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
import polars as pl

from towpath.assets.datasets.quality.marks import marks_of
from towpath.assets.models.packages import load_package
from towpath.assets.personal import find_personal
from towpath.build.pipelines.formats import load_artifact
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Collection

    from towpath.build.pipelines.contract import Artifact
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json
    from towpath.storage.blobs import BlobStore

PreviewKind = Literal["table", "model", "value", "array", "image", "bytes"]
ROWS_SHOWN = 20
ROWS_PROFILED = 10_000
_COLUMNS_SHOWN = 200
_TEXT_MOST = 16 * 1024
_CELL_MOST = 200
_HEAD_MOST = 2 * 1024 * 1024
_HEX_SHOWN = 64
_NUMBERS_SHOWN = 100
_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewColumn:
    """A column of a table, over the rows that were looked at.

    Attributes:
        hidden: Why it shows no value: `declared` personal, or what it looks like; None where it does.
        low: The smallest number or time.
        high: The largest one.
    """

    name: str
    type: str
    hidden: str | None
    nulls: int
    distinct: int | None = None
    mean: float | None = None
    low: Any = None
    high: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What can be shown of an artefact.

    Attributes:
        rows: Rows of a table in all.
        profiled: How many of them the columns' figures are about: the first 10,000 at most.
        columns: Of a table; the first 200.
        head: The first 20 rows of a table, by column; hidden columns are left out.
        facts: What there is to say of a model or array.
        text: A value as indented JSON, or text that bytes hold.
        image: The bytes of a picture, up to 2 MiB; PNG, JPEG or GIF, never SVG, which can hold scripts.
        media: The picture's type.
        cut: Whether there is more than is shown.
    """

    kind: PreviewKind
    digest: str
    type: str
    codec: str
    size_bytes: int
    rows: int | None = None
    profiled: int = 0
    columns: tuple[PreviewColumn, ...] = ()
    head: tuple[dict[str, Any], ...] = ()
    facts: Json = field(default_factory=dict[str, Any])
    text: str = ""
    image: bytes = b""
    media: str = ""
    cut: bool = False


def personal_columns(tx: Transaction) -> frozenset[str]:
    """Return the names of columns that any data set declares personal, its subject's, or looks so.

    Steps rename and join at will, so a name that is personal anywhere is taken for personal everywhere.
    """
    names: set[str] = set()
    for asset in tx.versions.assets("dataset"):
        latest = tx.versions.latest("dataset", asset.name)
        if latest is None:
            continue
        names |= {str(one["name"]) for one in latest.body.get("columns", ()) if one.get("personal")}
        names |= {mark.column for mark in marks_of(latest)}
        names |= {subject for subject in [latest.body.get("subject")] if subject}
    return frozenset(names)


def preview(artifact: Artifact, blobs: BlobStore, *, personal: Collection[str]) -> Preview:
    """Look into an artefact.

    Args:
        artifact: The artefact.
        blobs: Where its bytes are.
        personal: Names of columns that show no value, besides those that look personal by themselves.

    Raises:
        NotFound: Its bytes are gone.
        CorruptBlob: Its bytes were changed.
        IntegrityError: This version can't read its format.
    """
    form = artifact.codec.partition("/")[0]
    if artifact.is_table:
        return _table(artifact, blobs, personal)
    match form:
        case "model":
            return _shown(artifact, "model", facts=_model(artifact, blobs))
        case "array":
            return _array(artifact, blobs)
        case "bytes":
            return _bytes(artifact, _head(artifact, blobs))
        case "json":
            return _value(artifact, _head(artifact, blobs))
        case _:
            raise IntegrityError(
                f"there is no preview of the format {artifact.codec!r}",
                remedy="Load it in Python: towpath.build.pipelines.load_artifact.",
            )


def _table(artifact: Artifact, blobs: BlobStore, personal: Collection[str]) -> Preview:
    with ExitStack() as stack:
        lazy: pl.LazyFrame = load_artifact(artifact, blobs, pl.LazyFrame, stack=stack)
        names = lazy.collect_schema().names()
        seen = lazy.select(names[:_COLUMNS_SHOWN]).head(ROWS_PROFILED).collect()
    looks = {one.column: one.kind for one in find_personal(seen, skip=personal)}
    hidden = {name: "declared" for name in seen.columns if name in personal} | looks
    shown = [name for name in seen.columns if name not in hidden]
    head = seen.select(shown).head(ROWS_SHOWN)
    rows = artifact.rows if artifact.rows is not None else seen.height
    return _shown(
        artifact,
        "table",
        rows=rows,
        profiled=seen.height,
        columns=tuple(_column(seen[name], hidden.get(name)) for name in seen.columns),
        head=tuple({name: _cell(one) for name, one in row.items()} for row in head.to_dicts()),
        cut=rows > head.height or len(names) > seen.width,
    )


def _column(values: pl.Series, hidden: str | None) -> PreviewColumn:
    name, kind, nulls = values.name, str(values.dtype), values.null_count()
    if hidden is not None:
        return PreviewColumn(name=name, type=kind, nulls=nulls, hidden=hidden)
    is_number = values.dtype.is_numeric()
    ordered = is_number or values.dtype.is_temporal()
    return PreviewColumn(
        name=name,
        type=kind,
        nulls=nulls,
        hidden=None,
        distinct=None if values.dtype.is_nested() else values.n_unique(),
        mean=_mean(values) if is_number else None,
        low=_cell(values.min()) if ordered else None,
        high=_cell(values.max()) if ordered else None,
    )


def _mean(values: pl.Series) -> float | None:
    mean = values.mean()
    return float(mean) if isinstance(mean, int | float) else None


def _cell(value: Any) -> Any:
    """Return a value that JSON can hold and a page can show."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _CELL_MOST else f"{text[:_CELL_MOST]}…"


def _model(artifact: Artifact, blobs: BlobStore) -> Json:
    package = load_package(artifact.digest, blobs)
    return {
        "flavour": package.flavour,
        "task": package.task,
        "library": package.library,
        "inputs": {one.name: one.datatype for one in package.signature.inputs},
        "output": package.output,
        "outcome": package.outcome,
        "files": sorted(package.files),
    }


def _array(artifact: Artifact, blobs: BlobStore) -> Preview:
    with blobs.open_local(artifact.digest) as path:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        first = [_cell(one) for one in array.flat[:_NUMBERS_SHOWN].tolist()]
        facts: Json = {"shape": list(array.shape), "dtype": str(array.dtype), "first": first}
        return _shown(artifact, "array", facts=facts, cut=array.size > len(first))


def _value(artifact: Artifact, data: bytes) -> Preview:
    """Show a value, laid out where it is short enough to be read whole."""
    cut = artifact.size_bytes > len(data)
    text = (data if cut else msgspec.json.format(data)).decode(errors="ignore")
    return _shown(artifact, "value", text=text[:_TEXT_MOST], cut=cut or len(text) > _TEXT_MOST)


def _bytes(artifact: Artifact, data: bytes) -> Preview:
    media = next((media for head, media in _IMAGES.items() if data.startswith(head)), "")
    if media and artifact.size_bytes <= _HEAD_MOST:
        return _shown(artifact, "image", image=data, media=media)
    whole = artifact.size_bytes <= _TEXT_MOST
    try:
        text = data[:_TEXT_MOST].decode(errors="strict" if whole else "ignore")
    except UnicodeDecodeError:
        return _shown(artifact, "bytes", text=data[:_HEX_SHOWN].hex(" "), cut=True)
    if "\0" in text:
        return _shown(artifact, "bytes", text=data[:_HEX_SHOWN].hex(" "), cut=True)
    return _shown(artifact, "bytes", text=text, cut=not whole)


def _head(artifact: Artifact, blobs: BlobStore) -> bytes:
    """Return the first bytes of an artefact: all of a small one, checked, or the head of a large one."""
    if artifact.size_bytes <= _HEAD_MOST:
        return blobs.get(artifact.digest)
    with blobs.open_local(artifact.digest) as path, path.open("rb") as file:
        return file.read(_HEAD_MOST)


def _shown(artifact: Artifact, kind: PreviewKind, **shown: Any) -> Preview:
    return Preview(
        kind=kind,
        digest=artifact.digest,
        type=artifact.type,
        codec=artifact.codec,
        size_bytes=artifact.size_bytes,
        **shown,
    )


__all__ = ["Preview", "PreviewColumn", "PreviewKind", "personal_columns", "preview"]

"""Which format keeps what."""

from __future__ import annotations

import functools
import typing
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import polars as pl

from towpath.build.pipelines.formats.items import Items
from towpath.build.pipelines.formats.kinds import bare, element
from towpath.build.pipelines.formats.models import Models
from towpath.build.pipelines.formats.moments import MomentsFormat
from towpath.build.pipelines.formats.observations import ObservationsFormat
from towpath.build.pipelines.formats.plain import Arrays, Bytes, Values
from towpath.build.pipelines.formats.tables import Selections, Tables
from towpath.core.errors import IntegrityError, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.build.pipelines.contract import Artifact
    from towpath.build.pipelines.formats.contract import Format
    from towpath.storage.blobs import BlobStore

# The first that takes a kind keeps it. Pickle is not among them: loading one runs code.
_FORMATS: tuple[Format, ...] = (
    Tables(),
    Models(),
    Arrays(),
    Bytes(),
    Selections(),
    ObservationsFormat(),
    MomentsFormat(),
    Items(),
    Values(),
)
_BY_CODEC = {f"{one.name}/{one.version}": one for one in _FORMATS}


def format_of(kind: Any) -> Format:
    """Return the format that keeps values annotated as `kind`. Costs nanoseconds for a known one."""
    try:
        return _known_format(kind)
    except TypeError:  # an annotation that can't be hashed, such as Annotated[…, a list]
        return _find_format(kind)


def _find_format(kind: Any) -> Format:
    return next(one for one in _FORMATS if one.takes(kind))


_known_format = functools.lru_cache(maxsize=1024)(_find_format)


def format_of_codec(codec: str) -> Format:
    """Return the format of a stored artefact.

    Raises:
        IntegrityError: This version does not know it.
    """
    if codec not in _BY_CODEC:
        raise IntegrityError(
            f"an artefact is in the format {codec!r}, which this version can't read",
            remedy="Use the version that wrote it, or run the pipeline again.",
        )
    return _BY_CODEC[codec]


def many_of(kind: Any) -> Any:
    """Return `X` for `tuple[X, ...]` where each member is kept by itself, else None.

    Tables and models are; plain values in a tuple are one value.
    """
    kind = bare(kind)
    args = typing.get_args(kind)
    if typing.get_origin(kind) is not tuple or args[-1:] != (Ellipsis,):
        return None
    return args[0] if format_of(args[0]).name != Values.name else None


def takes(want: Any, given: str) -> bool:
    """Tell whether a parameter annotated `want` can be handed what the format `given` keeps."""
    return bare(want) is None or given in {format_of(want).name, format_of(element(want)).name}


def save_value(value: Any, kind: Any, blobs: BlobStore) -> Artifact:
    """Store a value that is annotated as `kind`."""
    return format_of(kind).save(value, kind, blobs)


def load_artifact(
    artifact: Artifact, blobs: BlobStore, kind: Any = None, *, stack: ExitStack | None = None
) -> Any:
    """Return what an artefact holds; a table comes as `pl.DataFrame` unless `kind` asks otherwise.

    Args:
        artifact: The artefact.
        blobs: Where its bytes are.
        kind: The type wanted.
        stack: Keeps open what a lazy table reads later; needed for `pl.LazyFrame` where blobs are
            remote, because a download lives as long as it.

    Raises:
        NotFound: Its bytes are gone.
        CorruptBlob: Its bytes were changed.
    """
    form = format_of_codec(artifact.codec)
    if stack is not None:
        return form.load(artifact, kind, blobs, stack)
    with ExitStack() as own:
        if bare(kind) is pl.LazyFrame:
            return form.load(artifact, pl.DataFrame, blobs, own).lazy()
        return form.load(artifact, kind, blobs, own)


def missing_blobs(artifact: Artifact, blobs: BlobStore) -> list[str]:
    """Return the blobs that an artefact needs and that are gone."""
    try:
        needed = format_of_codec(artifact.codec).blobs_of(artifact, blobs)
    except NotFound:
        return [artifact.digest]
    gone = blobs.missing(needed)
    return [one for one in needed if one in gone]


def missing_among(groups: Mapping[str, Sequence[Artifact]], blobs: BlobStore) -> set[str]:
    """Return which groups of artefacts need a blob that is gone; the store is asked once for all."""
    needed: dict[str, list[str]] = {}
    broken: set[str] = set()
    for name, artifacts in groups.items():
        try:
            needed[name] = [
                digest
                for one in artifacts
                for digest in format_of_codec(one.codec).blobs_of(one, blobs)
            ]
        except NotFound:
            broken.add(name)
    gone = blobs.missing({digest for digests in needed.values() for digest in digests})
    if gone:
        broken |= {name for name, digests in needed.items() if not gone.isdisjoint(digests)}
    return broken

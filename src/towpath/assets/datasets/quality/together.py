"""Two versions that appear in one transaction: a data set's, and its quarantine's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from towpath.assets.datasets.committing import Commit
from towpath.core.errors import Conflict, TowpathError

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.assets.datasets.committing import Request, Staged
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json, Version
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring

    Parts: TypeAlias = tuple[Ledger, BlobStore, Keyring]
    Notes: TypeAlias = Callable[[Staged | None, Version | None], Json]


def commit_together(
    parts: Parts, request: Request, *, other: Request | None, judged: Version | None, notes: Notes
) -> Version | None:
    """Try once to commit a request, and another one with it; None if something changed in between.

    Either both versions are recorded, or neither.

    Args:
        parts: Ledger, blobs and keyring.
        request: What is committed.
        other: What is committed with it, if anything is.
        judged: The version that the rows were judged beside; it must be the latest one still.
        notes: What the body says besides, told the other version and the one before.
    """
    if other is None:
        return _commit(parts, request, None, judged, notes)
    beside = Commit(*parts, other)
    staged = beside.stage()
    if staged is None:
        return None
    version: Version | None = None
    try:
        version = _commit(parts, request, (beside, staged), judged, notes)
    finally:
        if version is None:
            with suppress(TowpathError):
                beside.abandon(staged)
    return version


def _commit(
    parts: Parts,
    request: Request,
    beside: tuple[Commit, Staged] | None,
    judged: Version | None,
    notes: Notes,
) -> Version | None:
    moved = False

    def together(tx: Transaction, version: Version) -> None:
        nonlocal moved
        number = 0 if judged is None else judged.ref.version or 0
        moved = version.ref.version not in (number, number + 1)
        if beside is not None and not moved:
            moved = beside[0].record(tx, beside[1]) is None
        if moved:
            raise Conflict(f"{version.ref} is not what the rows were judged beside")
        if request.also is not None:
            request.also(tx, version)

    staged = None if beside is None else beside[1]
    both = replace(request, also=together, notes=partial(notes, staged))
    try:
        return Commit(*parts, both).attempt()
    except Conflict:
        if moved:
            return None
        raise

"""Writes a version in pieces: each is durable when it is written, and all of them appear at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from towpath.assets.datasets.loads.assembling import Assembly
from towpath.assets.datasets.loads.pieces import LoadPieces
from towpath.assets.datasets.manifest import blank
from towpath.assets.datasets.parquet import encode_rows
from towpath.assets.datasets.quality import JudgedLoad
from towpath.assets.datasets.suppression import Suppression, asking
from towpath.assets.datasets.validation import conform, shaped
from towpath.core.errors import Conflict

if TYPE_CHECKING:
    from towpath.assets.datasets.contract import Also, Rows
    from towpath.assets.datasets.loads.request import LoadRequest
    from towpath.assets.datasets.quality import Quality
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Json, Version
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring

_ATTEMPTS = 16


class ParquetLoad:
    """See `Load`. Making one takes the load over from whoever wrote it before."""

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        keyring: Keyring,
        request: LoadRequest,
        quality: Quality,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._request = request
        self._pieces = LoadPieces(
            ledger,
            blobs,
            dataset=request.dataset.name,
            project=request.project,
            name=request.name,
            begun_as=request.begun_as(),
        )
        self._judged = JudgedLoad(
            (ledger, blobs, keyring),
            request.dataset,
            line=request.line,
            replaces=request.mode == "overwrite",
            quality=quality,
            open_aside=lambda dataset: ParquetLoad(
                ledger,
                blobs,
                keyring,
                replace(request, dataset=dataset, mode="merge", expected=None, branch=None),
                quality,
            ),
        )

    @property
    def position(self) -> Json | None:
        """See `Load.position`."""
        return self._pieces.state.position

    @property
    def rows(self) -> int:
        """See `Load.rows`."""
        return self._pieces.state.rows

    def write(self, rows: Rows, *, position: Json | None = None) -> None:
        """See `Load.write`."""
        dataset = self._request.dataset
        frame = shaped(dataset, rows) if self._judged.is_needed else conform(dataset, rows)
        with self._ledger.read() as tx:
            suppression = Suppression.read(tx)
        state, layout = self._pieces.state, blank(dataset)
        living = suppression.filter(dataset, frame, self._keyring, among=asking(self._ledger))
        kept, judged = self._judged.judge(
            living, position=position, layout=layout, files=state.files, seen=state.judged
        )
        files = encode_rows(layout, kept)
        self._pieces.store([file.data for file in files])
        state = self._pieces.state
        oldest = suppression.generation if state.generation is None else state.generation
        pieces = (*state.pieces, len(files))
        self._pieces.keep(
            files=(*state.files, *(file.entry for file in files)),
            pieces=pieces,
            position=state.position if position is None else position,
            positioned=state.positioned if position is None else len(pieces),
            suppressed_rows=state.suppressed_rows + frame.height - living.height,
            generation=min(oldest, suppression.generation),
            judged=judged,
            judged_then=state.judged_then if position is None else judged,
        )

    def commit(self, *, also: Also | None = None) -> Version:
        """See `Load.commit`."""
        state = self._pieces.refresh()
        notes = self._judged.finish(state.judged, state.files, blank(self._request.dataset))
        assembly = Assembly(
            self._ledger,
            self._blobs,
            self._keyring,
            self._request,
            self._pieces,
            also=also,
            notes=notes,
        )
        for _ in range(_ATTEMPTS):
            version = assembly.attempt()
            if version is not None:
                self._pieces.sweep()
                return version
        raise Conflict(
            f"data set {self._request.dataset.name!r} changed {_ATTEMPTS} times while a load of it "
            "was committed",
            remedy="The load is still there: commit it again, or let fewer writers commit at once.",
            dataset=self._request.dataset.name,
        )

    def discard(self) -> None:
        """See `Load.discard`."""
        self._pieces.discard()
        self._judged.discard()

    def __enter__(self) -> Self:
        """See `Load`."""
        return self

    def __exit__(self, *_: object) -> None:
        """See `Load`: what was written is durable already."""

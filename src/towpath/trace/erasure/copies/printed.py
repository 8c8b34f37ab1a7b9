"""What steps print while they run, before it is kept as a blob: their code may have printed anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies.finding import untold

if TYPE_CHECKING:
    from towpath.ledger.contract import Ledger
    from towpath.trace.erasure.copies.contract import About, FoundCopy

_WHOSE = (
    "what programs print while they run; whom it may name is not known, and it goes when they end"
)


class PrintedPieces:
    """See `Copies`. All pieces go, whoever's: they only serve those who watch a run just now.

    Whole outputs are blobs of their runs, and go with what was derived from the data sets. What a run
    prints afterwards, that began before the redaction, goes when it has ended (`phases.retire`).
    """

    kind = "printed_pieces"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def held(self, about: About) -> list[HeldCopy]:
        """Return the pieces of each run."""
        del about
        with self._ledger.read() as tx:
            sizes = tx.logs.sizes()
        return [
            HeldCopy(kind=self.kind, name=run_id, count=1, size_bytes=size)
            for run_id, size in sorted(sizes.items())
        ]

    def find(self, about: About) -> list[FoundCopy]:
        """Return the pieces of each run; nobody knows whom they name."""
        return untold(self.held(about), _WHOSE)

    def erase(self, about: About) -> None:
        """Delete them."""
        del about
        with self._ledger.write(actor="erasures") as tx:
            tx.logs.drop(tx.logs.sizes())

    def beyond(self, about: About) -> list[str]:
        """Return nothing: they are rows of the ledger's database."""
        del about
        return []

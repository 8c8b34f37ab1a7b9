"""An erasure takes what steps print while they run: it may be about anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.ledger.logs import LogPart
from towpath.trace.erasure.copies import About, PrintedPieces

if TYPE_CHECKING:
    from towpath.ledger import Ledger


def test_all_pieces_are_planned_for_and_go(sqlite_ledger: Ledger) -> None:
    copies = PrintedPieces(sqlite_ledger)
    about = About(field="person", subjects=("0" * 32,), values=("somebody",), datasets=("people",))
    assert copies.held(about) == []
    with sqlite_ledger.write() as tx:
        for run in ("a", "b"):
            tx.logs.append({run: LogPart(begins=0, data=b"somebody was here\n")})
    held = [(one.kind, one.name, one.size_bytes) for one in copies.held(about)]
    assert held == [("printed_pieces", "a", 18), ("printed_pieces", "b", 18)]
    for _ in range(2):
        copies.erase(about)
    assert copies.held(about) == []
    with sqlite_ledger.read() as tx:
        assert tx.logs.read("a") is None
        assert "somebody" not in repr(tx.events.read())
    assert copies.beyond(about) == []

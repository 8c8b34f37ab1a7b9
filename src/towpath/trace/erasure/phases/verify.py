"""Retired → verified: every stored byte was read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
import structlog

from towpath.trace.erasure.beyond import out_of_reach
from towpath.trace.erasure.parts import Step
from towpath.trace.erasure.phases.orphans import sweep_orphans
from towpath.trace.erasure.phases.purge import erase_copies

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.trace.erasure.parts import Commit, Parts
    from towpath.trace.erasure.work import Work

_log = structlog.get_logger(__name__)
_PLACES_SHOWN = 5


def verify(parts: Parts, work: Work) -> Commit:
    """Scrub the database, then search everything; what is found blocks the certificate."""
    about = work.about(parts)
    values = about.values
    parts.scrub()
    report = parts.scanner.scan(*values)
    if report.residue:
        # A reader or commit that was under way may have held bytes back: sweep once more.
        for name in about.datasets:
            parts.datasets.erase_all(values, name)
        erase_copies(parts, work)
        sweep_orphans(parts, report.residue)
        report = parts.scanner.scan(*values)
    scan = cast("dict[str, object]", msgspec.to_builtins(report))
    beyond = out_of_reach(parts, about, work.state, report)
    _log.info("erasure.scanned", erasure=work.id, places=report.places, residue=len(report.residue))

    def commit(_tx: Transaction) -> Step:
        state = msgspec.structs.replace(work.state, scan=scan, beyond=beyond)
        if report.residue:
            shown = "; ".join(
                f"{one.place} ({one.where})" for one in report.residue[:_PLACES_SHOWN]
            )
            reason = f"the value is still in {len(report.residue)} places: {shown}"
            state = msgspec.structs.replace(state, blocked_in="retired", reason=reason)
            return Step(state=state, phase="blocked", facts={"reason": reason}, wait_s=None)
        facts = {"places": report.places, "bytes": report.size_bytes, "residue": 0}
        return Step(state=state, phase="verified", facts=facts)

    return commit

"""The way back: erasures, the log, and search."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from towpath.server.problems import LIMITED_RESPONSES, PROBLEM_RESPONSES
from towpath.server.resources.erasures import (
    Certificate,
    Erasure,
    WithdrawalReceipt,
    Withdrawals,
)
from towpath.server.resources.events import EventPage, LogProof
from towpath.server.resources.health import LogState
from towpath.server.resources.lineage import Hit
from towpath.server.routes.given import Given, Limit
from towpath.server.routes.reading import read
from towpath.server.routes.writing import Actor
from towpath.server.views.erasures import show_erasure as shown
from towpath.server.views.events import event_page, log_state
from towpath.server.views.search import search
from towpath.trace.audit import prove_consistency, prove_inclusion
from towpath.trace.erasure.readable import as_page

_ACTOR = "server"
_CHECKPOINTS = 20
_BODY_BYTES_MOST: Final = 1 << 20
# The page is one file: its style is inside, and nothing else is loaded or run.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


@post(
    "/withdrawals",
    sync_to_thread=True,
    status_code=202,
    tags=["reverse"],
    responses=LIMITED_RESPONSES,
    request_max_body_size=_BODY_BYTES_MOST,
)
def withdraw(
    services: Given,
    actor: Actor,
    data: JSONBody[Withdrawals],
    key: Annotated[
        str | None,
        HeaderParameter(
            name="idempotency-key",
            min_length=1,
            max_length=255,
            description="The caller's name for this call: sent again, it is answered and not repeated.",
        ),
    ] = None,
) -> WithdrawalReceipt:
    """Take withdrawals: everybody named is suppressed with the answer, and erased together.

    All are taken or none. Naming somebody again gives the request that is under way.
    """
    erasures = services.erasures.submit_all(data.field, data.subjects, actor=actor, key=key)
    return WithdrawalReceipt(erasures=erasures)


@read("/erasures", tag="reverse")
def list_erasures(services: Given, limit: Limit = 200) -> list[Erasure]:
    """List erasures, newest first. Subjects appear as keyed hashes."""
    return [shown(erasure) for erasure in services.erasures.list(limit=limit)]


@read("/erasures/{erasure_id:str}", tag="reverse")
def show_erasure(services: Given, erasure_id: FromPath[str]) -> Erasure:
    """Show how far an erasure is, phase by phase."""
    return shown(services.erasures.get(erasure_id))


@read("/erasures/{erasure_id:str}/certificate", tag="reverse")
def show_certificate(services: Given, erasure_id: FromPath[str]) -> Certificate:
    """Show the signed certificate of a finished erasure."""
    stored = services.erasures.certificate(erasure_id)
    return Certificate(id=erasure_id, certificate=msgspec.json.decode(stored))


@get(
    "/erasures/{erasure_id:str}/certificate.html",
    sync_to_thread=True,
    tags=["reverse"],
    media_type="text/html",
    responses=PROBLEM_RESPONSES,
)
def print_certificate(services: Given, erasure_id: FromPath[str]) -> Response[str]:
    """Show the certificate of a finished erasure as a page that stands alone, to read and to print."""
    page = as_page(services.erasures.certificate(erasure_id))
    return Response(page, headers={"content-security-policy": _POLICY, "cache-control": "no-store"})


@read("/events", tag="log")
def list_events(
    services: Given,
    before: Annotated[
        int | None, QueryParameter(ge=0, description="Entries older than this.")
    ] = None,
    type: Annotated[list[str] | None, QueryParameter(name="type")] = None,
    subject: FromQuery[str | None] = None,
    limit: Limit = 100,
) -> EventPage:
    """List entries of the ledger's log, newest first."""
    with services.ledger.read() as tx:
        return event_page(tx, before=before, limit=limit, types=type, subject=subject)


@read("/log", tag="log")
def show_log(services: Given) -> LogState:
    """Show the log's size and root, its signed checkpoints, and the key that verifies them."""
    with services.ledger.read() as tx:
        return log_state(tx, services.keyring, limit=_CHECKPOINTS)


@read("/log/proofs/{entry:int}", tag="log")
def prove_entry(services: Given, entry: FromPath[int]) -> LogProof:
    """Prove that an entry is in the log: its Merkle path to a signed root (RFC 9162, 2.1.3)."""
    return LogProof(proof=prove_inclusion(services.ledger, entry))


@read("/log/growth", tag="log")
def prove_growth(
    services: Given,
    old: Annotated[int, QueryParameter(ge=1, description="Entries of the older log.")],
    new: Annotated[
        int | None, QueryParameter(ge=1, description="Of the newer; as it is now, if left out.")
    ] = None,
) -> LogProof:
    """Prove that the log of `old` entries is the beginning of that of `new` (RFC 9162, 2.1.4)."""
    return LogProof(proof=prove_consistency(services.ledger, old, new))


@read("/search", tag="reverse")
def find(services: Given, q: FromQuery[str], limit: Limit = 12) -> list[Hit]:
    """Find assets, runs, services and decisions by a piece of their name or their id."""
    with services.ledger.read() as tx:
        return search(tx, q, limit)


HANDLERS = [
    withdraw,
    list_erasures,
    show_erasure,
    show_certificate,
    print_certificate,
    list_events,
    show_log,
    prove_entry,
    prove_growth,
    find,
]

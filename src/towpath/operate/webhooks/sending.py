"""One CloudEvent to one address: signed, bounded, and only to machines that it may reach."""

from __future__ import annotations

import base64
import hmac
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from towpath.assets.sources.peers import Peers
from towpath.core.digests import canonical_json
from towpath.core.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from towpath.ledger.records import Event

_TIMEOUT_S = 10.0
_MEDIA = "application/cloudevents+json; charset=utf-8"
_GIVE_WAY = frozenset({408, 425, 429})


def cloud_event(event: Event, *, project: str, log: str) -> dict[str, Any]:
    """Return an entry of the log as a CloudEvent 1.0.

    Args:
        event: The entry.
        project: Whose it is; part of the source.
        log: Names the log, so that ids of two homes differ.
    """
    return {
        "specversion": "1.0",
        "id": f"{log}-{event.seq}",
        "source": f"/towpath/{project}",
        "type": f"towpath.{event.type}",
        "subject": event.subject,
        "time": event.at.isoformat(),
        "datacontenttype": "application/json",
        "sequence": f"{event.seq:020d}",
        "data": event.payload,
    }


def sign(body: bytes, *, event_id: str, at_s: int, secret: str) -> str:
    """Return the signature header of Standard Webhooks 1.0: HMAC-SHA-256 over id, time and body."""
    signed = f"{event_id}.{at_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()


def send(document: dict[str, Any], *, url: str, secret: str, private: bool) -> int:
    """POST an event once, and return the status of an answer that settles it: 2xx, or a refusal.

    Redirects are not followed (they would carry the event elsewhere), proxies of the environment are
    not used, and the body of the answer is not read. Each connection is checked on itself, so that no
    name leads into the private network unless that is declared.

    Raises:
        Unavailable: It did not answer, or asks for another try later.
        UsageError: The address leads into the private network.
    """
    body = canonical_json(document)
    at_s = int(time.time())
    event_id = str(document["id"])
    headers = {
        "content-type": _MEDIA,
        "webhook-id": event_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": sign(body, event_id=event_id, at_s=at_s, secret=secret),
    }
    host = urlsplit(url).hostname or ""
    trace = Peers(url, private=private).trace(host)
    with httpx.Client(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
        try:
            request = client.build_request(
                "POST", url, content=body, headers=headers, extensions={"trace": trace}
            )
            answer = client.send(request, stream=True)
            answer.close()
        except httpx.InvalidURL as error:
            raise UsageError(
                f"{host!r} is no address that events can be sent to",
                remedy="Correct the webhook's url in the project, and run towpath apply.",
            ) from error
        except httpx.TransportError as error:
            raise Unavailable(f"{host} did not answer: {type(error).__name__}") from error
    if answer.status_code in _GIVE_WAY or answer.is_server_error:
        raise Unavailable(f"{host} answered {answer.status_code}")
    return answer.status_code

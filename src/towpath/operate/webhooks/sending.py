"""One CloudEvent to one address: signed, bounded, and only to machines that it may reach."""

from __future__ import annotations

import base64
import hmac
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx

from towpath.assets.sources.peers import Peers
from towpath.core.digests import canonical_json
from towpath.core.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from towpath.ledger.records import Event

_TIMEOUT_S = 10.0
_MEDIA = "application/cloudevents+json; charset=utf-8"
_NO_HEADERS = frozenset({"data", "datacontenttype"})
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
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


def send(
    document: dict[str, Any], *, url: str, secret: str, private: bool, mode: str = "structured"
) -> int:
    """POST an event once, and return the status of an answer that settles it: 2xx, or a refusal.

    Args:
        document: The event, as `cloud_event` gives it.
        url: Where to.
        secret: What signs the body.
        private: Whether machines in the private network may be reached.
        mode: `structured`, or `binary`: attributes as headers (CloudEvents 1.0, HTTP binding, 3.1).

    Raises:
        Unavailable: It did not answer, or asks for another try later.
        UsageError: The address leads into the private network.
    """
    structured = mode == "structured"
    body = canonical_json(document if structured else document["data"])
    at_s = int(time.time())
    event_id = str(document["id"])
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": sign(body, event_id=event_id, at_s=at_s, secret=secret),
    }
    headers |= {"content-type": _MEDIA} if structured else _as_headers(document)
    return post(body, headers=headers, url=url, private=private)


def post(body: bytes, *, headers: dict[str, str], url: str, private: bool) -> int:
    """POST a body once, and return the status of an answer that settles it: 2xx, or a refusal.

    Redirects are not followed (they would carry the body elsewhere), proxies of the environment are
    not used, and the body of the answer is not read. Each connection is checked on itself, so that no
    name leads into the private network unless that is declared.

    Raises:
        Unavailable: It did not answer, or asks for another try later.
        UsageError: The address leads into the private network, or is none.
    """
    host = urlsplit(url).hostname or ""
    trace = Peers(url, private=private).trace(host)
    with httpx.Client(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
        try:
            request = client.build_request(
                "POST", url, content=body, headers=headers, extensions={"trace": trace}
            )
            answer = client.send(request, stream=True)
            answer.close()
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise UsageError(
                f"{host!r} is no address that events can be sent to",
                remedy="Correct the url in the project, or in the environment.",
            ) from error
        except httpx.TransportError as error:
            raise Unavailable(f"{host} did not answer: {type(error).__name__}") from error
    if answer.status_code in _GIVE_WAY or answer.is_server_error:
        raise Unavailable(f"{host} answered {answer.status_code}")
    return answer.status_code


def _as_headers(document: dict[str, Any]) -> dict[str, str]:
    """Return an event's attributes as headers; what is no plain letter is percent-encoded."""
    attributes = {key: value for key, value in document.items() if key not in _NO_HEADERS}
    encoded = {f"ce-{key}": quote(str(value), safe=_PLAIN) for key, value in attributes.items()}
    return {"content-type": str(document["datacontenttype"]), **encoded}

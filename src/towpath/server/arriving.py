"""CloudEvents as they come over HTTP: one in the body, one in the headers, or a batch of them.

After the CloudEvents specification 1.0.2 and its HTTP protocol binding, section 3. The `cloudevents`
package reads attributes and formats; what it would make up for an event that lacks it (an id, a version)
is asked for here, since an id that nobody sent tells no repetition from news.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
from cloudevents.core.bindings.http import HTTPMessage, from_binary
from cloudevents.core.exceptions import BaseCloudEventException, CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from towpath.core.errors import InvalidRequest
from towpath.operate.triggers import Arrival

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudevents.core.base import BaseCloudEvent

BATCH_MOST = 100
_REQUIRED = ("specversion", "id", "source", "type")
_STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
_NONSENSE = (BaseCloudEventException, ValueError, TypeError, AttributeError, RecursionError)


def read_events(headers: Mapping[str, str], body: bytes) -> list[Arrival]:
    """Return the events of a request, in its order.

    Args:
        headers: By lower-case name.
        body: The whole body.

    Raises:
        InvalidRequest: It is no CloudEvent, or a batch of none or too many. Says nothing of the data.
    """
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == _BATCH:
        return [_structured(one) for one in _batch(body)]
    if media == _STRUCTURED:
        return [_structured(_decoded(body))]
    if media.startswith("application/cloudevents"):
        raise InvalidRequest(
            f"events as {media} are not taken", remedy=f"Send {_STRUCTURED}, or binary mode."
        )
    _require({name: headers.get(f"ce-{name}") for name in _REQUIRED})
    try:
        return [_arrival(from_binary(HTTPMessage(dict(headers), body), JSONFormat(), CloudEvent))]
    except _NONSENSE as error:
        raise _refusal(error) from error


def _batch(body: bytes) -> list[Any]:
    batch = _decoded(body)
    if not isinstance(batch, list) or len(cast("list[Any]", batch)) > BATCH_MOST:
        raise InvalidRequest(
            "the batch is no list of events, or too long a one",
            remedy=f"Send at most {BATCH_MOST} events at a time.",
        )
    return cast("list[Any]", batch)


def _structured(event: Any) -> Arrival:
    if not isinstance(event, dict):
        raise InvalidRequest("an event is no JSON object", remedy="Send CloudEvents 1.0.")
    fields = cast("dict[str, Any]", event)
    _require({name: fields.get(name) for name in _REQUIRED})
    try:
        return _arrival(JSONFormat().read(CloudEvent, msgspec.json.encode(fields)))
    except _NONSENSE as error:
        raise _refusal(error) from error


def _require(found: Mapping[str, Any]) -> None:
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise InvalidRequest(
            f"the event has no {', '.join(missing)}",
            remedy="CloudEvents 1.0 requires specversion, id, source and type.",
            missing=missing,
        )


def _arrival(event: BaseCloudEvent) -> Arrival:
    data = event.get_data()
    return Arrival(
        id=event.get_id(),
        source=event.get_source(),
        type=event.get_type(),
        attributes=event.get_attributes(),
        data=None if isinstance(data, bytes) else data,
    )


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest("the body is not JSON", remedy="Send CloudEvents as JSON.") from error


def _refusal(error: Exception) -> InvalidRequest:
    """Return why an event can't be read, by the names of its attributes and never their values."""
    names = sorted(error.errors) if isinstance(error, CloudEventValidationError) else []
    about = f": see {', '.join(names)}" if names else ""
    return InvalidRequest(f"that is not a CloudEvent 1.0{about}", remedy="Mend it and send again.")

"""The messages of the feature endpoints: our own, and Feast's.

Ours are columns in, columns out. Feast's are those of its Python feature server, which its `remote`
online store and its SDKs in other languages speak:
https://docs.feast.dev/reference/feature-servers/python-feature-server
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from towpath.assets.features.online import Presence
from towpath.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.features.online import OnlineRows

_EPOCH: Final = "1970-01-01T00:00:00Z"
_STATUSES: Final = ("", *(one.name for one in sorted(Presence)))
_PRESENCES: Final = tuple(name.lower() for name in _STATUSES)
_encode: Final = msgspec.json.Encoder().encode


class FeaturesRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v2/features/NAME`.

    Attributes:
        entities: Columns by name: the entities, and what on-demand transformations ask for.
        features: Which features, by their names in the answer; all when left out.
    """

    entities: dict[str, list[Any]]
    features: list[str] | None = None


class PushRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v2/features/NAME/push`: observations, column by column."""

    rows: dict[str, list[Any]]


class FeastRequest(msgspec.Struct):
    """The body of `POST /get-online-features`."""

    entities: dict[str, list[Any]]
    feature_service: str | None = None
    features: list[str] = msgspec.field(default_factory=list[str])
    full_feature_names: bool = False


class FeastPush(msgspec.Struct):
    """The body of `POST /push`; a push source is a feature view."""

    push_source_name: str
    df: dict[str, list[Any]]
    to: str = "online"


class FeastWrite(msgspec.Struct):
    """The body of `POST /write-to-online-store`."""

    feature_view_name: str
    df: dict[str, list[Any]]


def decode(body: bytes, kind: type[Any]) -> Any:
    """Read a message of the given kind.

    Raises:
        InvalidRequest: It is not JSON, or not this message; says where.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"the body can't be read: {error}") from error


def answer(name: str, rows: OnlineRows, features: Sequence[str] | None) -> dict[str, Any]:
    """Return our own answer.

    Raises:
        InvalidRequest: A feature is asked for that there is not.
    """
    found = dict(rows.columns())
    wanted = list(found) if features is None else features
    for one in wanted:
        if one not in found:
            raise InvalidRequest(
                f"{name!r} has no feature {one!r}", remedy=f"It has: {', '.join(found)}."
            )
    return {
        "name": name,
        "features": {one: found[one] for one in wanted},
        "lookups": [
            {
                "view": one.view,
                "features": list(one.names),
                "presence": [_PRESENCES[there] for there in one.presence],
                "times": _written_times(one.times_us, never=None),
            }
            for one in rows.looked
        ],
    }


def feast_answer(rows: OnlineRows, *, full_names: bool) -> dict[str, Any]:
    """Return what Feast's feature server answers: entities first, then the features.

    It repeats, with every feature, when the row was true and whether it is there. Those are the same
    for all features of a view, so they are written as JSON once, and not by each.
    """
    names: list[str] = []
    results: list[dict[str, Any]] = []

    def add(name: str, values: Sequence[Any], statuses: Any, times: msgspec.Raw) -> None:
        names.append(name)
        results.append({"values": values, "statuses": statuses, "event_timestamps": times})

    never = _written([_EPOCH] * rows.count)
    there = _written(["PRESENT"] * rows.count)
    for name, values in rows.entities.items():
        add(name, _feast_cells(values), there, never)
    for one in rows.looked:
        times = _written_times(one.times_us, never=0)
        statuses = _written([_STATUSES[there] for there in one.presence])
        for at, (name, values) in enumerate(zip(one.names, one.columns, strict=True)):
            full = f"{one.view}__{name}" if full_names else name
            gaps = None in values
            same = not gaps and _is_json(one.types[at], values)
            cells = values if same else _feast_cells(values)
            if gaps:
                add(full, cells, [_STATUSES[there] for there in one.presence_of(at)], times)
            else:
                add(full, cells, statuses, times)
    for name, values in rows.computed.items():
        presence = [Presence.NULL_VALUE if value is None else Presence.PRESENT for value in values]
        add(name, _feast_cells(values), [_STATUSES[there] for there in presence], never)
    return {"metadata": {"feature_names": names}, "results": results, "status": True}


def feast_moment(value: Any) -> Any:
    """Return a moment that a Feast client sent in whole seconds; any other value as it is."""
    if type(value) is not int:
        return value
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidRequest("a moment is out of range") from error


def _written(values: Sequence[Any]) -> msgspec.Raw:
    """Return values as the JSON that they are in every answer."""
    return msgspec.Raw(_encode(values))


def _written_times(times_us: Sequence[int | None], *, never: int | None) -> msgspec.Raw:
    """Return when rows were true as JSON; NumPy knows no zones, so the one that is meant is added."""
    micros = [never if at is None else at for at in times_us]
    written = _encode(np.array(micros, dtype="datetime64[us]").tolist())
    return msgspec.Raw(written.replace(b'",', b'Z",').replace(b'"]', b'Z"]'))


def _is_json(kind: str, values: Sequence[Any]) -> bool:
    """Tell whether Feast's JSON has all values of a feature, of which none is missing, as they are."""
    if kind == "float64":
        return isfinite(sum(values))
    return kind not in ("timestamp", "binary")


def _feast_cells(values: Sequence[Any]) -> Sequence[Any]:
    return [_feast_cell(value) for value in values]


def _feast_cell(value: Any) -> Any:
    """Return a value as Feast's JSON has it: moments in whole seconds, what is not finite as text."""
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, float) and value - value != 0:
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value

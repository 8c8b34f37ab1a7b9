"""Plain Python values as JSON that gives the very same value back: `1`, `1.0` and `True` differ."""

from __future__ import annotations

import base64
import dataclasses
import math
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec

from towpath.core.clock import parse_time
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Callable

_SCALARS = (bool, int, str)


def encode_value(value: object, what: str = "value") -> Any:
    """Return JSON for a value made of numbers, text, times, bytes and containers of them.

    What JSON lacks becomes an object with one `$…` key. Equal values of equal types give equal JSON,
    whatever order their keys or members came in.

    Args:
        value: The value.
        what: What to call it in the error.

    Raises:
        InvalidProject: It holds something else, such as an open file or an instance of a class.
    """
    if value is None or type(value) in _SCALARS:
        return value
    match value:
        case list():
            return [encode_value(one, what) for one in cast("list[object]", value)]
        case tuple():
            items = cast("tuple[object, ...]", value)
            return {"$tuple": [encode_value(one, what) for one in items]}
        case set() | frozenset():
            members = [encode_value(one, what) for one in cast("set[object]", value)]
            return {"$set": sorted(members, key=_sort_key)}
        case dict():
            return _encode_dict(cast("dict[object, object]", value), what)
        case _:
            return _encode_leaf(value, what)


def decode_value(encoded: Any) -> Any:
    """Return the value that `encode_value` wrote."""
    if isinstance(encoded, list):
        return [decode_value(one) for one in cast("list[Any]", encoded)]
    if not isinstance(encoded, dict):
        return encoded
    fields = cast("dict[str, Any]", encoded)
    tag = next(iter(fields), "")
    if len(fields) != 1 or not tag.startswith("$"):
        return {key: decode_value(one) for key, one in fields.items()}
    return _untag(tag, fields[tag])


def encode_record(value: object, what: str) -> Any:
    """Like `encode_value`, and takes a dataclass or `msgspec.Struct` by its fields."""
    is_instance = dataclasses.is_dataclass(value) and not isinstance(value, type)
    if is_instance or isinstance(value, msgspec.Struct):
        return {"$record": msgspec.to_builtins(value)}
    return encode_value(value, what)


def decode_record(encoded: Any, want: Any) -> Any:
    """Like `decode_value`; a record becomes a `want` when that is a class, else a dict."""
    if isinstance(encoded, dict) and set(cast("dict[str, Any]", encoded)) == {"$record"}:
        fields = cast("dict[str, Any]", encoded)["$record"]
        return msgspec.convert(fields, want) if isinstance(want, type) else fields
    return decode_value(encoded)


def _encode_leaf(value: object, what: str) -> Any:
    match value:
        case float():
            return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case datetime():
            return {"$time": value.isoformat()}
        case date():
            return {"$date": value.isoformat()}
        case timedelta():
            return {"$span_us": value // timedelta(microseconds=1)}
        case _:
            raise InvalidProject(
                f"{what} is a {type(value).__name__}, which can't be written down",
                remedy="Use numbers, text, times, bytes, and lists, tuples, sets and dicts of them; "
                "make other objects inside the step.",
            )


def _encode_dict(value: dict[object, object], what: str) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {str(key): encode_value(one, what) for key, one in value.items()}
    pairs = [[encode_value(key, what), encode_value(one, what)] for key, one in value.items()]
    return {"$dict": sorted(pairs, key=_sort_key)}


def _sort_key(encoded: object) -> bytes:
    return msgspec.json.encode(encoded, order="deterministic")


def _untag(tag: str, content: Any) -> Any:
    if tag not in _UNTAG:
        return {tag: decode_value(content)}
    return _UNTAG[tag](content)


_UNTAG: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$bytes": base64.b64decode,
    "$time": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$span_us": lambda micros: timedelta(microseconds=micros),
    "$tuple": lambda items: tuple(decode_value(one) for one in items),
    "$set": lambda members: {decode_value(one) for one in members},
    "$dict": lambda pairs: {decode_value(key): decode_value(one) for key, one in pairs},
}


def parse_text(text: str, kind: type, what: str) -> Any:
    """Read a parameter that was typed on a command line.

    Raises:
        InvalidProject: The text is not a `kind`.
    """
    try:
        if kind is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[
                text.lower()
            ]
        if kind is datetime:
            return parse_time(text)
        return kind(text)
    except (ValueError, KeyError) as error:
        raise InvalidProject(
            f"{what} can't be {text!r}", remedy=f"It is a {kind.__name__}."
        ) from error

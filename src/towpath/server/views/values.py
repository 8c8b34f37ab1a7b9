"""Reading loosely typed JSON out of bodies and statuses, tolerant of what isn't there yet."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from towpath.core.clock import parse_time
from towpath.core.errors import InvalidName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import DataclassInstance


def number(value: object) -> float | None:
    """Return a finite number as float, anything else as None: JSON knows no NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def whole(value: object) -> int:
    """Return a whole number, anything else as 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def numbers(values: Mapping[str, object]) -> dict[str, float]:
    """Return the entries that are finite numbers."""
    found = {name: number(value) for name, value in values.items()}
    return {name: value for name, value in found.items() if value is not None}


def moment(value: object) -> datetime | None:
    """Return a time written as ISO 8601 text, or as a datetime, in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if not isinstance(value, str):
        return None
    try:
        return parse_time(value)
    except InvalidName:
        return None


def text(value: object) -> str:
    """Return text; None and absent values as an empty string."""
    return "" if value is None else str(value)


def texts(values: Mapping[str, object]) -> dict[str, str]:
    """Return a mapping with its values as text."""
    return {name: text(value) for name, value in values.items()}


def items(value: object) -> list[dict[str, Any]]:
    """Return the objects in a JSON array; anything else as an empty list."""
    if not isinstance(value, list | tuple):
        return []
    return [one for one in value if isinstance(one, dict)]


def mapping(value: object) -> dict[str, Any]:
    """Return a JSON object; anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def fields_of(resource: DataclassInstance) -> dict[str, Any]:
    """Return a summary's fields by name, to build the detail that extends it."""
    return {field.name: getattr(resource, field.name) for field in dataclasses.fields(resource)}

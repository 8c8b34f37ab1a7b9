"""How far two doubles are apart: bit for bit, and in units in the last place."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from towpath.trace.explaining.replays import FieldReplay

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIGN = 1 << 63


def compare_fields(
    recorded: Mapping[str, Any], replayed: Mapping[str, float]
) -> tuple[FieldReplay, ...]:
    """Compare answers by name, recorded order first."""
    names = list(dict.fromkeys([*recorded, *replayed]))
    return tuple(_compare(name, recorded.get(name), replayed.get(name)) for name in names)


def ulps_between(left: float, right: float) -> int | None:
    """Return how many representable doubles lie from one to the other; None where one is no number.

    The bits of doubles of one sign are ordered as they are (IEEE 754-2019, 3.4), so their distance is a
    difference of integers; the two zeros are one apart, since their bits differ.
    """
    if math.isnan(left) or math.isnan(right):
        return None
    return abs(_place(left) - _place(right))


def _place(value: float) -> int:
    (bits,) = struct.unpack("<Q", struct.pack("<d", value))
    return -1 - (bits ^ _SIGN) if bits & _SIGN else bits


def _compare(name: str, recorded: Any, replayed: float | None) -> FieldReplay:
    if not isinstance(recorded, int | float) or replayed is None:
        return FieldReplay(name=name, recorded=None, replayed=replayed, equal=False, ulps=None)
    then = float(recorded)
    equal = struct.pack("<d", then) == struct.pack("<d", replayed)
    ulps = 0 if equal else ulps_between(then, replayed)
    return FieldReplay(name=name, recorded=then, replayed=replayed, equal=equal, ulps=ulps)

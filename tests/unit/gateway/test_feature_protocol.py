"""What the feature endpoints answer, value by value, in our words and in Feast's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from towpath.assets.features.online import Looked, OnlineRows, Presence
from towpath.gateway.features.protocol import answer, feast_answer

MOMENT = datetime(2013, 2, 28, 23, 0, 0, 250_000, UTC)
MOMENT_US = 1_362_092_400_250_000
FOUND = Presence.PRESENT


def found(
    kind: str, *values: Any, presence: list[Presence] | None = None, times: Any = None
) -> OnlineRows:
    looked = Looked(
        "weather",
        ("wind",),
        (kind,),
        [list(values)],
        times or [MOMENT_US] * len(values),
        presence or [FOUND] * len(values),
    )
    asked = {"origin": [f"N{at}" for at in range(len(values))]}
    return OnlineRows(count=len(values), entities=asked, looked=[looked])


def in_feasts(rows: OnlineRows) -> dict[str, Any]:
    told = msgspec.json.decode(msgspec.json.encode(feast_answer(rows, full_names=False)))
    assert told["metadata"]["feature_names"] == ["origin", "wind"]
    return told["results"][1]


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        ("float64", [1.5, -2.0], [1.5, -2.0]),
        ("float64", [1.0, float("nan")], [1.0, "NaN"]),
        ("float64", [float("inf"), float("-inf")], ["Infinity", "-Infinity"]),
        ("float64", [1.7e308, 1.7e308], [1.7e308, 1.7e308]),
        ("float64", [None, float("nan")], [None, "NaN"]),
        ("int64", [2**62, None], [2**62, None]),
        ("bool", [True, False], [True, False]),
        ("string", ['a "quoted" text', None], ['a "quoted" text', None]),
        ("timestamp", [MOMENT, None], [1_362_092_400, None]),
        ("binary", [b"\x00\xff", None], ["AP8=", None]),
    ],
)
def test_feast_is_told_values_as_its_json_has_them(kind: str, values: list[Any], told: list[Any]):
    cells = in_feasts(found(kind, *values))
    assert cells["values"] == told
    assert cells["statuses"] == ["PRESENT" if one is not None else "NULL_VALUE" for one in values]
    assert cells["event_timestamps"] == ["2013-02-28T23:00:00.250000Z"] * len(values)


def test_feast_is_told_which_rows_are_not_there_and_when_those_were_true_that_are():
    presence = [Presence.NOT_FOUND, FOUND, Presence.OUTSIDE_MAX_AGE]
    rows = found(
        "float64", None, 2.0, None, presence=presence, times=[None, MOMENT_US - 250_000, 0]
    )
    cells = in_feasts(rows)
    assert cells["statuses"] == ["NOT_FOUND", "PRESENT", "OUTSIDE_MAX_AGE"]
    epoch = "1970-01-01T00:00:00Z"
    assert cells["event_timestamps"] == [epoch, "2013-02-28T23:00:00Z", epoch]


def test_our_own_answer_says_the_same():
    presence = [Presence.NOT_FOUND, FOUND]
    rows = found("float64", None, 2.0, presence=presence, times=[None, MOMENT_US])
    told = msgspec.json.decode(msgspec.json.encode(answer("weather", rows, None)))
    assert told["features"] == {"wind": [None, 2.0]}
    (looked,) = told["lookups"]
    assert looked["presence"] == ["not_found", "present"]
    assert looked["times"] == [None, "2013-02-28T23:00:00.250000Z"]


def test_nobody_is_answered_with_nothing():
    assert in_feasts(found("float64")) == {"values": [], "statuses": [], "event_timestamps": []}

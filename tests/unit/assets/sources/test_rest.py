"""Paged APIs: followed to the end, never round in circles, and never to somewhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from towpath.assets.datasets import Column
from towpath.assets.sources import Fitting, Link, Number, Reading, Rest, Token
from towpath.core.errors import InvalidProject, SchemaViolation, UsageError

COLUMNS = (
    Column(name="id", type="int64"),
    Column(name="at", type="string", nullable=True),
    Column(name="tags", type="string", nullable=True),
)


def read(source: Rest, *, names: dict[str, str] | None = None, **options: Any) -> list[Any]:
    fitting = Fitting(columns=COLUMNS, names=names or {})
    reading = Reading(columns=fitting.asked(), **options)
    return [row for one in source.read(reading) for row in fitting.fit(one).rows()]


def page(body: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return 200, headers, json.dumps(body).encode()


def test_the_next_page_may_be_named_in_the_answer(scripted: Any):
    scripted.says("/a", page({"rows": [{"id": 1}], "links": {"next": "/b?x=1"}}))
    scripted.says("/b", page({"rows": [{"id": 2}], "links": {"next": None}}))
    source = Rest(f"{scripted.url}/a", records="rows", paging=Link("links.next"))
    assert [row[0] for row in read(source)] == [1, 2]
    assert scripted.asked[1][0] == "/b?x=1"


def test_what_every_request_needs_goes_with_every_request(scripted: Any):
    scripted.says("/a", page([{"id": 1}], Link='</b?key=k1&from=2>; rel="next"'))
    scripted.says("/b", page([{"id": 2}]))
    source = Rest(f"{scripted.url}/a", params={"key": "${KEY}"}, headers={"X-Who": "me"})
    batches = list(source.read(Reading(columns=COLUMNS, environ={"KEY": "k1"})))
    assert [asked for asked, _ in scripted.asked] == ["/a?key=k1", "/b?from=2&key=k1"]
    assert all(headers["X-Who"] == "me" for _, headers in scripted.asked)
    assert "k1" not in json.dumps(batches[0].position), "a position is kept in the ledger"


def test_the_way_on_does_not_lead_elsewhere(scripted: Any, another: Any):
    another.says("/b", page([{"id": 2}]))
    scripted.says("/a", page([{"id": 1}], Link=f'<{another.url}/b>; rel="next"'))
    with pytest.raises(UsageError, match="leads on to another address"):
        read(Rest(f"{scripted.url}/a", headers={"X-Api-Key": "${K}"}), environ={"K": "hidden"})
    assert another.asked == []


@pytest.mark.parametrize(
    ("paging", "body"),
    [
        (Link("next"), {"rows": [{"id": 1}], "next": "/a"}),
        (Token("after", at="next"), {"rows": [{"id": 1}], "next": "same"}),
    ],
)
def test_going_round_in_circles_ends(scripted: Any, paging: Any, body: Any):
    scripted.says("/a", page(body))
    with pytest.raises(SchemaViolation, match="would never end"):
        read(Rest(f"{scripted.url}/a", records="rows", paging=paging))
    assert len(scripted.asked) <= 3


def test_pages_are_counted_until_one_is_empty(scripted: Any):
    scripted.says("/a", page([{"id": 1}]), page([{"id": 2}]), page([]))
    assert len(read(Rest(f"{scripted.url}/a", paging=Number()))) == 2
    assert [asked for asked, _ in scripted.asked] == ["/a?page=1", "/a?page=2", "/a?page=3"]


def test_or_until_one_is_short(scripted: Any):
    scripted.says("/a", page([{"id": 1}, {"id": 2}]), page([{"id": 3}]))
    assert len(read(Rest(f"{scripted.url}/a", paging=Number(size_param="n", size=2)))) == 3
    assert [asked for asked, _ in scripted.asked] == ["/a?page=1&n=2", "/a?page=2&n=2"]


def test_records_nest_and_what_is_nested_comes_as_json(scripted: Any):
    rows = [{"o": {"id": 1, "at": "t"}, "tags": ["a", {"b": 1}]}, {"o": {"id": 2}}]
    scripted.says("/a", page(rows))
    names = {"id": "o.id", "at": "o.at"}
    assert read(Rest(f"{scripted.url}/a"), names=names) == [
        (1, "t", '["a",{"b":1}]'),
        (2, None, None),
    ]


def test_whole_numbers_and_others_share_a_column(scripted: Any):
    columns = (Column(name="x", type="float64", nullable=True),)
    scripted.says("/a", page([{"x": 1}, {"x": 2.5}, {"x": None}, {}]))
    [batch] = Rest(f"{scripted.url}/a").read(Reading(columns=columns))
    assert batch.rows["x"].to_list() == [1.0, 2.5, None, None]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>secret</html>", "is not JSON"),
        (b'{"rows": []}', "no list of records at ''"),
        (b'["secret"]', "not an object"),
        (b'[{"id": 1}, {"id": "secret"}]', "'id' of the API is a number and text"),
        (b'[{"id": 123456789012345678901234567890}]', "is not a whole number"),
    ],
)
def test_an_answer_that_is_none_is_explained_and_not_quoted(scripted: Any, body: bytes, said: str):
    scripted.says("/a", (200, {}, body))
    with pytest.raises(SchemaViolation, match=said) as caught:
        read(Rest(f"{scripted.url}/a"))
    assert "secret" not in str(caught.value)


def test_the_place_of_the_records_is_suggested(scripted: Any):
    scripted.says("/a", page({"data": []}))
    with pytest.raises(SchemaViolation, match="Did you mean 'data'"):
        read(Rest(f"{scripted.url}/a", records="dato"))


def test_news_is_asked_for_from_the_highest_value_that_was_seen(scripted: Any):
    first = [{"id": 3, "at": "2024-05-03"}, {"id": 1, "at": "2024-05-01"}, {"id": 2, "at": None}]
    scripted.says(
        "/a", page(first, Link='</a?p=2>; rel="next"'), page([{"id": 4, "at": "2024-05-02"}])
    )
    source = Rest(f"{scripted.url}/a", cursor="at", since="since")
    *_, last = source.read(Reading(columns=COLUMNS))
    assert last.position == {"type": "plain", "value": "2024-05-03"}
    scripted.says("/a", page([]))
    *_, again = source.read(Reading(columns=COLUMNS, after=last.position))
    assert scripted.asked[-1][0] == "/a?since=2024-05-03"
    assert again.position == last.position


def test_all_pages_of_one_reading_are_asked_alike(scripted: Any):
    """The first page moves the highest value, not what the second is asked with."""
    scripted.says("/a", page([{"id": 9, "at": "z"}], Link='</a?p=2>; rel="next"'), page([]))
    source = Rest(f"{scripted.url}/a", cursor="at", since="since")
    after = {"type": "plain", "value": "m"}
    batches = source.read(Reading(columns=COLUMNS, after=after))
    half = next(iter(batches)).position
    list(batches)
    list(source.read(Reading(columns=COLUMNS, after=half)))
    asked = [path for path, _ in scripted.asked]
    assert asked == ["/a?since=m", "/a?p=2&since=m", "/a?p=2&since=m"]


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Rest("ftp://example.org"),
        lambda: Rest("https://example.org", cursor="at"),
        lambda: Rest("https://example.org", since="since"),
        lambda: Number(size=0),
        lambda: Number(start=-1),
    ],
)
def test_what_can_not_be_read_is_refused_when_it_is_declared(declare: Any):
    with pytest.raises(InvalidProject):
        declare()

"""Paged HTTP APIs of JSON as a source."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import msgspec
import polars as pl

from towpath.assets.sources.contract import Batch
from towpath.assets.sources.cursors import Cursor
from towpath.assets.sources.paging import Link, Paging, pick
from towpath.assets.sources.references import expand, is_secret, refuse_credentials, shown
from towpath.assets.sources.web import Web, origin_of
from towpath.core.errors import InvalidProject, NotFound, SchemaViolation, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from towpath.assets.sources.contract import Reading
    from towpath.assets.sources.web import Page
    from towpath.ledger.records import Json


@dataclass(frozen=True, slots=True)
class Rest:
    """Records of a paged API: `Rest("https://api.example.org/v1/orders", records="data")`.

    Answers are JSON. Columns are fields of the records, by name or dotted path; a nested record or list
    that is declared as text comes as JSON. A page is tried again with back-off where that may help, and
    a next page is only fetched from the address that was declared, since it goes with its headers.

    With a `cursor` and `since` it is read in increments: the API is asked for what came since the
    highest value that the last reading saw. A load carries on at the page that came next.

    Attributes:
        url: The address of the first page.
        records: Dotted path of the list of records in an answer; empty if the answer is the list.
        paging: How to get on: `Link()`, `Token(param, at)` or `Number(param, …)`.
        params: Parameters of every request; a key goes by name (`"${API_KEY}"`).
        headers: Headers, likewise: `{"Authorization": "Bearer ${API_TOKEN}"}`.
        cursor: The field of a record that only grows: a time of change, a serial number.
        since: The parameter that asks for records from a cursor's value on.
        overlap: How far behind the highest value to begin again; see `Sql`.
        private: Whether the API may lie in the private network.
    """

    url: str
    records: str = field(default="", kw_only=True)
    paging: Paging = field(default_factory=Link, kw_only=True)
    params: Mapping[str, str] = field(default_factory=dict[str, str], kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], kw_only=True)
    cursor: str | None = field(default=None, kw_only=True)
    since: str | None = field(default=None, kw_only=True)
    overlap: str | int | None = field(default=None, kw_only=True)
    private: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what can't be read."""
        refuse_credentials(self.url, what="an API")
        spelled = [
            name
            for name, value in (*self.params.items(), *self.headers.items())
            if is_secret(name, value)
        ]
        if spelled:
            raise InvalidProject(
                f"the API at {shown(self.url)} is declared with its {spelled[0]!r} spelled out",
                remedy="Name an environment variable in its place, such as ${API_TOKEN}.",
            )
        if not self.url.startswith(("http://", "https://", "${")):
            raise InvalidProject(
                f"there can't be an API at {shown(self.url)!r}",
                remedy="Addresses begin with https://.",
            )
        if (self.cursor is None) != (self.since is None):
            raise InvalidProject(
                f"the API at {shown(self.url)} needs both a cursor and the parameter that takes it",
                remedy="Give cursor='updated_at', since='updated_since', or neither.",
            )
        Cursor.check_overlap(self.overlap)

    @property
    def kind(self) -> str:
        """See `Source.kind`."""
        return "rest"

    @property
    def incremental(self) -> bool:
        """See `Source.incremental`."""
        return self.cursor is not None

    def describe(self) -> Json:
        """See `Source.describe`."""
        return {
            "address": shown(self.url),
            "records": self.records,
            "paging": type(self.paging).__name__,
            "params": sorted(self.params),
            "headers": sorted(self.headers),
            "cursor": self.cursor,
            "since": self.since,
        }

    def read(self, reading: Reading) -> Iterator[Batch]:
        """See `Source.read`."""
        place = _Place.of(reading.after)
        cursor, wanted = None, list(reading.names)
        own = {name: expand(one, reading.environ) for name, one in self.params.items()}
        if self.cursor is not None and self.since is not None:
            began = Cursor.after(place.began, self.cursor, reading=reading, overlap=self.overlap)
            if began.since is not None:
                own[self.since] = str(began.since)
            cursor = Cursor(self.cursor, since=None, position=place.highest or place.began)
            wanted = list(dict.fromkeys([*wanted, self.cursor]))
        address = expand(self.url, reading.environ)
        headers = {name: expand(one, reading.environ) for name, one in self.headers.items()}
        asked = {**self.paging.first(), **place.params}
        url = place.url(address)
        with Web(address, headers=headers, private=self.private) as web:
            for number in itertools.count(1):
                page = web.get(url, {**own, **asked})
                body = _json(page, self.url)
                records = self._records(body)
                rows = _frame(records, wanted)
                highest = None if cursor is None else cursor.over(rows)
                origin = f"page {number} of this reading"
                following = self.paging.following(asked, page, body, len(records))
                if following is None:
                    end = None if cursor is None else highest or {}
                    yield Batch(rows=rows, origin=origin, position=end, done=1.0)
                    return
                turned = place.turned(following, highest, address=address, own=own)
                if (turned.path, turned.params) == (place.path, place.params):
                    raise SchemaViolation(
                        f"the API at {shown(self.url)} names the same page as its next, and would never "
                        "end",
                        remedy="Check Rest(…, paging=…).",
                    )
                place = turned
                yield Batch(rows=rows, origin=origin, position=place.position())
                asked = {**self.paging.first(), **place.params}
                url = place.url(address)

    def _records(self, body: Any) -> list[Any]:
        records = pick(body, self.records)
        if isinstance(records, list):
            return records
        there = sorted(body) if isinstance(body, dict) else []
        near = NotFound.named("field", self.records, there).remedy if self.records else ""
        raise SchemaViolation(
            f"an answer of {shown(self.url)} has no list of records at {self.records!r}",
            remedy=near or "Say where it is: Rest(…, records='data').",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a reading of pages stands.

    Attributes:
        path: Path and query of the next page, without the parameters that every request has.
        params: Parameters of the next page.
        began: The cursor's position that this reading began at, which all its pages are asked with.
        highest: The highest one that it has seen.
    """

    path: str | None = None
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    began: Json | None = None
    highest: Json | None = None

    @classmethod
    def of(cls, position: Json | None) -> _Place:
        if position is None or "page" not in position:
            return cls(began=position or None)
        return cls(**position["page"])

    def position(self) -> Json:
        page = {"path": self.path, "params": dict(self.params)}
        return {"page": {**page, "began": self.began, "highest": self.highest}}

    def url(self, address: str) -> str:
        return address if self.path is None else urljoin(address, self.path)

    def turned(
        self, following: Json, highest: Json | None, *, address: str, own: Mapping[str, str]
    ) -> _Place:
        """Return the place of the next page."""
        if "params" in following:
            return replace(self, params=following["params"], highest=highest)
        target = urlsplit(following["url"])
        if origin_of(following["url"]) != origin_of(address):
            raise UsageError(
                f"the API at {shown(address)} leads on to another address, {shown(following['url'])}, "
                "which was not asked",
                remedy="Declare the address that its pages are served from.",
            )
        query = [(name, one) for name, one in parse_qsl(target.query) if name not in own]
        path = urlunsplit(("", "", target.path, urlencode(query), ""))
        return replace(self, path=path, params={}, highest=highest)


def _json(page: Page, address: str) -> Any:
    try:
        return msgspec.json.decode(page.content)
    except msgspec.DecodeError as error:
        raise SchemaViolation(
            f"an answer of {shown(address)} is not JSON", remedy="Check the address."
        ) from error


def _frame(records: Sequence[Any], names: Sequence[str]) -> pl.DataFrame:
    """Return the wanted fields of some records as columns, each of one type."""
    if any(not isinstance(record, dict) for record in records):
        raise SchemaViolation(
            "a record of the API is not an object with fields", remedy="Check Rest(…, records=…)."
        )
    return pl.DataFrame(
        [_series(name, [_field(record, name) for record in records]) for name in names]
    )


def _field(record: Mapping[str, Any], name: str) -> Any:
    value = record[name] if name in record else pick(record, name)
    # Nested values are told apart from plain ones only by who declared the column.
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value


def _series(name: str, values: list[Any]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    elif len(kinds) > 1:
        said = " and ".join(sorted(_JSON_WORDS.get(kind, kind.__name__) for kind in kinds))
        raise SchemaViolation(
            f"the field {name!r} of the API is {said} in one page",
            remedy="A column has one type; leave the field out.",
            column=name,
        )
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        raise SchemaViolation(
            f"the field {name!r} of the API has numbers that can't be held", column=name
        ) from error


_JSON_WORDS = {str: "text", int: "a number", float: "a number", bool: "true or false"}

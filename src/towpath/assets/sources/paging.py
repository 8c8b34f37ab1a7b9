"""How a paged HTTP API leads from one page to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urljoin

from towpath.core.errors import InvalidProject, SchemaViolation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.assets.sources.web import Page
    from towpath.ledger.records import Json


class Paging(Protocol):
    """Knows which request comes after an answer. Immutable."""

    def first(self) -> dict[str, str]:
        """Return the parameters of the first request."""
        ...

    def following(self, asked: Mapping[str, str], page: Page, body: Any, rows: int) -> Json | None:
        """Return where the next page is; None after the last one.

        Args:
            asked: The parameters that this page was asked for with.
            page: The answer.
            body: Its JSON.
            rows: How many records it had.

        Returns:
            `{"params": …}` to add to the request, or `{"url": …}` of the same origin.
        """
        ...


@dataclass(frozen=True, slots=True)
class Link:
    """Follows `Link: <…>; rel="next"` headers (RFC 8288), or an address in the answer's JSON.

    Attributes:
        at: Dotted path of the address in the JSON (`links.next`); None for the header.
    """

    at: str | None = None

    def first(self) -> dict[str, str]:
        """See `Paging.first`."""
        return {}

    def following(self, asked: Mapping[str, str], page: Page, body: Any, rows: int) -> Json | None:
        """See `Paging.following`."""
        del asked, rows
        target = page.following if self.at is None else pick(body, self.at)
        if not target:
            return None
        if not isinstance(target, str):
            raise SchemaViolation(
                f"the next page at {self.at!r} is not an address", remedy="Check Link(at=…)."
            )
        return {"url": urljoin(page.url, target)}


@dataclass(frozen=True, slots=True)
class Token:
    """Sends back the token that each answer carries, as most APIs of "cursors" want it.

    Attributes:
        param: The request's parameter.
        at: Dotted path of the token in the answer's JSON; a page without one is the last.
    """

    param: str
    at: str

    def first(self) -> dict[str, str]:
        """See `Paging.first`."""
        return {}

    def following(self, asked: Mapping[str, str], page: Page, body: Any, rows: int) -> Json | None:
        """See `Paging.following`."""
        del page, rows
        token = pick(body, self.at)
        if token in (None, "", False):
            return None
        if asked.get(self.param) == str(token):
            raise SchemaViolation(
                "the API sends the same token for the next page again, and would never end",
                remedy="Check Token(at=…).",
            )
        return {"params": {self.param: str(token)}}


@dataclass(frozen=True, slots=True)
class Number:
    """Counts pages (`page=1, 2, …`) or rows (`offset=0, 100, …`), until a page is short or empty.

    Attributes:
        param: The parameter that counts: pages, or rows with `of_rows`.
        size_param: The parameter that says how long a page should be; None where there is none, and
            then only an empty page is the last.
        size: How long.
        start: What the first page is called.
        of_rows: Whether `param` counts rows.
    """

    param: str = "page"
    size_param: str | None = field(default=None, kw_only=True)
    size: int = field(default=100, kw_only=True)
    start: int = field(default=1, kw_only=True)
    of_rows: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse pages that would never end."""
        if self.size < 1 or self.start < 0:
            raise InvalidProject(
                f"pages of {self.size} rows from {self.start} can't be counted",
                remedy="Give a size above zero, and a start of zero or more.",
            )

    def first(self) -> dict[str, str]:
        """See `Paging.first`."""
        sized = {} if self.size_param is None else {self.size_param: str(self.size)}
        return {self.param: str(self.start), **sized}

    def following(self, asked: Mapping[str, str], page: Page, body: Any, rows: int) -> Json | None:
        """See `Paging.following`."""
        del page, body
        if rows == 0 or (self.size_param is not None and rows < self.size):
            return None
        here = int(asked[self.param])
        return {"params": {**self.first(), self.param: str(here + (rows if self.of_rows else 1))}}


def pick(body: Any, path: str) -> Any:
    """Return what lies at a dotted path of a JSON document; None where nothing does."""
    for name in path.split(".") if path else ():
        if not isinstance(body, dict):
            return None
        body = body.get(name)
    return body

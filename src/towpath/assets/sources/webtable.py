"""Tables of web pages as a source."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl

from towpath.assets.sources.contract import Batch
from towpath.assets.sources.optional import need
from towpath.assets.sources.references import expand, refuse_credentials, shown
from towpath.assets.sources.web import Web
from towpath.core.errors import InvalidProject, SchemaViolation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.assets.sources.contract import Reading
    from towpath.ledger.records import Json

_NULLS = ["", "NA"]


@dataclass(frozen=True, slots=True)
class WebTable:
    """The rows of one table of a web page: `WebTable("https://example.org/cities", match="Population")`.

    The page is read by lxml through pandas, which see to headings, and to cells that span others.
    Cells are text, spaces around them removed; what the schema declares otherwise is parsed. Pages are
    read whole each time.

    Attributes:
        url: The page.
        match: Text (a regular expression) that the table contains; None for any.
        place: Which of the tables that match, counted from 0.
        header: How many rows of headings it has; the words of several are joined by a space.
        private: Whether the page may lie in the private network.
    """

    url: str
    match: str | None = field(default=None, kw_only=True)
    place: int = field(default=0, kw_only=True)
    header: int = field(default=1, kw_only=True)
    private: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what can't be read."""
        refuse_credentials(self.url, what="a web page")
        if not self.url.startswith(("http://", "https://", "${")):
            raise InvalidProject(
                f"there is no web page at {shown(self.url)!r}",
                remedy="Addresses begin with https://.",
            )
        if self.header < 1 or self.place < 0:
            raise InvalidProject(
                f"the table of {shown(self.url)} needs a row of headings, and a place from 0"
            )

    @property
    def kind(self) -> str:
        """See `Source.kind`."""
        return "webtable"

    @property
    def incremental(self) -> bool:
        """See `Source.incremental`."""
        return False

    def describe(self) -> Json:
        """See `Source.describe`."""
        return {"address": shown(self.url), "match": self.match, "place": self.place}

    def read(self, reading: Reading) -> Iterator[Batch]:
        """See `Source.read`."""
        pandas = need("pandas", what="a web page's table")
        need("lxml", what="a web page's table")
        address = expand(self.url, reading.environ)
        with Web(address, private=self.private) as web:
            content = web.get(address).content
        names = [_said(one) for one in self._table(pandas, content, None).columns]
        # Only now are the columns known, so only now can they be kept from being guessed at.
        as_text = dict.fromkeys(range(len(names)), str)
        table = self._table(pandas, content, as_text)
        first = {name: place for place, name in reversed(list(enumerate(names)))}
        rows = pl.DataFrame(
            [
                pl.Series(name, table.iloc[:, place].tolist(), dtype=pl.String).str.strip_chars()
                for name, place in first.items()
            ]
        )
        rows = rows.with_columns(pl.when(~pl.all().is_in(_NULLS)).then(pl.all()).name.keep())
        yield Batch(rows=rows, done=1.0)

    def _table(self, pandas: Any, content: bytes, as_text: dict[int, type[str]] | None) -> Any:
        try:
            tables = pandas.read_html(
                BytesIO(content),
                flavor="lxml",
                match=self.match or ".+",
                header=0 if self.header == 1 else list(range(self.header)),
                converters=as_text,
                keep_default_na=False,
            )
        except (ValueError, UnicodeDecodeError) as error:
            raise self._none() from error
        if self.place >= len(tables):
            raise self._none(len(tables))
        return tables[self.place]

    def _none(self, found: int = 0) -> SchemaViolation:
        which = "" if self.match is None else f" with {self.match!r} in it"
        many = f"{found} table{'s'[: found != 1]}{which}, and number {self.place} was asked for"
        return SchemaViolation(
            f"{shown(self.url)} has {many if found else f'no table{which}'}",
            remedy="Look at the page; a table that a script draws is not in it.",
        )


def _said(name: Any) -> str:
    """Return a heading; one of several rows says each word once."""
    parts = name if isinstance(name, tuple) else (name,)
    return " ".join(dict.fromkeys(str(part).strip() for part in parts))

"""What a page shows of an artefact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactColumn:
    """A column of a table, over the rows that were looked at; hidden ones show no value.

    Attributes:
        hidden: `declared` personal, or what it looks like.
    """

    name: str
    type: str
    hidden: str | None
    nulls: int
    distinct: int | None
    mean: float | None
    low: Any
    high: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactPreview:
    """A look into an artefact, bounded whatever its size.

    Attributes:
        kind: `table`, `model`, `value`, `array`, `image` or `bytes`.
        profiled: How many rows the columns' figures are about.
        head: The first rows by column, hidden columns left out.
        facts: What there is to say of a model or array.
        text: A value as indented JSON, or text that bytes hold.
        image: A picture as a `data:` URL.
        cut: Whether there is more than is shown.
    """

    kind: str
    digest: str
    type: str
    codec: str
    size_bytes: int
    rows: int | None
    profiled: int
    columns: list[ArtifactColumn]
    head: list[dict[str, Any]]
    facts: dict[str, Any]
    text: str
    image: str | None
    cut: bool

"""What handlers are given, as types they can name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from litestar.di import NamedDependency
from litestar.params import QueryParameter

from towpath.server.pages import Pages
from towpath.server.stream import EventStream

if TYPE_CHECKING:
    from towpath.server.contract import Access, Services

    Given: TypeAlias = NamedDependency[Services]
    GivenAccess: TypeAlias = NamedDependency[Access]
else:  # Litestar takes dataclasses apart to validate them, and these hold whole stores
    Given = NamedDependency[Any]
    GivenAccess = NamedDependency[Any]

GivenStream: TypeAlias = NamedDependency[EventStream]
GivenPages: TypeAlias = NamedDependency[Pages]

Below: TypeAlias = Annotated[
    int | None, QueryParameter(ge=1, description="Only versions of a smaller number.")
]
Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=1000, description="Most answers wanted.")]

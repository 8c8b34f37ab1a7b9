"""What handlers are given, as types they can name."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from litestar.params import Dependency, Parameter

from towpath.server.contract import Access, Services
from towpath.server.pages import Pages
from towpath.server.stream import EventStream

Given: TypeAlias = Annotated[Services, Dependency(skip_validation=True)]
GivenAccess: TypeAlias = Annotated[Access, Dependency(skip_validation=True)]
GivenStream: TypeAlias = Annotated[EventStream, Dependency(skip_validation=True)]
GivenPages: TypeAlias = Annotated[Pages, Dependency(skip_validation=True)]

Limit: TypeAlias = Annotated[int, Parameter(ge=1, le=1000, description="Most answers wanted.")]

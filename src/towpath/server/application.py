"""Puts the API together: routes, errors, the document that describes them, and the pages."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from towpath.server.access import AccessGuard
from towpath.server.pages import Pages
from towpath.server.problems import EXCEPTION_HANDLERS
from towpath.server.routes import API_HANDLERS, PAGE_HANDLERS
from towpath.server.stream import EventStream

if TYPE_CHECKING:
    from litestar.types import ASGIApp

    from towpath.server.contract import Access, Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A server that is ready to be run.

    Attributes:
        asgi: What an ASGI server runs: the API and pages behind the access guard.
        litestar: The API itself, with its OpenAPI document.
        stream: The live news, to be closed before connections drain.
    """

    asgi: ASGIApp
    litestar: Litestar
    stream: EventStream


def create_server(services: Services, access: Access) -> Application:
    """Build the application over an open home. Opens no port and starts no thread."""
    stream = EventStream(services)
    pages = Pages()
    litestar = Litestar(
        route_handlers=[
            Router("/api/v1", route_handlers=API_HANDLERS),
            *PAGE_HANDLERS,
        ],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "access": Provide(lambda: access, sync_to_thread=False),
            "stream": Provide(lambda: stream, sync_to_thread=False),
            "pages": Provide(lambda: pages, sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=OpenAPIConfig(
            title="Towpath",
            version=importlib.metadata.version("towpath"),
            path="/api/v1/openapi.json",  # a router of its own, whose pages for 404 stay below it
            render_plugins=[JsonRenderPlugin(path="/")],
            use_handler_docstrings=True,
            operation_id_creator=lambda handler, _method, _path: handler.handler_name,
        ),
        logging_config=None,
        debug=False,
    )
    return Application(asgi=AccessGuard(litestar, access), litestar=litestar, stream=stream)

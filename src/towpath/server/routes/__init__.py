"""The API's handlers: thin, one module per resource."""

from towpath.server.routes.handlers import API_HANDLERS, PAGE_HANDLERS

__all__ = ["API_HANDLERS", "PAGE_HANDLERS"]

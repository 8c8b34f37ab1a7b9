"""The API's handlers: thin, one module per resource."""

from towpath.server.routes.handlers import API_HANDLERS, show_page

__all__ = ["API_HANDLERS", "show_page"]

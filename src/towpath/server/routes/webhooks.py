"""Who is told what happens here."""

from __future__ import annotations

from litestar.params import FromQuery

from towpath.server.resources.webhooks import ChannelListed, WebhookListed
from towpath.server.routes.given import Given
from towpath.server.routes.reading import read
from towpath.server.views import webhooks


@read("/webhooks", tag="webhooks")
def list_webhooks(services: Given, project: FromQuery[str | None] = None) -> list[WebhookListed]:
    """List webhooks by name, with what each sent last, what waits, and what is in the way."""
    with services.ledger.read() as tx:
        return webhooks.list_webhooks(tx, project)


@read("/channels", tag="webhooks")
def list_channels(services: Given, project: FromQuery[str | None] = None) -> list[ChannelListed]:
    """List channels to people by name, with what each sent last and what is in the way."""
    with services.ledger.read() as tx:
        return webhooks.list_channels(tx, project)


HANDLERS = [list_webhooks, list_channels]

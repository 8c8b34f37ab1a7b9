"""Tells other systems what happens here, as CloudEvents over HTTP."""

from towpath.operate.webhooks.declaration import Webhook
from towpath.operate.webhooks.news import read_news
from towpath.operate.webhooks.reconciler import WebhookReconciler
from towpath.operate.webhooks.state import Delivery, WebhookState

__all__ = ["Delivery", "Webhook", "WebhookReconciler", "WebhookState", "read_news"]

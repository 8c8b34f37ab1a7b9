"""Tells other systems what happens here, as CloudEvents over HTTP."""

from towpath.operate.webhooks.declaration import Webhook
from towpath.operate.webhooks.reconciler import WebhookReconciler

__all__ = ["Webhook", "WebhookReconciler"]

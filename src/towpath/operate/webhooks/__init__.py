"""Tells others what happens here: programs as CloudEvents over HTTP, people by e-mail and chat."""

from towpath.operate.webhooks.channels import Channel, Email, Slack
from towpath.operate.webhooks.declaration import Webhook
from towpath.operate.webhooks.news import read_news
from towpath.operate.webhooks.reconciler import WebhookReconciler
from towpath.operate.webhooks.state import Delivery, WebhookState
from towpath.operate.webhooks.telling import ChannelReconciler, ChannelState

__all__ = [
    "Channel",
    "ChannelReconciler",
    "ChannelState",
    "Delivery",
    "Email",
    "Slack",
    "Webhook",
    "WebhookReconciler",
    "WebhookState",
    "read_news",
]

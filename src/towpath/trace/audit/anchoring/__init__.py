"""Signed statements about the log, kept where its owner can't change them."""

from towpath.trace.audit.anchoring.contract import (
    KIND,
    Anchor,
    AnchorState,
    line_of,
    statements_of,
)
from towpath.trace.audit.anchoring.files import FileAnchor
from towpath.trace.audit.anchoring.opening import open_anchor
from towpath.trace.audit.anchoring.receivers import WebhookAnchor
from towpath.trace.audit.anchoring.reconciler import AnchorReconciler, anchor_name
from towpath.trace.audit.anchoring.repositories import GitAnchor

__all__ = [
    "KIND",
    "Anchor",
    "AnchorReconciler",
    "AnchorState",
    "FileAnchor",
    "GitAnchor",
    "WebhookAnchor",
    "anchor_name",
    "line_of",
    "open_anchor",
    "statements_of",
]

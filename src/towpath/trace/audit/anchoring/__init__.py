"""Signed statements about the log, kept where its owner can't change them."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily
from towpath.trace.audit.anchoring.contract import (
    KIND,
    Anchor,
    AnchorState,
    line_of,
    statements_of,
)

if TYPE_CHECKING:
    from towpath.trace.audit.anchoring.files import FileAnchor
    from towpath.trace.audit.anchoring.opening import open_anchor
    from towpath.trace.audit.anchoring.receivers import WebhookAnchor
    from towpath.trace.audit.anchoring.reconciler import AnchorReconciler, anchor_name
    from towpath.trace.audit.anchoring.repositories import GitAnchor

# Most who read statements about the log write to no place of their own.
__getattr__ = lazily(
    __name__,
    {
        "AnchorReconciler": "reconciler",
        "FileAnchor": "files",
        "GitAnchor": "repositories",
        "WebhookAnchor": "receivers",
        "anchor_name": "reconciler",
        "open_anchor": "opening",
    },
)

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

"""Project code as a versioned asset: content-addressed bundles and the lock they ran under."""

from towpath.assets.code.bundle import Bundle, BundledFile, read_bundle
from towpath.assets.code.lock import environment_digest, environment_lock
from towpath.assets.code.store import CodeStore, lay_out

__all__ = [
    "Bundle",
    "BundledFile",
    "CodeStore",
    "environment_digest",
    "environment_lock",
    "lay_out",
    "read_bundle",
]

"""Project code as a versioned asset: content-addressed bundles and the lock they ran under."""

from towpath.assets.code.bundle import Bundle, BundledFile

__all__ = ["Bundle", "BundledFile"]

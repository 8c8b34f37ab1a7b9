"""Features: columns looked up by entity, as they were known at a moment."""

from towpath.assets.features.declaration import FeatureView

__all__ = ["FeatureView"]

"""Features: columns looked up by entity, as they were known at a moment."""

from towpath.assets.features.declaration import FeatureView
from towpath.assets.features.joining import as_of_join, join_view

__all__ = ["FeatureView", "as_of_join", "join_view"]

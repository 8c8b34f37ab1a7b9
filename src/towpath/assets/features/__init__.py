"""Features: columns looked up by entity, as they were known at a moment."""

from towpath.assets.features.contract import Features, FeatureStore, JoinMode, Newest, Purged
from towpath.assets.features.declaration import FeatureView
from towpath.assets.features.joining import as_of_join, join_view
from towpath.assets.features.lookup import Lookup, lookup_of
from towpath.assets.features.on_demand import OnDemand, on_demand
from towpath.assets.features.service import FeatureService
from towpath.assets.features.staging import DeletionReconciler
from towpath.assets.features.store import LayoutFeatureStore

__all__ = [
    "DeletionReconciler",
    "FeatureService",
    "FeatureStore",
    "FeatureView",
    "Features",
    "JoinMode",
    "LayoutFeatureStore",
    "Lookup",
    "Newest",
    "OnDemand",
    "Purged",
    "as_of_join",
    "join_view",
    "lookup_of",
    "on_demand",
]

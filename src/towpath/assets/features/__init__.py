"""Features: columns looked up by entity, as they were known at a moment."""

from towpath.assets.features.contract import (
    FeaturePin,
    Features,
    FeatureStore,
    JoinMode,
    Newest,
    Purged,
)
from towpath.assets.features.declaration import FeatureView, Lookup, lookup_of
from towpath.assets.features.joining import as_of_join, join_view
from towpath.assets.features.observing import Observations, Observed, observed
from towpath.assets.features.on_demand import OnDemand, on_demand
from towpath.assets.features.service import FeatureService, lookups_of
from towpath.assets.features.staging import DELETION, LayoutDeletionReconciler
from towpath.assets.features.store import LayoutFeatureStore

__all__ = [
    "DELETION",
    "FeaturePin",
    "FeatureService",
    "FeatureStore",
    "FeatureView",
    "Features",
    "JoinMode",
    "LayoutDeletionReconciler",
    "LayoutFeatureStore",
    "Lookup",
    "Newest",
    "Observations",
    "Observed",
    "OnDemand",
    "Purged",
    "as_of_join",
    "join_view",
    "lookup_of",
    "lookups_of",
    "observed",
    "on_demand",
]

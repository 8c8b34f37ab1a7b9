"""Features online: the newest row of each entity, for look-ups in microseconds."""

from towpath.assets.features.online.answer import Looked, OnlineRows, Presence
from towpath.assets.features.online.asking import typed_frame
from towpath.assets.features.online.cells import OnlineCells
from towpath.assets.features.online.contract import (
    Entities,
    Materialized,
    OnlineFeatures,
    Pushed,
    Skew,
    ViewStatus,
)
from towpath.assets.features.online.declared import DeclaredView, declared
from towpath.assets.features.online.opened import TableQuery
from towpath.assets.features.online.pushing import Push
from towpath.assets.features.online.reading import OnlineReader
from towpath.assets.features.online.reconciler import FeatureViewReconciler
from towpath.assets.features.online.store import OnlineFeatureStore
from towpath.assets.features.online.table import OnlineTable, decode_table

__all__ = [
    "DeclaredView",
    "Entities",
    "FeatureViewReconciler",
    "Looked",
    "Materialized",
    "OnlineCells",
    "OnlineFeatureStore",
    "OnlineFeatures",
    "OnlineReader",
    "OnlineRows",
    "OnlineTable",
    "Presence",
    "Push",
    "Pushed",
    "Skew",
    "TableQuery",
    "ViewStatus",
    "declared",
    "decode_table",
    "typed_frame",
]

"""Publishing: a data set's versions as a table of an Iceberg catalog, read in place by other engines."""

from towpath.assets.datasets.publishing.contract import Publication, Publisher
from towpath.assets.datasets.publishing.publisher import OWN_CATALOG, IcebergPublisher
from towpath.assets.datasets.publishing.reconciler import PublicationReconciler

__all__ = [
    "OWN_CATALOG",
    "IcebergPublisher",
    "Publication",
    "PublicationReconciler",
    "Publisher",
]

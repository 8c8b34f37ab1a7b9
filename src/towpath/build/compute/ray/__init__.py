"""Tasks on a Ray cluster. Importing this imports no Ray: that takes seconds, and few homes need it."""

from towpath.build.compute.ray.cluster import OWN, RayCluster, RayOptions, open_cluster
from towpath.build.compute.ray.executor import RayExecutor
from towpath.build.compute.ray.offers import Offer, refuse_infeasible
from towpath.build.compute.ray.storage import TrainingStorage, training_storage

__all__ = [
    "OWN",
    "Offer",
    "RayCluster",
    "RayExecutor",
    "RayOptions",
    "TrainingStorage",
    "open_cluster",
    "refuse_infeasible",
    "training_storage",
]

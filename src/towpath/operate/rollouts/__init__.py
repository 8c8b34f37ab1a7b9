"""Moves traffic from champion to challenger by stages; a project file declares how."""

from towpath.operate.rollouts.declaration import Rollout
from towpath.operate.rollouts.orders import Order, order

__all__ = ["Order", "Rollout", "order"]

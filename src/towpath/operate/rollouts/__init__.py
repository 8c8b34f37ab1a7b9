"""Moves traffic from champion to challenger by a strategy; a project file declares how."""

from towpath.operate.rollouts.declaration import Rollout
from towpath.operate.rollouts.measures import Agreement, Errors, Latency, Signal
from towpath.operate.rollouts.orders import Order, known_order, order

__all__ = ["Agreement", "Errors", "Latency", "Order", "Rollout", "Signal", "known_order", "order"]

"""Moves traffic from champion to challenger by stages, on always-valid evidence."""

from towpath.operate.rollouts.declaration import Rollout

__all__ = ["Rollout"]

"""Moves traffic from champion to challenger by stages; a project file declares how."""

from towpath.operate.rollouts.declaration import Rollout

__all__ = ["Rollout"]

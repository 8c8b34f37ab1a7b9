"""Starts pipelines when monitors raise alerts."""

from towpath.operate.triggers.declaration import Retrain

__all__ = ["Retrain"]

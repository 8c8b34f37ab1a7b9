"""Starts pipelines when monitors raise alerts; a project file declares which."""

from towpath.operate.triggers.declaration import Retrain

__all__ = ["Retrain"]

"""Starts pipelines when something happens: an alert, a new version, an event from outside."""

from towpath.operate.triggers.declaration import On, Retrain
from towpath.operate.triggers.firing import fire
from towpath.operate.triggers.inbox import Arrival, EventInbox

__all__ = ["Arrival", "EventInbox", "On", "Retrain", "fire"]

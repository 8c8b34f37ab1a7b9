"""The data plane: answers over the Open Inference Protocol, and records every answer first."""

from towpath.gateway.limits import Limits
from towpath.gateway.memory import MemoryWatch
from towpath.gateway.serving import Gateway

__all__ = ["Gateway", "Limits", "MemoryWatch"]

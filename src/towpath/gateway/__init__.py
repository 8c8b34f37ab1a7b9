"""The data plane: answers over the Open Inference Protocol, and records every answer first."""

from towpath.gateway.limits import Limits
from towpath.gateway.serving import Gateway
from towpath.gateway.workers.memory import MemoryWatch

__all__ = ["Gateway", "Limits", "MemoryWatch"]

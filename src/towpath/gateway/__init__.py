"""The data plane: answers over the Open Inference Protocol, and records every answer first."""

from towpath.gateway.limits import Limits
from towpath.gateway.memory import MemoryWatch
from towpath.gateway.serving import serve_gateway

__all__ = ["Limits", "MemoryWatch", "serve_gateway"]

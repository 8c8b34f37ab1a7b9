"""The data plane: answers over the Open Inference Protocol, and records every answer first."""

from towpath.gateway.serving import serve_gateway

__all__ = ["serve_gateway"]

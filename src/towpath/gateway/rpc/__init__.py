"""The Open Inference Protocol v2 over gRPC: the same answers as over HTTP, from the same event loop."""

from towpath.gateway.rpc.serving import open_rpc

__all__ = ["open_rpc"]

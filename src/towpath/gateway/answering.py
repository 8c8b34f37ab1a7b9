"""What every transport does with an inference request: add its features, answer it, count it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.gateway.metrics import timed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from towpath.gateway.feature_routes import FeatureRoutes
    from towpath.gateway.inference import Inference
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.protocol import InferRequest, InferResponse
    from towpath.gateway.routing import RoutingTable


class Answering:
    """Answers decoded requests. Used from one event loop only."""

    def __init__(
        self, inference: Inference, features: FeatureRoutes, metrics: GatewayMetrics
    ) -> None:
        self._inference = inference
        self._features = features
        self._metrics = metrics

    @property
    def table(self) -> RoutingTable:
        """The routing table in force."""
        return self._inference.table

    def counted(self, name: str) -> AbstractContextManager[None]:
        """Count a request, its reading and writing included, and how it ended.

        Of a name that is not served nothing is kept: callers may think of any.
        """
        label = name if name in self.table.services else ""
        return timed(lambda status, seconds: self._metrics.answered(label, int(status), seconds))

    async def infer(self, name: str, version: str | None, request: InferRequest) -> InferResponse:
        """Answer a request; raises what `Inference.infer` and `enriching.enrich` raise."""
        said = request.parameters
        if said.features is not None or said.entities is not None:
            await self._features.enrich(request, self.table.service(name).columns)
        return await self._inference.infer(name, request, version=version)

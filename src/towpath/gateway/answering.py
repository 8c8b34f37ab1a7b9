"""What every transport does with an inference request: let it in, add its features, answer it, count it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.gateway.admission import Entry, refuse_late
from towpath.gateway.answers.inference import Asked

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from towpath.gateway.admission import Admission
    from towpath.gateway.answers.inference import Inference
    from towpath.gateway.features.door import FeatureDoor
    from towpath.gateway.protocol import InferRequest, InferResponse
    from towpath.gateway.routes.routing import RoutingTable


class Answering:
    """Answers decoded requests. Used from one event loop only.

    Attributes:
        admission: Who is let in, and until when.
        is_ending: Whether the gateway was told to stop, and is not ready any more.
        record, conclude, finished: What follows `ask`; those of `Inference`.
    """

    def __init__(self, inference: Inference, features: FeatureDoor, admission: Admission) -> None:
        self.admission = admission
        self.is_ending = False
        self.record = inference.record
        self.conclude = inference.conclude
        self.finished = inference.finished
        self._inference = inference
        self._features = features

    @property
    def table(self) -> RoutingTable:
        """The routing table in force."""
        return self._inference.table

    def takes_numbers(self, name: str) -> bool:
        """Tell whether a service's inputs are all numbers or truth values; of one not served, no."""
        return name in self._inference.of_numbers

    def takes_truths(self, name: str) -> bool:
        """Tell whether there are truth values among them."""
        return name in self._inference.of_truths

    def entry(self, name: str, by: float | None) -> Entry:
        """Return the block in which a request is answered, its reading and writing included.

        Of a name that is not served nothing is kept: callers may think of any.

        Args:
            name: The service.
            by: When the request's time is up, by the monotonic clock; None: never.
        """
        return Entry(self.admission, name if name in self._inference.names else "", by)

    def ask(
        self, name: str, version: str | None, request: InferRequest, *, by: float | None = None
    ) -> Asked | Awaitable[Asked]:
        """Ask the models what a request asks: at once, unless features have to be looked up first.

        Raises:
            TowpathError: What `Inference.ask` and `enriching.enrich` raise, which awaiting may raise too.
        """
        said = request.parameters
        if said.service_version is not None:
            said.service_version = self.table.stated(said.service_version)
            known = said.service_version in self.table.known
            self.admission.metrics.stated(said.service_version if known else None)
        if said.features is None and said.entities is None:
            return self._inference.ask(name, request, version=version, by=by)
        return self._enriched(name, version, request, by)

    async def infer(
        self, name: str, version: str | None, request: InferRequest, *, by: float | None = None
    ) -> InferResponse:
        """Answer a request; raises what `ask` and `Inference.finished` raise."""
        asked = self.ask(name, version, request, by=by)
        return await self.finished(asked if isinstance(asked, Asked) else await asked)

    async def _enriched(
        self, name: str, version: str | None, request: InferRequest, by: float | None
    ) -> Asked:
        """Look up what a request names, and ask with that."""
        service = self.table.service(name, request.parameters.service_version)
        await self._features.enrich(request, service.columns)
        refuse_late(by)
        return self._inference.ask(name, request, version=version, by=by)

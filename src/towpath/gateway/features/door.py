"""The way to the features, which is opened when there are any, or somebody asks.

Reading features takes data frames and all that goes with them: a quarter of a second at the start, and some
forty megabytes, that a gateway of models alone has no use for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from towpath.gateway.features.computing import Computers
    from towpath.gateway.features.routes import FeatureRoutes
    from towpath.gateway.features.serving import Features
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.moments import Moments
    from towpath.gateway.protocol import InferRequest
    from towpath.ledger.contract import Ledger
    from towpath.storage.keys import Keyring
    from towpath.storage.online import OnlineStore


class FeatureDoor:
    """Features for a gateway. Made and used in one event loop, but for `refresh`.

    Args:
        ledger: Says which services there are.
        store: Where online rows are.
        keyring: Hashes subjects.
        withdrawn: Returns the keyed hashes of subjects who have withdrawn.
        computers: Compute on-demand features.
        moments: Event time.
        metrics: Counts look-ups.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: OnlineStore,
        keyring: Keyring,
        withdrawn: Callable[[], AbstractSet[str]],
        *,
        computers: Computers,
        moments: Moments,
        metrics: GatewayMetrics,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._keyring = keyring
        self._withdrawn = withdrawn
        self._computers = computers
        self._moments = moments
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._features: Features | None = None
        self._routes: FeatureRoutes | None = None

    async def enrich(self, request: InferRequest, takes: Collection[str]) -> None:
        """See `FeatureRoutes.enrich`."""
        await (await self._open()).enrich(request, takes)

    async def answer(
        self, method: str, parts: Sequence[str], query: bytes, body: Callable[[], bytes]
    ) -> Any:
        """See `FeatureRoutes.answer`."""
        return await (await self._open()).answer(method, parts, query, body)

    def refresh(self) -> None:
        """See `Features.refresh`. For a thread beside the loop.

        Opens the door when the ledger knows of features, so that the first who asks does not wait.
        """
        if self._features is None:
            with self._ledger.read() as tx:
                if not (tx.versions.assets("feature_service") or tx.intents.list("feature_view")):
                    return
            _modules()
            asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        assert self._features is not None
        self._features.refresh()

    async def aclose(self) -> None:
        """End what was opened."""
        if self._features is None:
            await self._computers.close()
        else:
            await self._features.aclose()

    async def _open(self) -> FeatureRoutes:
        if self._routes is None:
            modules = await asyncio.to_thread(_modules)
            if self._routes is None:  # nobody was faster
                reader = modules["reader"](self._store, self._keyring, self._withdrawn)
                self._features = modules["features"](
                    self._ledger,
                    self._store,
                    reader,
                    self._keyring,
                    computers=self._computers,
                    moments=self._moments,
                )
                self._routes = modules["routes"](self._features, self._metrics)
        assert self._routes is not None
        return self._routes


def _modules() -> Mapping[str, Any]:
    """Import what reads features: slow the first time."""
    from towpath.assets.features.online import OnlineReader  # noqa: PLC0415 - see the module
    from towpath.gateway.features.routes import FeatureRoutes  # noqa: PLC0415 - likewise
    from towpath.gateway.features.serving import Features  # noqa: PLC0415 - likewise

    return {"reader": OnlineReader, "features": Features, "routes": FeatureRoutes}

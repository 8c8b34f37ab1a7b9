"""The client of programs that do other things while they wait, on one event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import httpx

from towpath.client.calls import Call, Calls
from towpath.client.messages import Prediction, Release, predictions_of, release_of
from towpath.client.retrying import Attempts, Retries, error_of
from towpath.client.synchronous import POOL
from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from towpath.core.contracts import Contract


class AsyncClient:
    """Asks services for one version of one program, from one event loop. As `Client`, but awaited.

    Its arguments are those of `Client`.
    """

    def __init__(
        self,
        url: str,
        *,
        service_version: str | None = None,
        contracts: Iterable[Contract] = (),
        token: str = "",
        timeout_s: float = 5.0,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        fallback: Callable[[str, Mapping[str, Any]], Mapping[str, Any]] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._calls = Calls(service_version, contracts, token, retries, fallback)
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            base_url=url, headers=self._calls.headers, limits=POOL, transport=transport
        )

    async def release(self) -> Release:
        """Return the release that answers this version of the program; see `Client.release`."""
        return release_of(await self._send(Call(path="/v2/release", content=None)))

    async def require(self) -> Release:
        """Return the release that answers, held to the contracts; see `Client.require`."""
        return self._calls.require(await self.release())

    async def predict(
        self,
        service: str,
        row: Mapping[str, Any],
        *,
        key: str | None = None,
        subject: str | None = None,
        time: str | None = None,
        features: str | None = None,
        entities: Mapping[str, Any] | None = None,
        deadline_s: float | None = None,
    ) -> Prediction:
        """Return the answer to one row; see `Client.predict`."""
        by = None if entities is None else {name: [one] for name, one in entities.items()}
        answers = await self.predict_many(
            service,
            [row],
            keys=None if key is None else [key],
            subjects=None if subject is None else [subject],
            times=None if time is None else [time],
            features=features,
            entities=by,
            deadline_s=deadline_s,
        )
        return answers[0]

    async def predict_many(
        self,
        service: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        keys: Sequence[str | None] | None = None,
        subjects: Sequence[str | None] | None = None,
        times: Sequence[str | None] | None = None,
        features: str | None = None,
        entities: Mapping[str, Sequence[Any]] | None = None,
        deadline_s: float | None = None,
    ) -> list[Prediction]:
        """Return the answers to rows, in their order; all of them, or none. See `Client.predict`."""
        told = {
            "key": keys,
            "subject": subjects,
            "time": times,
            "features": features,
            "entities": entities,
        }
        call = self._calls.infer(service, rows, told)
        try:
            return predictions_of(await self._send(call, deadline_s), len(rows))
        except TowpathError as error:
            return self._calls.fall_back(error, service, rows)

    async def label(self, decision_id: str, value: float, *, time: str | None = None) -> None:
        """Say what turned out to be true of a decision, whenever that is known. Durable at return."""
        await self._send(self._calls.label(decision_id, value, time))

    async def signal(
        self,
        name: str,
        value: float = 1.0,
        *,
        decision_id: str | None = None,
        service: str | None = None,
        key: str | None = None,
        time: str | None = None,
    ) -> None:
        """Say what somebody did after a decision, which `decision_id`, or `service` and `key`, names."""
        told = {"decision_id": decision_id, "service": service, "key": key, "time": time}
        await self._send(self._calls.signal(name, value, told))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _send(self, call: Call, deadline_s: float | None = None) -> bytes:
        """Send a call, again where that is safe, and return what came back."""
        deadline_s = self._timeout_s if deadline_s is None else deadline_s
        attempts = Attempts(self._calls.retries, deadline_s, repeatable=call.repeatable)
        while True:
            answer: httpx.Response | None = None
            failed: httpx.HTTPError | None = None
            try:
                answer = await self._http.request(
                    call.method,
                    call.path,
                    content=call.content,
                    headers=attempts.headers(),
                    timeout=attempts.left_s,
                )
                if answer.is_success:
                    return answer.content
            except httpx.HTTPError as error:
                failed = error
            wait_s = attempts.again(answer, failed)
            if wait_s is None:
                raise error_of(answer, failed) from failed
            await asyncio.sleep(wait_s)

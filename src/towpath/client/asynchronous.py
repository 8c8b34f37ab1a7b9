"""The client of programs that do other things while they wait, on one event loop.

The client of programs that wait is written from this one: scripts/write_client.py.
"""

from __future__ import annotations

from asyncio import sleep
from typing import TYPE_CHECKING, Any, Self

import httpx

from towpath.client.calls import Call, Calls
from towpath.client.messages import Prediction, Release, predictions_of, release_of
from towpath.client.retrying import POOL, Attempts, Retries, error_of
from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from towpath.core.contracts import Contract


class AsyncClient:
    """Asks services for one version of one program, from one event loop; connections are kept open.

    Args:
        url: Where a gateway answers, `http://127.0.0.1:8100`.
        service_version: The program and its version, `checkout-web@2.4.1`: stated with each request,
            so that the release it is on answers; None: it states none, and the default answers.
        contracts: What it needs of services; see `Contract`. Rows are held to them before they go.
        token: What the gateway asks for as bearer token.
        timeout_s: How long a call may take that has no deadline of its own.
        retries: How often to ask again where that makes no second decision.
        fallback: Answers a row where no gateway does: takes the service and the row, and returns
            outputs by name. No decision is recorded then.
        transport: How requests travel, instead of over the network; for tests.
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
        """Return the release that answers this version of the program.

        Raises:
            Unavailable: No gateway answers, or nothing was released yet.
            InvalidRequest: The version is in no release in force, and the environment refuses such.
        """
        return release_of(await self._send(Call(path="/v2/release", content=None)))

    async def require(self) -> Release:
        """Return the release that answers, once it was held to the contracts: for a program's start.

        Raises:
            GateRefused: It does not give what a contract needs; names every field.
            Unavailable: No gateway answers, or nothing was released yet.
        """
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
        """Return the answer to one row.

        Args:
            service: The service.
            row: Input name to value.
            key: What the program calls the thing decided on.
            subject: Whom it is about; hashed at the gateway's door.
            time: Event time, for gateways that replay.
            features: A feature service or view whose features are inputs too.
            entities: By which they are looked up, one value each.
            deadline_s: How long the answer is of use. The gateway is told, and begins nothing later.

        Raises:
            InvalidRequest: The row is not what the contract says, or not what the model takes.
            NotFound: There is no such service.
            Withdrawn: The subject has withdrawn.
            InfrastructureError: No gateway answered in time, and there is no fallback.
        """
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
        """Return the answers to rows, in their order; all of them, or none. See `predict`."""
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
            await sleep(wait_s)

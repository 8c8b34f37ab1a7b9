"""What both clients do, whether they wait or await: the messages of each call, and its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from towpath.client.messages import Prediction, Release, columns_of
from towpath.core.breaches import breaches
from towpath.core.contracts import Contract, Sent, ServiceVersion
from towpath.core.errors import GateRefused, InfrastructureError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from towpath.client.retrying import Retries
    from towpath.core.errors import TowpathError

HEADER: Final = "towpath-service-version"
_KINDS: Final = ("key", "subject", "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: where it goes, and what it says."""

    path: str
    content: bytes | None
    repeatable: bool = True

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "GET" if self.content is None else "POST"


class Calls:
    """Makes the calls of one program. Thread-safe: nothing here changes.

    Args:
        service_version: The program and its version, `checkout-web@2.4.1`; None: it states none.
        contracts: What it needs; what it sends is held to them, and so are releases by `require`.
        token: What the gateway asks for as bearer token.
        retries: How often to ask again.
        fallback: Answers a row where no gateway does: takes the service and the row, returns outputs by
            name. No decision is recorded then.
    """

    def __init__(
        self,
        service_version: str | None,
        contracts: Iterable[Contract],
        token: str,
        retries: Retries,
        fallback: Callable[[str, Mapping[str, Any]], Mapping[str, Any]] | None,
    ) -> None:
        self.retries = retries
        self._said = None if service_version is None else str(ServiceVersion.parse(service_version))
        self._contracts = {one.service: one for one in contracts}
        self._fallback = fallback
        self.headers = {"content-type": "application/json"}
        if token:
            self.headers["authorization"] = f"Bearer {token}"
        if self._said is not None:
            self.headers[HEADER] = self._said

    def infer(
        self, service: str, rows: Sequence[Mapping[str, Any]], told: Mapping[str, Any]
    ) -> Call:
        """Return the call that asks for predictions. `told` says whom and what each row is about.

        Raises:
            InvalidRequest: The rows are not what the contract says is sent.
            UsageError: As many keys, subjects or times are needed as there are rows.
        """
        parameters: dict[str, Any] = {}
        for kind in _KINDS:
            values = told.get(kind)
            if values is None:
                continue
            if len(values) != len(rows):
                raise UsageError(f"there are {len(rows)} rows, and {len(values)} of {kind}")
            if len(rows) == 1:
                parameters[kind] = values[0]
            else:
                parameters[kind + "s"] = list(values)
        for kind in ("features", "entities"):
            if told.get(kind) is not None:
                parameters[kind] = told[kind]
        inputs = columns_of(rows, self._contracts.get(service))
        body = json.dumps({"inputs": inputs, "parameters": parameters}, allow_nan=False)
        return Call(path=f"/v2/models/{service}/infer", content=body.encode(), repeatable=False)

    def label(self, decision_id: str, value: float, time: str | None) -> Call:
        """Return the call that says what turned out to be true of a decision."""
        label = {"decision_id": decision_id, "value": value}
        label |= {} if time is None else {"time": time}
        return Call(path="/v2/labels", content=json.dumps({"labels": [label]}).encode())

    def signal(self, name: str, value: float, told: Mapping[str, str | None]) -> Call:
        """Return the call that says what somebody did after a decision.

        Of several of one name for one decision the last counts, so it may be said twice.
        """
        signal = {"name": name, "value": value}
        signal |= {key: one for key, one in told.items() if one is not None}
        return Call(path="/v2/signals", content=json.dumps({"signals": [signal]}).encode())

    def require(self, release: Release) -> Release:
        """Hold the release to the program's contracts.

        Where a contract looks up features, what the program does not send counts as theirs: which columns
        they have was checked when the release was made, and a program knows only their names.

        Raises:
            GateRefused: It does not give what a contract needs; names every field.
        """
        said = self._said or "this program"
        problems: list[str] = []
        for contract in self._contracts.values():
            service = release.services.get(contract.service)
            if service is None:
                problems.append(f"{said} asks {contract.service!r}, which {release.ref} has not")
                continue
            found = breaches(
                contract,
                said=said,
                model=service["model"],
                signature=service,
                looked_up=_added(contract, service),
            )
            problems += [one.problem for one in found]
        if problems:
            told = "".join(f"\n  - {one}" for one in problems)
            raise GateRefused(f"{release.ref} does not fit what {said} needs:{told}")
        return release

    def fall_back(
        self, error: TowpathError, service: str, rows: Sequence[Mapping[str, Any]]
    ) -> list[Prediction]:
        """Answer where no gateway did, if the program can.

        Raises:
            TowpathError: What went wrong, where there is no fallback or the request was at fault.
        """
        if self._fallback is None or not isinstance(error, InfrastructureError):
            raise error
        return [
            Prediction(
                outputs=self._fallback(service, row),
                decision_id=None,
                model=None,
                release=None,
                arm="fallback",
            )
            for row in rows
        ]


def _added(contract: Contract, signature: Mapping[str, Any]) -> dict[str, Sent]:
    """Return the inputs that the gateway adds for a program, as far as the program can tell."""
    if not contract.features:
        return {}
    return {
        one["name"]: Sent(one["datatype"])
        for one in signature["inputs"]
        if one["name"] not in contract.inputs
    }

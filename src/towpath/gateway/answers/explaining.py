"""`explain` beside `infer`: what each column adds to an answer. No decision is made or recorded.

Explaining costs up to thousands of answers. It has one thread, a short queue and an opened model of its own,
so the requests that decide something never wait for it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from towpath.core.errors import InvalidRequest, NotFound, Overloaded, Withdrawn
from towpath.core.refs import Ref
from towpath.gateway.answers.tensors import columns_of
from towpath.gateway.protocol import InferResponse, OutputTensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from towpath.assets.models.explaining import Explainer, Explanation
    from towpath.assets.models.reference import Reference
    from towpath.gateway.answers.inference import Inference
    from towpath.gateway.features.door import FeatureDoor
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.protocol import InferParameters, InferRequest
    from towpath.gateway.routes.routing import LiveArm, LiveService
    from towpath.ledger.contract import Ledger
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.decisions.records import Decision
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring

WAITING_MOST: Final = 4
"""Requests for explanations, the one under way included; others are told to come back."""

_OPEN_MOST = 8


class _Asked(msgspec.Struct):
    decision_id: str | None = None


class _Body(msgspec.Struct):
    parameters: _Asked = msgspec.field(default_factory=_Asked)
    id: str | None = None


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What is explained: rows, and the model that answers them.

    Attributes:
        said: What the answer says of where it comes from.
    """

    service: str
    version: str
    model: str
    package: str
    columns: Mapping[str, Sequence[Any]]
    said: dict[str, Any]


class Explaining:
    """Explains what `infer` would answer, or what it once answered. Used from one event loop only.

    Args:
        decisions: Opens the decision log, the first time that a recorded decision is asked for.
    """

    def __init__(
        self,
        inference: Inference,
        features: FeatureDoor,
        metrics: GatewayMetrics,
        *,
        ledger: Ledger,
        blobs: BlobStore,
        keyring: Keyring,
        decisions: Callable[[], DecisionLog],
    ) -> None:
        self._inference = inference
        self._features = features
        self._metrics = metrics
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._open_decisions = decisions
        self._decisions: DecisionLog | None = None
        self._explainers: OrderedDict[str, Explainer] = OrderedDict()  # of the one thread
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="explaining")
        self._waiting = 0

    async def aclose(self) -> None:
        """Give the thread back; what it is at is finished first."""
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def explain(
        self, name: str, version: str | None, request: InferRequest, decision_id: str | None = None
    ) -> InferResponse:
        """Explain the rows of a request, or a recorded decision.

        Rows are answered by the version that is named, else by the arm that the one row's subject or key
        is dealt to, else by the champion. A recorded decision is explained as it was made: on the model
        and with the inputs that were recorded. Reading it is entered into the log of events.

        Args:
            name: The service, or the model that one service serves.
            version: The model version that the caller insists on.
            request: As for `Inference.infer`; without inputs where a decision is named.
            decision_id: The decision.

        Raises:
            NotFound: No such service, version or decision, or its model's bytes are gone.
            InvalidRequest: The rows are not what the model takes; or the decision's inputs were redacted.
            Withdrawn: A row's subject has withdrawn.
            Overloaded: Too many explanations are waited for.
            Unavailable: There is no route yet, or the ledger is away and needed.
            UsageError: A library that explaining needs is not installed.
        """
        service = self._inference.table.service(name, request.parameters.service_version)
        with self._metrics.explaining(service.name):
            if self._waiting >= WAITING_MOST:
                raise Overloaded(
                    f"{self._waiting} explanations are waited for, and no more fit",
                    remedy="Try again in a moment, or ask for fewer rows at a time.",
                )
            self._waiting += 1
            try:
                if decision_id is None:
                    subject = await self._given(service, version, request)
                else:
                    subject = await self._in_thread(self._recorded, service, decision_id)
                found = await self._in_thread(self._explained, subject)
            finally:
                self._waiting -= 1
        return _response(subject, found, request.id)

    async def _in_thread(self, work: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    async def _given(
        self, service: LiveService, version: str | None, request: InferRequest
    ) -> _Subject:
        """Read the rows of a request."""
        said = request.parameters
        if said.features is not None or said.entities is not None:
            await self._features.enrich(request, service.columns)
        arm = self._arm(service, version, said)
        _, columns = columns_of(request.inputs, arm.predictor.signature.inputs)
        unknown = [one for one in columns if one not in service.columns]
        if unknown:
            raise InvalidRequest(f"the service {service.name!r} has no input {unknown[0]!r}")
        names = [spec.name for spec in arm.predictor.signature.inputs]
        return _Subject(
            service=service.name,
            version=arm.version,
            model=arm.model,
            package=arm.predictor.package,
            columns={one: columns[one] for one in names if one in columns},
            said={"model": arm.model, "release": arm.release, "arm": arm.arm},
        )

    def _arm(self, service: LiveService, version: str | None, said: InferParameters) -> LiveArm:
        """Return who would answer, none of whose rows is about somebody who has withdrawn."""
        plain = [*(said.subjects or ()), said.subject]
        subjects = [self._hashed(service, one) for one in plain if one is not None]
        if subjects and not self._inference.table.withdrawn().isdisjoint(subjects):
            raise _withdrawn()
        if version is not None:
            return service.arm_of_version(version)
        unit = subjects[0] if said.subject is not None else said.key
        return service.arms[0] if unit is None else service.arm_for(unit)

    def _hashed(self, service: LiveService, subject: str) -> str:
        if service.subject_field is None:
            raise InvalidRequest(
                f"the service {service.name!r} declares no subject, so it can't take one",
                remedy="Declare the data set's subject in the project, or leave `subject` out.",
            )
        return self._keyring.subject_hash(service.subject_field, subject)

    def _recorded(self, service: LiveService, decision_id: str) -> _Subject:
        """Read a decision, and enter that it was read."""
        if self._decisions is None:
            self._decisions = self._open_decisions()
        decision = self._decisions.find(decision_id)
        if decision is None or decision.service != service.name:
            raise NotFound(
                f"{service.name!r} has no decision {decision_id[:64]!r}",
                remedy="Check the id as the gateway answered it; decisions of a subject who has "
                "withdrawn are erased.",
                kind="decision",
            )
        if decision.subject is not None and decision.subject in self._inference.table.withdrawn():
            raise _withdrawn()
        ref = Ref.parse(decision.model, "model")
        with self._ledger.read() as tx:
            version = tx.versions.get(ref)
        names = [one["name"] for one in version.body["signature"]["inputs"]]
        _require_whole(service, decision, names)
        with self._ledger.write(actor="gateway") as tx:
            tx.events.append("decision.explained", f"decision:{decision_id}")
        return _Subject(
            service=service.name,
            version=str(ref.version),
            model=decision.model,
            package=version.body["package"],
            columns={name: [decision.inputs[name]] for name in names},
            said={
                "decision_id": decision_id,
                "model": decision.model,
                "release": decision.release,
                "arm": decision.arm,
            },
        )

    def _explained(self, subject: _Subject) -> Explanation:
        """Explain, by an explainer that is opened once."""
        known = self._explainers
        explainer = known.get(subject.package)
        if explainer is None:
            from towpath.assets.models.explaining import (  # noqa: PLC0415 - most gateways are never asked
                load_explainer,
            )

            explainer = load_explainer(
                subject.package, self._blobs, lambda: self._reference(subject.model)
            )
            known[subject.package] = explainer
            while len(known) > _OPEN_MOST:
                known.popitem(last=False)
        known.move_to_end(subject.package)
        return explainer.explain(subject.columns)

    def _reference(self, model: str) -> Reference:
        from towpath.assets.models.reference import Reference  # noqa: PLC0415 - likewise

        with self._ledger.read() as tx:
            body = tx.versions.get(Ref.parse(model, "model")).body
        return Reference.decode(self._blobs.get(body["reference"]))


def decision_of(body: bytes) -> tuple[str, str | None] | None:
    """Return the decision that a request names and the request's id; None where it brings rows.

    Raises:
        InvalidRequest: The body is not JSON, or names it by something else than text.
    """
    try:
        asked = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"the request's body is not what is expected: {error}") from error
    named = asked.parameters.decision_id
    return None if named is None else (named, asked.id)


def by_column(response: InferResponse) -> dict[str, Any]:
    """Return an explanation in the form of KServe's first protocol: one object per row."""
    base, contributions, raw = (output.data or [] for output in response.outputs)
    names: list[str] = response.parameters["columns"]
    width = len(names)
    return {
        "explanations": [
            {
                "base": base[at],
                "contributions": dict(
                    zip(names, contributions[at * width : (at + 1) * width], strict=True)
                ),
                "raw": raw[at],
            }
            for at in range(len(raw))
        ],
        **{key: value for key, value in response.parameters.items() if key != "columns"},
    }


def _require_whole(service: LiveService, decision: Decision, names: Sequence[str]) -> None:
    """Refuse a decision whose recorded inputs are not those that the model saw."""
    redacted = set(service.logging.redacts) if service.logging is not None else set[str]()
    if lost := [name for name in names if name not in decision.inputs or name in redacted]:
        raise InvalidRequest(
            f"the input {lost[0]!r} of this decision was redacted when it was recorded",
            remedy="Only decisions recorded with all that the model saw can be explained.",
            columns=lost,
        )


def _withdrawn() -> Withdrawn:
    return Withdrawn(
        "a subject of these rows has withdrawn", remedy="Leave them out; nothing was read."
    )


def _response(subject: _Subject, found: Explanation, request_id: str | None) -> InferResponse:
    rows, width = found.contributions.shape

    def tensor(name: str, values: Any, shape: list[int]) -> OutputTensor:
        return OutputTensor(
            name=name, shape=shape, datatype="FP64", data=values.reshape(-1).tolist()
        )

    return InferResponse(
        model_name=subject.service,
        model_version=subject.version,
        id=request_id,
        parameters={
            **subject.said,
            "method": found.method,
            "scale": found.scale,
            "columns": list(found.columns),
            **found.settings,
        },
        outputs=[
            tensor("base", found.base, [rows]),
            tensor("contributions", found.contributions, [rows, width]),
            tensor("raw", found.raw, [rows]),
        ],
    )

"""Puts answers together: of one arm or of several, row by row as they were asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.gateway.protocol import InferResponse, OutputTensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.gateway.answers.plans import ArmPlan
    from towpath.gateway.answers.shares import Callers, Share
    from towpath.gateway.protocol import InferRequest
    from towpath.gateway.routes.routing import LiveService


def response_of(
    service: LiveService, request: InferRequest, shares: Sequence[Share], callers: Callers
) -> InferResponse:
    """Return the answer to a request."""
    count = len(callers.ids)
    first = shares[0].plan
    parameters: dict[str, Any] = (
        {"decision_id": callers.ids[0]} if count == 1 else {"decision_ids": callers.ids}
    )
    if len(shares) == 1:
        parameters |= first.said
        outputs = [OutputTensor(first.output, [count], "FP64", shares[0].answers)]
    else:
        columns = _scattered(shares, count, parameters)
        first = _answering(shares, 0)
        outputs = [OutputTensor(name, [count], "FP64", data) for name, data in columns.items()]
    if request.outputs:
        wanted = {output.name for output in request.outputs}
        outputs = [output for output in outputs if output.name in wanted]
    return InferResponse(service.name, first.arm.version, outputs, parameters, request.id)


def _scattered(
    shares: Sequence[Share], count: int, parameters: dict[str, Any]
) -> dict[str, list[float | None]]:
    """Return the answers of several arms in the order of the rows, and say whose each is."""
    arms: list[ArmPlan] = [shares[0].plan] * count
    columns: dict[str, list[float | None]] = {}
    for share in shares:
        data = columns.setdefault(share.plan.output, [None] * count)
        for at, answer in zip(share.members or (), share.answers or (), strict=True):
            data[at] = answer
            arms[at] = share.plan
    for name, plural in (("model", "models"), ("release", "releases"), ("arm", "arms")):
        parameters[plural] = [arm.said[name] for arm in arms]
    return columns


def _answering(shares: Sequence[Share], row: int) -> ArmPlan:
    """Return the arm that answers a row."""
    return next(share.plan for share in shares if row in (share.members or ()))

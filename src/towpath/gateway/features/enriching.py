"""Adds features, looked up by entity, to the inputs of a prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from towpath.core.errors import InvalidRequest
from towpath.gateway.protocol import Tensor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any

    from towpath.assets.features.online import OnlineRows
    from towpath.gateway.features.serving import Features
    from towpath.gateway.protocol import InferRequest

_DATATYPES: Final = {"int64": "INT64", "float64": "FP64", "bool": "BOOL"}


async def enrich(request: InferRequest, features: Features, takes: Collection[str]) -> None:
    """Add to a request the features that it names; what the caller sends itself goes before.

    The decision records them with the other inputs, so what was decided on can be seen later. They are
    looked up as of the moment of the decision: that is now, but where a replayed request says another
    (the latest, if its rows differ).

    Args:
        request: The decoded message; its inputs grow.
        features: Looks features up.
        takes: The columns that the model takes; features beyond those are left out.

    Raises:
        InvalidRequest: Only one of `features` and `entities` is there, or a time can't be chosen.
        NotFound, Withdrawn, Unavailable, StepFailed: As `Features.look_up` says.
    """
    said = request.parameters
    if said.features is None or said.entities is None:
        raise InvalidRequest(
            "a request names `features` and `entities`, or neither",
            remedy="Say which feature service, and for whom: both in `parameters`.",
        )
    wanted = set(takes) - {tensor.name for tensor in request.inputs}
    times = said.times if said.times is not None else [said.time]
    at_us = features.latest(times)
    found = await features.look_up(said.features, said.entities, at_us=at_us)
    computed = features.computed_types(said.features)
    request.inputs = [
        *request.inputs,
        *(
            Tensor(name=name, shape=[found.count], datatype=_datatype(kind), data=values)
            for name, kind, values in _columns(found, computed)
            if name in wanted
        ),
    ]


def _columns(found: OnlineRows, computed: dict[str, str]) -> Iterator[tuple[str, str, list[Any]]]:
    for one in found.looked:
        yield from zip(one.names, one.types, one.columns, strict=True)
    for name, values in found.computed.items():
        yield name, computed[name], values


def _datatype(kind: str) -> str:
    return _DATATYPES.get(kind, "BYTES")

"""What goes to a gateway and what comes back, as plain values."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from towpath.core.errors import InvalidRequest, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.core.contracts import Contract, Sent

_DATATYPES: Final[dict[type, str]] = {float: "FP64", int: "INT64", str: "BYTES", bool: "BOOL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The answer to one row.

    Attributes:
        outputs: Output name to value.
        decision_id: What labels and signals name it by later; None where a fallback answered.
        model: The model version that answered, `model:late@3`; None where a fallback did.
        release: The release that it answered under, `release:production@7`; likewise.
        arm: `champion`, `challenger` or `pinned`; `fallback` where a fallback answered.
    """

    outputs: Mapping[str, Any]
    decision_id: str | None
    model: str | None
    release: str | None
    arm: str

    @property
    def value(self) -> Any:
        """The only output's value.

        Raises:
            InvalidRequest: There are several.
        """
        if len(self.outputs) != 1:
            names = ", ".join(sorted(self.outputs))
            raise InvalidRequest(f"the answer has several outputs: {names}", remedy="Name one.")
        return next(iter(self.outputs.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The release that answers a program.

    Attributes:
        ref: Its reference, `release:production@7`.
        default: The release that answers whoever states no version.
        known: Whether the stated version is part of a release in force.
        services: By service: the model version, its inputs and its outputs.
    """

    ref: str
    default: str
    known: bool
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any])


def columns_of(
    rows: Sequence[Mapping[str, Any]], contract: Contract | None
) -> list[dict[str, Any]]:
    """Return rows as tensors, one per column, held to the contract if there is one.

    Raises:
        InvalidRequest: Rows differ in their columns, a value is of no type that can be sent, or they
            are not what the contract says is sent. Names the row and the column, never the value.
    """
    if not rows:
        raise InvalidRequest("there are no rows to ask about")
    names = list(rows[0])
    for index, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            raise InvalidRequest(f"row {index} has other columns than row 0", row=index)
    sent = cast("Mapping[str, Sent]", contract.inputs) if contract is not None else {}
    if sent and (absent := sorted(sent.keys() - rows[0].keys())):
        raise InvalidRequest(
            f"the rows lack {absent[0]!r}, which the contract says is sent", column=absent[0]
        )
    if sent and (extra := sorted(rows[0].keys() - sent.keys())):
        raise InvalidRequest(
            f"the rows have {extra[0]!r}, which the contract does not say is sent",
            remedy="Add it to the contract, with the next version of the program.",
            column=extra[0],
        )
    return [_tensor(name, [row[name] for row in rows], sent.get(name)) for name in names]


def _tensor(name: str, values: list[Any], sent: Sent | None) -> dict[str, Any]:
    kinds = {type(value) for value in values if value is not None}
    datatype = sent.datatype if sent is not None else _inferred(name, kinds)
    if sent is not None and not sent.nullable and None in values:
        raise InvalidRequest(
            f"the column {name!r} has no value in row {values.index(None)}, "
            "and the contract says that it always has",
            column=name,
        )
    wanted: tuple[type, ...] = (int, float)
    if datatype in ("BOOL", "BYTES"):
        wanted = (bool,) if datatype == "BOOL" else (str,)
    elif datatype.startswith(("INT", "UINT")):
        wanted = (int,)
    for index, value in enumerate(values):
        if value is None:
            continue
        if type(value) not in wanted or (type(value) is float and not math.isfinite(value)):
            raise InvalidRequest(
                f"the column {name!r} has a value in row {index} that is not {datatype}",
                column=name,
                row=index,
            )
    return {"name": name, "datatype": datatype, "shape": [len(values)], "data": values}


def _inferred(name: str, kinds: set[type]) -> str:
    if not kinds:
        return "FP64"
    if kinds == {int, float}:
        return "FP64"
    if len(kinds) > 1 or not kinds <= _DATATYPES.keys():
        told = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise InvalidRequest(
            f"the column {name!r} is {told}",
            remedy="Send float, int, str or bool; turn numbers of other libraries into these.",
            column=name,
        )
    return _DATATYPES[next(iter(kinds))]


def predictions_of(content: bytes, count: int) -> list[Prediction]:
    """Read an answer.

    Raises:
        Unavailable: It is none.
    """
    try:
        answer: dict[str, Any] = json.loads(content)
        told = answer["parameters"]
        outputs = {one["name"]: one["data"] for one in answer["outputs"]}
        many = count > 1
        return [
            Prediction(
                outputs={name: values[index] for name, values in outputs.items()},
                decision_id=told["decision_ids"][index] if many else told["decision_id"],
                model=_each(told, "model", index),
                release=_each(told, "release", index),
                arm=_each(told, "arm", index),
            )
            for index in range(count)
        ]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise _unreadable() from error


def release_of(content: bytes) -> Release:
    """Read which release answers.

    Raises:
        Unavailable: It is nothing of the kind.
    """
    try:
        told: dict[str, Any] = json.loads(content)
        return Release(
            ref=told["release"],
            default=told["default"],
            known=told["known"],
            services=told["services"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable() from error


def _each(told: Mapping[str, Any], name: str, index: int) -> str:
    """Return a row's value of what is told once where all rows share it."""
    return told[name] if name in told else told[name + "s"][index]


def _unreadable() -> Unavailable:
    return Unavailable(
        "what answered is not a gateway of Towpath, or one of another time",
        remedy="Check the address.",
    )

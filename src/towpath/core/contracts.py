"""What a program needs of a prediction service: the words in which both sides say so.

The idea is Pact's: whoever consumes writes down what it relies on, and whoever provides is held to that
and to nothing else (https://docs.pact.io, consumer-driven contracts). The types are those of the Open
Inference Protocol.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self, Union, cast, get_args, get_origin

from towpath.core.errors import InvalidName, UsageError
from towpath.core.refs import check_name

_PYTHON: Final[dict[object, str]] = {float: "FP64", int: "INT64", str: "BYTES", bool: "BOOL"}
_FLOATS: Final = ("FP32", "FP64")
_INTEGERS: Final = {
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
}
DATATYPES: Final = ("BOOL", *_INTEGERS, *_FLOATS, "BYTES")
TASKS: Final = ("binary", "regression", "ranking", "forecast", "anomaly")
_VERSION = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.+_-]{0,62}[0-9A-Za-z])?")
_BOUND = re.compile(r"(>=|<=|==|!=|>|<)\s*(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Sent:
    """One input as a consumer sends it.

    Attributes:
        datatype: Its type in the protocol's words; `BYTES` is text.
        nullable: Whether a value may be missing.
    """

    datatype: str
    nullable: bool = False

    def __post_init__(self) -> None:
        """Refuse a type that the protocol does not have."""
        if self.datatype not in DATATYPES:
            raise UsageError(
                f"{self.datatype!r} is no datatype of the Open Inference Protocol",
                remedy=f"Known: {', '.join(DATATYPES)}.",
            )

    @classmethod
    def of(cls, what: object) -> Self:
        """Read `float`, `str | None`, `"INT8"`, `{"datatype": "INT8", "nullable": True}`.

        Raises:
            UsageError: It is none of these.
        """
        match what:
            case Sent():
                return cls(what.datatype, what.nullable)
            case str():
                return cls(what)
            case Mapping():
                told = cast("Mapping[str, Any]", what)
                return cls(str(told.get("datatype")), bool(told.get("nullable", False)))
            case _:
                pass
        parts: tuple[object, ...] = (what,)
        if get_origin(what) in (Union, types.UnionType):
            parts = get_args(what)
        kinds = [one for one in parts if one is not type(None)]
        if len(kinds) != 1 or kinds[0] not in _PYTHON:
            raise UsageError(
                f"{what!r} is no type that an input can have",
                remedy="Use float, int, str or bool, with `| None` where a value may be missing.",
            )
        return cls(_PYTHON[kinds[0]], nullable=len(parts) > 1)

    def fits(self, taken: str) -> bool:
        """Tell whether every value of this type is one that a column of type `taken` takes."""
        if self.datatype == taken:
            return True
        if taken in _FLOATS:
            return self.datatype in _INTEGERS or self.datatype in _FLOATS
        if self.datatype in _INTEGERS and taken in _INTEGERS:
            low, high = _INTEGERS[self.datatype]
            least, most = _INTEGERS[taken]
            return least <= low and high <= most
        return False


@dataclass(frozen=True, slots=True)
class Contract:
    """What one version of a consumer needs of a service.

    Attributes:
        service: The name that it asks, `delay-board`.
        inputs: What it sends, with types: `{"distance": float, "carrier": str | None}`. It may send
            more than a model takes; a model may not take more than it sends.
        outputs: What it reads, and as what: `{"late": "binary"}`. The meaning is the model's task, or
            None where any will do.
        features: Feature services or views by which the gateway adds inputs for it; they count as sent.
        models: Which versions of the model will do: `>=3, <7`. Empty for any.
    """

    service: str
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any], kw_only=True)
    outputs: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"], kw_only=True)
    features: Sequence[str] = field(default=(), kw_only=True)
    models: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        """Read the types, and refuse what can't be meant."""
        check_name(self.service, "service name")
        for name in self.features:
            check_name(name, "name of features")
        for name, meaning in self.outputs.items():
            if meaning is not None and meaning not in TASKS:
                raise UsageError(
                    f"the output {name!r} is read as {meaning!r}, which is no task",
                    remedy=f"Use one of {', '.join(TASKS)}, or None for any.",
                )
        sent = {name: Sent.of(what) for name, what in self.inputs.items()}
        object.__setattr__(self, "inputs", sent)
        object.__setattr__(self, "outputs", dict(self.outputs))
        object.__setattr__(self, "features", tuple(self.features))
        _bounds(self.models)

    def allows(self, number: int) -> bool:
        """Tell whether a version of the model is within `models`."""
        return all(_HOLDS[sign](number, bound) for sign, bound in _bounds(self.models))

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        sent = cast("Mapping[str, Sent]", self.inputs)
        return {
            "service": self.service,
            "inputs": {
                name: {"datatype": one.datatype, "nullable": one.nullable}
                for name, one in sent.items()
            },
            "outputs": dict(self.outputs),
            "features": list(self.features),
            "models": self.models,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a contract; keys beyond ours are refused, since a slip would weaken it.

        Raises:
            UsageError: It is not a contract.
        """
        known = {"service", "inputs", "outputs", "features", "models"}
        if "service" not in data or set(data) - known:
            raise UsageError(
                "a contract has a service, and may have inputs, outputs, features and models",
                remedy='For example {"service": "delay-board", "inputs": {"hour": "INT64"}}.',
            )
        outputs = data.get("outputs", {})
        if not isinstance(data.get("inputs", {}), Mapping) or not isinstance(outputs, Mapping):
            raise UsageError("inputs and outputs of a contract are objects, by name")
        return cls(
            str(data["service"]),
            inputs=data.get("inputs", {}),
            outputs=cast("Mapping[str, str | None]", outputs),
            features=tuple(str(one) for one in data.get("features", ())),
            models=str(data.get("models", "")),
        )


@dataclass(frozen=True, slots=True, order=True)
class ServiceVersion:
    """One version of a program of the product, as it states itself: `checkout-web@2.4.1`."""

    consumer: str
    version: str

    def __post_init__(self) -> None:
        """Refuse what could not be parsed back, or would not go through a header."""
        check_name(self.consumer, "consumer name")
        if not _VERSION.fullmatch(self.version):
            raise InvalidName(
                f"{self.version!r} is not a version of {self.consumer!r}",
                remedy="Use letters, digits and . + _ -, at most 64: 2.4.1.",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `checkout-web@2.4.1`, or `checkout-web 2.4.1`.

        Raises:
            InvalidName: It is something else.
        """
        name, _, version = text.strip().replace(" ", "@", 1).partition("@")
        return cls(name, version)

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return f"{self.consumer}@{self.version}"


def _bounds(text: str) -> list[tuple[str, int]]:
    """Read `>=3, <7`."""
    bounds: list[tuple[str, int]] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        found = _BOUND.fullmatch(part)
        if found is None:
            raise UsageError(
                f"{part!r} is no bound on a model's versions",
                remedy="Write them like this: >=3, <7.",
            )
        bounds.append((found[1], int(found[2])))
    return bounds


_HOLDS: Final = {
    ">=": int.__ge__,
    "<=": int.__le__,
    ">": int.__gt__,
    "<": int.__lt__,
    "==": int.__eq__,
    "!=": int.__ne__,
}

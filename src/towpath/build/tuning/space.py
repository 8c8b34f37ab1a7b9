"""What a search varies: intervals and choices, read from how people write them."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from towpath.assets.datasets import Selection
from towpath.build.pipelines.authoring.handles import Handle
from towpath.build.pipelines.formats.values import decode_value, encode_value
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GRID_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Log:
    """Numbers between two others, both included, spread evenly over their logarithm.

    `tp.Log(0.001, 1.0)` makes 0.001 to 0.01 as likely as 0.1 to 1. Whole bounds give whole numbers.
    """

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Numbers from `low` to `high`, both included.

    Attributes:
        step: Only `low` plus multiples of this; None: every number (every whole one where `whole`).
        log: Whether the logarithm is what spreads evenly.
        whole: Whether they are `int`, else `float`.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False

    def grid(self) -> list[Any]:
        """Return every value.

        Raises:
            InvalidProject: There is no end of them.
        """
        step = self.step if self.step is not None else 1 if self.whole and not self.log else None
        if step is None:
            raise InvalidProject(
                f"a grid can't hold every number from {self.low} to {self.high}",
                remedy="Give it a step: (low, high, step), or list the values: [a, b, c].",
            )
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        values = [self.low + index * step for index in range(count)]
        return (
            [int(one) for one in values] if self.whole else [min(one, self.high) for one in values]
        )

    def holds(self, value: Any) -> bool:
        """Tell whether a value of a point to begin with may be taken."""
        kinds = (int,) if self.whole else (int, float)
        return type(value) in kinds and self.low <= value <= self.high

    def place(self, value: Any) -> float:
        """Return where a value lies between both ends, from 0 to 1, on a logarithmic scale if `log`."""
        low, high, here = float(self.low), float(self.high), float(value)
        if self.log:
            low, high, here = math.log(low), math.log(high), math.log(here)
        return (here - low) / (high - low)

    def describe(self) -> dict[str, Any]:
        """Return it as JSON: what pages draw an axis from."""
        return {
            "kind": "int" if self.whole else "float",
            "low": self.low,
            "high": self.high,
            "step": self.step,
            "log": self.log,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several values, without an order."""

    values: tuple[Any, ...]

    def grid(self) -> list[Any]:
        """Return every value."""
        return list(self.values)

    def holds(self, value: Any) -> bool:
        """Tell whether a value of a point to begin with may be taken."""
        try:
            return self.index(value) >= 0
        except ValueError:
            return False

    def index(self, value: Any) -> int:
        """Return which of the values it is: 1, 1.0 and True are three.

        Raises:
            ValueError: It is none of them.
        """
        for index, one in enumerate(self.values):
            if type(one) is type(value) and one == value:
                return index
        raise ValueError(f"{value!r} is no choice")

    def place(self, value: Any) -> float:
        """Return where a value lies when they are spread evenly from 0 to 1, in order."""
        return self.index(value) / max(1, len(self.values) - 1)

    def describe(self) -> dict[str, Any]:
        """Return it as JSON that tells 1, 1.0 and True apart."""
        return {"kind": "choice", "values": encode_value(list(self.values))}


Dimension: TypeAlias = "Interval | Choice"


def decode_axis(fields: Mapping[str, Any]) -> Dimension:
    """Return the dimension that `describe` wrote down."""
    if fields["kind"] == "choice":
        return Choice(values=tuple(decode_value(fields["values"])))
    return Interval(
        low=fields["low"],
        high=fields["high"],
        step=fields["step"],
        log=fields["log"],
        whole=fields["kind"] == "int",
    )


def read_dimension(name: str, value: object, kind: object) -> Dimension | None:
    """Read how an argument of `search(…)` varies; None where it does not.

    `(15, 255)` and `(0.1, 0.9)` are intervals, `(0, 100, 10)` one with a step, `tp.Log(…)` one on a
    logarithmic scale, and a list holds choices. Everything else is a constant, or data.

    Args:
        name: The parameter, for the message.
        value: What was written.
        kind: What the step takes, to tell an interval of whole numbers from one of any.

    Raises:
        InvalidProject: It looks like an interval or choices and can't be.
    """
    what = f"search(…, {name}={value!r})"
    match value:
        case Log():
            return _interval(what, (value.low, value.high), kind, log=True)
        case tuple():
            members = cast("tuple[object, ...]", value)
            if len(members) not in (2, 3) or not all(_is_number(one) for one in members):
                return None
            return _interval(what, cast("tuple[float, ...]", members), kind)
        case list():
            choices = cast("list[object]", value)
            is_data = any(isinstance(one, Handle | Selection) for one in choices)
            return None if is_data else _choice(what, choices)
        case _:
            return None


def grid_of(space: Mapping[str, Dimension]) -> Iterator[dict[str, Any]]:
    """Yield every point of a space, the last parameter varying fastest.

    Raises:
        InvalidProject: There are more than 10,000, or no end of them.
    """
    axes = {name: one.grid() for name, one in space.items()}
    count = math.prod(len(values) for values in axes.values())
    if count > _GRID_MOST:
        raise InvalidProject(
            f"a grid of {count:,} points is more than {_GRID_MOST:,}",
            remedy="Use coarser steps, or another sampler.",
        )
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def corner_of(space: Mapping[str, Dimension]) -> dict[str, Any]:
    """Return one point of a space, always the same: every lower end, every first choice."""
    corner: dict[str, Any] = {}
    for name, axis in space.items():
        if isinstance(axis, Choice):
            corner[name] = axis.values[0]
        else:
            corner[name] = int(axis.low) if axis.whole else float(axis.low)
    return corner


def check_point(space: Mapping[str, Dimension], point: Mapping[str, Any], what: str) -> None:
    """Refuse a point to begin with that does not lie in the space.

    Raises:
        InvalidProject: It names another parameter, or a value that the search may not take.
    """
    for name, value in point.items():
        if name not in space:
            raise InvalidProject(
                f"{what} sets {name!r}, which the search does not vary",
                remedy=f"It varies {', '.join(space)}.",
            )
        if not space[name].holds(value):
            raise InvalidProject(
                f"{what} sets {name}={value!r}, which is outside of what the search may take",
                remedy="Widen the parameter, or choose another point.",
            )


def _interval(
    what: str, members: tuple[float, ...], kind: object, *, log: bool = False
) -> Interval:
    low, high, step = (*members, None) if len(members) == 2 else members
    whole = all(type(one) is int for one in members) and kind is not float
    if not all(math.isfinite(one) for one in members) or not low < high:
        raise InvalidProject(f"{what} is no interval", remedy="Write (low, high), low being less.")
    if kind is int and not whole:
        raise InvalidProject(
            f"{what} gives fractions to a parameter that is an int",
            remedy="Use whole bounds, or annotate the parameter as float.",
        )
    if log and low <= 0:
        raise InvalidProject(f"{what} begins at {low}", remedy="A logarithm needs a low above 0.")
    if step is not None and not 0 < step <= high - low:
        raise InvalidProject(f"{what} has a step of {step}", remedy="Choose one that fits in.")
    return Interval(low=low, high=high, step=step, log=log, whole=whole)


def _choice(what: str, values: list[object]) -> Choice:
    if not values:
        raise InvalidProject(f"{what} leaves nothing to choose", remedy="List at least one value.")
    for value in values:
        encode_value(value, f"a choice of {what}")
    if any(
        one == other and type(one) is type(other)
        for one, other in itertools.combinations(values, 2)
    ):
        raise InvalidProject(f"{what} has a choice twice", remedy="Name each once.")
    return Choice(values=tuple(values))


def _is_number(value: object) -> bool:
    return type(value) in (int, float)

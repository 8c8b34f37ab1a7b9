"""What a rollout may measure beside the quality of answers: errors, latency, signals, agreement."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """The share of requests that the model fails; harm is the challenger's minus the champion's.

    Attributes:
        margin: The harm that is put up with, as a share: 0.005 is half a point.
    """

    kind: Literal["errors"] = field(default="errors", init=False)
    margin: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0 <= self.margin < 1:
            raise InvalidProject(
                f"Errors has a margin of {self.margin}", remedy="It is a share of requests: 0.005."
            )

    @property
    def name(self) -> str:
        """What pages and reports call it."""
        return "errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """A quantile of how long answers took, in ms; harm is the challenger's minus the champion's.

    Attributes:
        quantile: Which one: 0.5 is the median, 0.99 the p99.
        margin: The harm that is put up with, as a duration: `20ms`.
    """

    kind: Literal["latency"] = field(default="latency", init=False)
    quantile: float = 0.99
    margin: str = "20ms"

    def __post_init__(self) -> None:
        """Refuse what is no quantile or no duration."""
        if not 0.01 <= self.quantile <= 0.999:
            raise InvalidProject(
                f"Latency asks for the quantile {self.quantile}",
                remedy="Take one between 0.01 and 0.999; beyond it no traffic bounds anything.",
            )
        parse_duration(self.margin)

    @property
    def name(self) -> str:
        """What pages and reports call it: `latency p99`."""
        return f"latency p{100 * self.quantile:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """The mean of what customers did after a decision; harm is what the challenger's falls short by.

    Attributes:
        signal: The name that the signal is reported under.
        margin: The harm that is put up with, in the signal's unit.
        better: Which way is good.
        clip: Values beyond are taken as these, so that no single customer decides.
        absent: What a decision without the signal counts as, once `maturity` is over: usually nothing
            happened. None leaves it out, which is right only where the signal is always sent.
    """

    kind: Literal["signal"] = field(default="signal", init=False)
    signal: str
    margin: float
    better: Literal["higher", "lower"] = "higher"
    clip: tuple[float, float] = (0.0, 1.0)
    absent: float | None = 0.0

    def __post_init__(self) -> None:
        """Refuse bounds that hold nothing, and directions that are none."""
        if len(self.clip) != 2 or not self.clip[0] < self.clip[1]:
            raise InvalidProject(
                f"signal {self.signal!r} is clipped to {self.clip}",
                remedy="Write the least and the greatest value that count: clip=(0, 100).",
            )
        if self.absent is not None and not self.clip[0] <= self.absent <= self.clip[1]:
            raise InvalidProject(
                f"signal {self.signal!r} counts as {self.absent} where it is absent, beyond its bounds",
                remedy="Let `clip` include it, or leave such decisions out: absent=None.",
            )
        if self.better not in ("higher", "lower") or self.margin <= 0:
            raise InvalidProject(
                f"signal {self.signal!r}: better={self.better!r}, margin={self.margin}",
                remedy="Say better='higher' or 'lower', and a margin above zero.",
            )

    @property
    def name(self) -> str:
        """What pages and reports call it."""
        return f"signal {self.signal}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The share of requests that shadow and champion answer alike; harm is the share that differs.

    Attributes:
        tolerance: How far two answers may be apart and still be alike, in the output's unit.
        at_least: The share that has to be alike.
    """

    kind: Literal["agreement"] = field(default="agreement", init=False)
    tolerance: float = 0.05
    at_least: float = 0.9

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0 < self.at_least < 1 or self.tolerance < 0:
            raise InvalidProject(
                f"Agreement asks for {self.at_least} of answers within {self.tolerance}",
                remedy="Ask for a share between 0 and 1 within a tolerance of 0 or more.",
            )

    @property
    def name(self) -> str:
        """What pages and reports call it."""
        return "disagreement"

    @property
    def margin(self) -> float:
        """The share of answers that may differ."""
        return 1 - self.at_least


Measure = Errors | Latency | Signal | Agreement

_KINDS: dict[str, type[Measure]] = {
    "errors": Errors,
    "latency": Latency,
    "signal": Signal,
    "agreement": Agreement,
}


def margin_of(measure: Measure) -> float:
    """Return a measure's margin in the unit of its harm: latencies in ms."""
    if isinstance(measure, Latency):
        return parse_duration(measure.margin).total_seconds() * 1000
    return measure.margin


def measure_of(spec: Measure | Mapping[str, Any]) -> Measure:
    """Read a measure out of an intent's spec; one that is declared already passes through.

    Raises:
        InvalidProject: It is something else.
    """
    if isinstance(spec, Errors | Latency | Signal | Agreement):
        return spec
    try:
        found = _KINDS[spec["kind"]]
    except (KeyError, TypeError) as error:
        raise InvalidProject(
            f"a rollout can't measure {spec!r}",
            remedy="Use tp.rollouts.Errors, Latency, Signal or Agreement.",
        ) from error
    given = {one.name: spec[one.name] for one in fields(found) if one.init and one.name in spec}
    if "clip" in given:
        given["clip"] = tuple(given["clip"])
    return found(**given)

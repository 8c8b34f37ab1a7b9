"""`map`: one call of a step for each of many things, as many as there turn out to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from towpath.assets.datasets import Selection
from towpath.build.pipelines.authoring import tables
from towpath.build.pipelines.authoring.building import Builder, current_builder
from towpath.build.pipelines.authoring.driving import EVERY
from towpath.build.pipelines.authoring.handing import fits, spelled
from towpath.build.pipelines.authoring.handles import Handle
from towpath.build.pipelines.authoring.steps import Step
from towpath.build.pipelines.formats import (
    bare,
    element,
    format_of,
    item_artifacts,
    many_of,
    outputs_of,
)
from towpath.build.pipelines.formats.values import decode_value, encode_value
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.build.pipelines.authoring.driving import Driver, Ended, Point, Stage
    from towpath.build.pipelines.contract import Artifact

_ITEM = "over"


def map(  # noqa: A001  tp.map is what people look for; inside the package it is imported as fan_out
    step: Step[Any],
    over: Any,
    /,
    *,
    by: str | None = None,
    rows: int | None = None,
    parallel: int | None = None,
    **shared: Any,
) -> Any:
    """Call a step once for each of many things, side by side.

        fits = tp.map(fit, flights.last("8 weeks"), by="carrier", target="late")
        best = choose(fits)                       # choose(fits: list[tp.Model]) -> tp.Model

    Each call is a step like any other: cached by its own item, so that a new or changed item costs one
    call; retried, limited and shown by itself. The first that fails for good fails the run.

    Args:
        step: The step. The item goes to its first parameter that `shared` leaves free.
        over: What there is one call for each of:
            a list written in the pipeline: values, results, selections;
            what another `map`, or a step annotated `-> tuple[pl.DataFrame, ...]`, gave;
            a list that a step returned: its members are never recorded as parameters;
            a table or a selection, with `by` or `rows`.
        by: Cut the table into one part for each value of this column, in the order of the values.
        rows: Cut the table into parts of so many rows, the last one shorter.
        parallel: Most calls at once; by default as many as cores and budgets allow.
        shared: The step's other arguments, the same for every call.

    Returns:
        The results in the order of the items: a list for a list that is written in the pipeline, else
        a handle that a parameter annotated `list[…]` takes.

    Raises:
        InvalidProject: The step can't be mapped over this.
    """
    builder = current_builder()
    if builder is None:
        raise InvalidProject(
            "map(…) was called outside of a pipeline", remedy="Call it inside a @pipeline function."
        )
    into = _free_parameter(step, shared)
    if isinstance(over, list | tuple | range):
        items = list(cast("Sequence[Any]", over))
        return [cast(Any, step)(**{into: item}, **shared) for item in items]
    if by is not None or rows is not None:
        over = _cut(builder, over, by=by, rows=rows)
    _check_over(step, into, over)
    bound = step.bind((), {into: over, **shared})
    data, constants = _part(bound)
    declared = FanOut(step=step, into=into, fixed=constants, parallel=parallel)
    inputs = {_ITEM if key == into else key: value for key, value in data.items()}
    if _ITEM in data and into != _ITEM:
        raise InvalidProject(f"step {step.name!r} has a parameter {_ITEM!r}; give it another name")
    return builder.drive(declared, inputs, returns=step.types["return"])


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """A map as the graph holds it: a `Driving`.

    Attributes:
        step: What is called.
        into: The parameter that takes the item.
        fixed: The arguments that are plain values, the same for every call.
        parallel: Most calls at once; None: all.
    """

    step: Step[Any]
    into: str
    fixed: Mapping[str, Any]
    parallel: int | None

    @property
    def kind(self) -> str:
        """Kind of the node's own run."""
        return "map"

    @property
    def name(self) -> str:
        """Base of the node's name."""
        return f"map-{self.step.name}"

    @property
    def steps(self) -> tuple[Step[Any], ...]:
        """The one step that is called."""
        return (self.step,)

    @property
    def constants(self) -> Mapping[str, Any]:
        """The arguments that every call shares."""
        return self.fixed

    def open(self) -> Driver:
        """Make a driver for one run."""
        return MapDriver(self)


class MapDriver:
    """Calls the step for each item, and ends with all results in order: a `Driver`."""

    def __init__(self, declared: FanOut) -> None:
        self._declared = declared
        self._items: list[Artifact] = []
        self._shared: dict[str, Artifact | list[Artifact]] = {}
        self._places: dict[str, int] = {}
        self._results: dict[int, Artifact] = {}
        self._asked = 0
        self._stage: Stage

    def start(self, stage: Stage) -> None:
        """Learn what the items are, and ask for the first calls."""
        self._stage = stage
        over = stage.inputs[_ITEM]
        self._shared = {key: one for key, one in stage.inputs.items() if key != _ITEM}
        self._items = over if isinstance(over, list) else item_artifacts(over, stage.blobs)
        self._go_on()

    def done(self, ended: Ended) -> None:
        """Keep a result, and ask for the next call; finish after the last."""
        if ended.error is not None:
            self._stage.fail(ended.error)
            return
        if ended.ok:
            self._results[self._places[ended.call]] = ended.artifacts[0]
            self._go_on()

    def metric(self, call: str, point: Point) -> None:
        """Take no notice."""

    def tick(self, elapsed_s: float) -> None:
        """Take no notice."""

    def _go_on(self) -> None:
        limit = self._declared.parallel or len(self._items)
        while self._asked < len(self._items) and self._asked - len(self._results) < limit:
            item = self._items[self._asked]
            call = self._stage.spawn(
                self._declared.step,
                name=str(self._asked),
                inputs={self._declared.into: item, **self._shared},
                constants=self._declared.fixed,
                rank=self._asked,
            )
            self._places[call] = self._asked
            self._asked += 1
        if len(self._results) == len(self._items):
            self._stage.finish([self._results[place] for place in range(len(self._items))])


def _free_parameter(step: Any, shared: Mapping[str, Any]) -> str:
    if not isinstance(step, Step):
        raise InvalidProject(
            f"map(…) was given {step!r}", remedy="Pass it a function decorated with @tp.step."
        )
    step = cast("Step[Any]", step)
    if outputs_of(step.types["return"]) is not None or many_of(step.types["return"]) is not None:
        raise InvalidProject(
            f"step {step.name!r} returns several results and can't be mapped",
            remedy="Return one thing, such as a dict or a dataclass.",
        )
    free = [name for name in step.signature.parameters if name not in shared]
    if not free:
        raise InvalidProject(
            f"map({step.name}, …) leaves no parameter for the items",
            remedy=f"It is {step.name}{step.signature}.",
        )
    return free[0]


def _cut(builder: Builder, over: Any, *, by: str | None, rows: int | None) -> Handle:
    is_table = isinstance(over, Selection) or (
        isinstance(over, Handle)
        and over.siblings is None
        and over.output.index != EVERY
        and format_of(over.type).name == "table"
    )
    if not is_table:
        raise InvalidProject(f"map(…, by= or rows=) cuts tables, not {over}")
    if (by is None) == (rows is None):
        raise InvalidProject("map(…) was given both by= and rows=", remedy="Cut one way.")
    if rows is not None and rows < 1:
        raise InvalidProject(f"map(…) can't make parts of {rows} rows")
    if by is not None:
        return builder.add(tables.parts_by, {"rows": over, "by": by})
    return builder.add(tables.parts_of_rows, {"rows": over, "count": rows})


def _check_over(step: Step[Any], into: str, over: Any) -> None:
    if isinstance(over, Selection) or (
        isinstance(over, Handle)
        and over.siblings is None
        and format_of(over.type).name == "table"
        and over.output.index != EVERY
    ):
        raise InvalidProject(
            f"map({step.name}, …) was given the whole of {over}",
            remedy="Say how to cut it: by='column' or rows=10_000.",
        )
    if not isinstance(over, Handle) or over.siblings is not None:
        raise InvalidProject(
            f"map({step.name}, …) was given {over!r}",
            remedy="Pass a list, or what a step or another map returned.",
        )
    want = step.types.get(into)
    many = over.output.index == EVERY
    if not many and element(over.type) == bare(over.type):
        return  # a list of who knows what
    item = over.type if many else element(over.type)
    if format_of(item).name != format_of(want).name or not fits(item, want):
        raise InvalidProject(
            f"map({step.name}, …) hands {spelled(item)} to {into!r}, which is annotated "
            f"{spelled(want)}",
            remedy="Pass items of that type, or change the annotation.",
        )


def _part(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell arguments that are data from plain values."""
    data = {name: one for name, one in arguments.items() if as_data(one)}
    rest = {name: one for name, one in arguments.items() if name not in data}
    return data, {name: decode_value(encode_value(one)) for name, one in rest.items()}


def as_data(value: Any) -> bool:
    """Tell whether an argument is read from somewhere, rather than being a plain value."""
    if isinstance(value, list | tuple):
        return any(as_data(one) for one in cast("list[Any]", value))
    return isinstance(value, Handle | Selection)

"""`tp.search`: how a pipeline asks for the best of many settings of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from towpath.build.pipelines.authoring.building import current_builder
from towpath.build.pipelines.authoring.handing import as_input, check_type
from towpath.build.pipelines.authoring.steps import Step
from towpath.build.pipelines.formats import outputs_of
from towpath.build.pipelines.formats.values import decode_value, encode_value
from towpath.build.tuning.contract import Objective, SearchSpec
from towpath.build.tuning.identity import describe
from towpath.build.tuning.journal import KIND
from towpath.build.tuning.searching import SearchDriver
from towpath.build.tuning.space import (
    Choice,
    check_point,
    corner_of,
    grid_of,
    read_dimension,
)
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from towpath.build.pipelines.authoring.driving import Driver
    from towpath.build.pipelines.authoring.handles import Handle
    from towpath.build.tuning.contract import Bounds, Pruner, Sampler
    from towpath.build.tuning.space import Dimension

R = TypeVar("R")
_TRIALS_MOST = 10_000
_SAMPLERS = ("tpe", "random", "cmaes", "grid")
_PRUNERS = ("median", "asha")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search as the graph holds it: a `Driving`.

    Attributes:
        step: What is tried.
        spec: What is searched, and how.
        fixed: The step's arguments that neither vary nor are data, as plain values.
    """

    step: Step[Any]
    spec: SearchSpec
    fixed: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Kind of the node's own run."""
        return KIND

    @property
    def name(self) -> str:
        """Base of the node's name."""
        return f"search-{self.step.name}"

    @property
    def steps(self) -> tuple[Step[Any], ...]:
        """The one step that is called."""
        return (self.step,)

    @property
    def constants(self) -> Mapping[str, Any]:
        """What decides how it searches."""
        spec = self.spec
        limits = {"trials": spec.trials, "parallel": spec.parallel, "timeout_s": spec.timeout_s}
        return {
            **describe(spec),
            **limits,
            "keep": spec.keep,
            "fixed": encode_value(dict(self.fixed)),
        }

    def open(self) -> Driver:
        """Make a driver for one run."""
        return SearchDriver(self.step, self.spec, self.fixed)


def search(
    step: Step[R] | Any,
    /,
    *data: Any,
    trials: int | None = None,
    maximize: str | Sequence[str] = (),
    minimize: str | Sequence[str] = (),
    parallel: int = 2,
    sampler: Sampler = "tpe",
    prune: Pruner | None = None,
    seed: int = 0,
    timeout: str | timedelta | None = None,
    enqueue: Sequence[Mapping[str, Any]] = (),
    within: Mapping[str, Bounds] | None = None,
    warm: int = 0,
    keep: int = 3,
    space: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> R:
    """Run a step with many settings, and hand on the result of the best.

    The step logs what is looked for, `tp.log_metric("roc_auc", …)`, and may say how it is doing on the
    way, `tp.report(step, value)`, so that hopeless trials are stopped. `tp.candidate` takes the result
    for a pool: the gates weigh the best `keep` in order, and the first that passes wins.

    Args:
        step: The step to try.
        data: Its leading arguments, as in a call.
        trials: How many settings to try (20), pruned and failed ones included; all of a grid.
        maximize: The metric to make large, or several.
        minimize: The metric to make small, or several. More than one in all make a Pareto front.
        parallel: How many run at once, as far as cores and budgets allow.
        sampler: `tpe` learns from what was tried; `random`; `grid`; `cmaes`, for many continuous
            parameters, needs `towpath[cmaes]`.
        prune: `median` stops a trial that is worse than half of the others were by then; `asha` all
            but the best quarter at steps 1, 4, 16, … Only for a single metric.
        seed: Another one tries other settings.
        timeout: No trial starts later than this, such as `2h`.
        enqueue: Settings to try first; parameters left out are chosen.
        within: Bounds on other metrics, `{"size_mb": (None, 20)}`: what lies outside never wins.
        warm: How many of the best settings of the last finished search, on other data or code, to try
            first.
        keep: How many results the gates may choose from.
        space: Parameters that vary, for names that this function takes itself.
        arguments: The step's other arguments: `(15, 255)`, `(0, 100, 10)`, `tp.Log(0.001, 1.0)` and
            lists vary; everything else is handed to every trial as it is.

    Raises:
        InvalidProject: The search can't be meant; the message says why.
    """
    tried, varied, given = _read(step, {**arguments, **(space or {})})
    spec = SearchSpec(
        space=varied,
        objectives=_objectives(maximize, minimize),
        trials=_count(trials, sampler, varied),
        parallel=parallel,
        sampler=sampler,
        prune=prune,
        seed=seed,
        timeout_s=None if timeout is None else parse_duration(timeout).total_seconds(),
        first=tuple(dict(point) for point in enqueue),
        within=dict(within or {}),
        warm=warm,
        keep=keep,
    )
    return cast("R", _drive(tried, spec, data, given))


def _read(
    step: object, arguments: Mapping[str, Any]
) -> tuple[Step[Any], dict[str, Dimension], dict[str, Any]]:
    """Return the step, which of its arguments vary, and the others."""
    if not isinstance(step, Step):
        raise InvalidProject(
            f"search(…) was given {step!r}", remedy="Pass it a function decorated with @tp.step."
        )
    tried = cast("Step[Any]", step)
    if outputs_of(tried.types["return"]) is not None:
        raise InvalidProject(
            f"search({tried.name}, …): the step returns several results",
            remedy="Return the one thing that is searched for, and log the rest as metrics.",
        )
    varied: dict[str, Dimension] = {}
    given: dict[str, Any] = {}
    for name, value in arguments.items():
        axis = read_dimension(name, value, tried.types.get(name))
        if axis is None:
            given[name] = value
        else:
            varied[name] = axis
    if not varied:
        raise InvalidProject(
            f"search({tried.name}, …) varies nothing",
            remedy="Give a parameter an interval (low, high), or a list of choices.",
        )
    return tried, dict(sorted(varied.items())), given


def _drive(
    step: Step[Any], spec: SearchSpec, data: tuple[Any, ...], given: Mapping[str, Any]
) -> Handle:
    """Add the search to the graph that is being collected."""
    builder = current_builder()
    if builder is None:
        raise InvalidProject(
            "search(…) was called outside of a pipeline",
            remedy="Call it inside a @pipeline function.",
        )
    _check(spec)
    inputs: dict[str, Any] = {}
    fixed: dict[str, Any] = {}
    for name, value in step.bind(data, {**given, **corner_of(spec.space)}).items():
        if name in spec.space:
            continue
        if as_input(value) is None:
            fixed[name] = decode_value(encode_value(value, f"argument {name!r} of {step.name!r}"))
        else:
            check_type(step, name, value)
            inputs[name] = value
    declared = Search(step=step, spec=spec, fixed=fixed)
    return builder.drive(declared, inputs, returns=step.types["return"], many=False)


def _objectives(
    maximize: str | Sequence[str], minimize: str | Sequence[str]
) -> tuple[Objective, ...]:
    up = [maximize] if isinstance(maximize, str) else list(maximize)
    down = [minimize] if isinstance(minimize, str) else list(minimize)
    if not up and not down:
        raise InvalidProject(
            "search(…) does not say what it is after",
            remedy="Name a metric that the step logs: maximize='roc_auc' or minimize='log_loss'.",
        )
    if len({*up, *down}) != len(up) + len(down):
        raise InvalidProject("search(…) names a metric twice", remedy="Name each once.")
    return (
        *(Objective(metric=metric, direction="maximize") for metric in up),
        *(Objective(metric=metric, direction="minimize") for metric in down),
    )


def _count(trials: int | None, sampler: Sampler, space: Mapping[str, Dimension]) -> int:
    if sampler == "grid":
        points = sum(1 for _ in grid_of(space))
        return points if trials is None else min(trials, points)
    return 20 if trials is None else trials


def _check(spec: SearchSpec) -> None:
    """Refuse what can't be meant."""
    several = len(spec.objectives) > 1
    smooth = all(not isinstance(one, Choice) for one in spec.space.values())
    wrong = {
        f"trials={spec.trials}": not 1 <= spec.trials <= _TRIALS_MOST,
        f"parallel={spec.parallel}": spec.parallel < 1,
        f"keep={spec.keep}": spec.keep < 1,
        f"warm={spec.warm}": spec.warm < 0,
        f"sampler={spec.sampler!r}": spec.sampler not in _SAMPLERS,
        f"prune={spec.prune!r}": spec.prune not in (None, *_PRUNERS),
        "prune= and several metrics": several and spec.prune is not None,
        "sampler='cmaes' and several metrics": several and spec.sampler == "cmaes",
        "sampler='cmaes' and choices": spec.sampler == "cmaes" and not smooth,
        "sampler='cmaes' and one parameter": spec.sampler == "cmaes" and len(spec.space) < 2,
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise InvalidProject(
                f"search(…) can't have {what}",
                remedy=f"trials: 1 to {_TRIALS_MOST:,}; parallel and keep: 1 or more; sampler: "
                f"{', '.join(_SAMPLERS)}; prune: {', '.join(_PRUNERS)}, for one metric.",
            )
    for place, point in enumerate(spec.first):
        check_point(spec.space, point, f"search(…, enqueue=): point {place}")
    for metric, bounds in spec.within.items():
        low, high = bounds
        if low is not None and high is not None and low > high:
            raise InvalidProject(
                f"search(…, within=): nothing lies between {low} and {high} of {metric!r}",
                remedy="Write (lowest, highest), None for no bound.",
            )

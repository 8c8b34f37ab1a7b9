"""`tp.search`: how a pipeline asks for the best of many settings of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from towpath.build.pipelines.building import current_builder
from towpath.build.pipelines.steps import Step
from towpath.build.pipelines.values import encode_value
from towpath.build.tuning.contract import Objective, SearchSpec
from towpath.build.tuning.identity import describe
from towpath.build.tuning.journal import KIND
from towpath.build.tuning.searching import SearchDriver
from towpath.build.tuning.space import Choice, check_point, grid_of, read_dimension
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from towpath.build.pipelines.driving import Driver
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

    @property
    def results(self) -> Any:
        """What each trial returns, and so what the best one hands on."""
        return self.step.types["return"]

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

    Each trial is a call of the step like any other: a process of its own, kept by its key, never done
    twice. The step logs what the search is after, `tp.log_metric("roc_auc", …)`, and may say how it is
    doing on the way, `tp.report(step, value)`, so that hopeless trials are stopped.

    The result stands for the best trial's; `tp.candidate` takes it for the whole pool: the gates try
    the best `keep` in order and the first that passes wins. A pipeline that is run again with more
    `trials` goes on where the search ended.

    Args:
        step: The step to try.
        data: Its leading arguments, as in a call.
        trials: How many settings to try, those that are pruned or fail included; for a grid all of
            its points, unless given.
        maximize: The metric to make large, or several.
        minimize: The metric to make small, or several. With more than one in all, no setting is the
            best: those that none beats in everything make a Pareto front.
        parallel: How many run at once, as far as cores and budgets allow.
        sampler: `tpe` learns from what was tried; `random`; `grid` tries everything; `cmaes` suits
            many continuous parameters and needs `towpath[cmaes]`.
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
        arguments: The step's other arguments. `(15, 255)` varies between the two, `(0, 100, 10)` by
            tens, `tp.Log(0.001, 1.0)` over magnitudes, and a list is a choice; everything else is
            handed to every trial as it is.

    Raises:
        InvalidProject: The search can't be meant; the message says why.
    """
    builder = current_builder()
    if builder is None:
        raise InvalidProject(
            "search(…) was called outside of a pipeline",
            remedy="Call it inside a @pipeline function.",
        )
    if not isinstance(step, Step):
        raise InvalidProject(
            f"search(…) was given {step!r}", remedy="Pass it a function decorated with @tp.step."
        )
    tried = cast("Step[Any]", step)
    varied, given = _part(tried, {**arguments, **(space or {})})
    goals = _objectives(maximize, minimize)
    spec = SearchSpec(
        space=varied,
        objectives=goals,
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
    _check(spec)
    corner = {
        name: one.values[0] if isinstance(one, Choice) else one.low for name, one in varied.items()
    }
    bound = tried.bind(data, {**given, **corner})
    return cast("R", bound)


def _part(
    step: Step[Any], arguments: Mapping[str, Any]
) -> tuple[dict[str, Dimension], dict[str, Any]]:
    """Tell the arguments that vary from those that don't."""
    types = step.types
    varied: dict[str, Dimension] = {}
    given: dict[str, Any] = {}
    for name, value in arguments.items():
        axis = read_dimension(name, value, types.get(name))
        if axis is None:
            given[name] = value
        else:
            varied[name] = axis
    if not varied:
        raise InvalidProject(
            f"search({step.name}, …) varies nothing",
            remedy="Give a parameter an interval (low, high), or a list of choices.",
        )
    return dict(sorted(varied.items())), given


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

"""`when`: parts of a graph that run only for some values of a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from towpath.assets.datasets import Selection
from towpath.build.pipelines.authoring.building import current_builder
from towpath.build.pipelines.authoring.driving import EVERY
from towpath.build.pipelines.authoring.handing import as_input, spelled
from towpath.build.pipelines.authoring.handles import Handle, Mark
from towpath.build.pipelines.formats import format_of
from towpath.build.pipelines.formats.values import encode_value
from towpath.core.errors import InvalidProject

Branch: TypeAlias = Callable[[], Any]


def when(
    test: Any,
    then: Branch | Mapping[Any, Branch],
    otherwise: Branch | None = None,
) -> Any:
    """Run one of several parts of a graph, by a value that is known only while the run goes on.

        model = tp.when(
            enough(rows),
            lambda: fit_large(rows),
            lambda: fit_small(rows),
        )
        tp.when(kind(rows), {"csv": lambda: …, "json": lambda: …}, otherwise=lambda: …)

    Every branch is called while the graph is built, so all of them are in the run's picture; steps of
    the branches that are not taken are `skipped`. What a branch makes is read outside of it through
    what this returns, and not otherwise.

    Args:
        test: What a step returned: `bool` for a single branch, else any plain value. A value that is
            known already just chooses.
        then: What to call where the test is `True`, or cases: value to what to call.
        otherwise: What to call in all other cases.

    Returns:
        A handle on what the branch that is taken returned, if each returns one thing of one kind.
        Where there is no `otherwise`, or branches return nothing or candidates: None.

    Raises:
        InvalidProject: The test is not a plain value, a branch can't be, or branches disagree.
        StepFailed: In the run: no case has the value, and there is no `otherwise`.
    """
    builder = current_builder()
    if builder is None:
        raise InvalidProject(
            "when(…) was called outside of a pipeline",
            remedy="Call it inside a @pipeline function.",
        )
    cases: list[tuple[Any, Branch]] = (
        list(then.items()) if isinstance(then, Mapping) else [(True, then)]
    )
    if not isinstance(test, Handle):
        return _choose(test, cases, otherwise)
    _check_test(test)
    name = builder.open_branch()
    branches = [one for _, one in cases]
    if otherwise is not None:
        branches.append(otherwise)
    elif not isinstance(then, Mapping):
        branches.append(_nothing)
    results: list[Any] = []
    for place, branch in enumerate(branches):
        with builder.guarded(name, place):
            results.append(_called(branch, place))
    encoded = [encode_value(value, "a case of when(…)") for value, _ in cases]
    if len(branches) > len(cases):
        encoded.append(None)
    is_whole = otherwise is not None or isinstance(then, Mapping)
    first = _joined(results) if is_whole else None
    sources = None if first is None else tuple(cast("Any", as_input(one)) for one in results)
    output = builder.close_branch(name, test.output, tuple(encoded), sources)
    return None if first is None else Handle(output, first.type, time=first.time)


def _called(branch: Any, place: int) -> Any:
    if not callable(branch):
        raise InvalidProject(
            f"branch {place + 1} of when(…) is {branch!r}",
            remedy="Write lambda: step(…), so that it is called only where it belongs.",
        )
    return branch()


def _choose(value: Any, cases: list[tuple[Any, Branch]], otherwise: Branch | None) -> Any:
    wanted = encode_value(value, "the test of when(…)")
    for case, branch in cases:
        if same(encode_value(case, "a case of when(…)"), wanted):
            return branch()
    return None if otherwise is None else otherwise()


def same(case: Any, value: Any) -> bool:
    """Tell whether an encoded case is meant by an encoded value: equal, and of the same type."""
    return type(case) is type(value) and case == value


def _check_test(test: Handle) -> None:
    if (
        test.siblings is not None
        or test.output.index == EVERY
        or format_of(test.type).name != "json"
    ):
        raise InvalidProject(
            f"when(…) was given {test}, a {spelled(test.type)}",
            remedy="Let a step return the value to decide by: a bool, a number or a word.",
        )


def _joined(results: list[Any]) -> Handle | None:
    """Return one of the branches' results to stand for all of them; None where they give nothing.

    Branches stand for one another: what reads the whole must be able to read each.
    """
    if not any(isinstance(one, Handle | Selection) for one in results):
        return None
    kinds: set[str] = set()
    for one in results:
        if isinstance(one, Selection):
            kinds.add("table")
        elif isinstance(one, Handle) and one.siblings is None and one.output.index != EVERY:
            kinds.add(format_of(one.type).name)
        else:
            shown = "a candidate" if isinstance(one, Mark) else repr(one)
            raise InvalidProject(
                f"one branch of when(…) returns a result, another {shown}",
                remedy="Let each branch return one result of a step, or none any.",
            )
    if len(kinds) > 1:
        raise InvalidProject(
            f"branches of when(…) return a {' and a '.join(sorted(kinds))}",
            remedy="Let all of them return the same kind of result.",
        )
    first = next((one for one in results if isinstance(one, Handle)), None)
    if first is None:
        raise InvalidProject(
            "every branch of when(…) returns a selection of a data set",
            remedy="Return what a step made of it.",
        )
    return first


def _nothing() -> None:
    """The branch that is not there."""

"""What regression cases have to say about a release, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.operate.releases.compatibility import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from towpath.assets.cases import HeldModel
    from towpath.operate.releases.compatibility import Verdict


def case_findings(service: str, held: Sequence[HeldModel], verdict: Verdict) -> Iterator[Finding]:
    """Yield the cases that a model does not pass, and those that it passes by a waiver alone.

    Args:
        service: Whose cases they are.
        held: How the model stands with each.
        verdict: Of a case that it does not pass: a warning where the model serves already.
    """
    for one in held:
        if one.verdict == "pass":
            continue
        problem, remedy = _told(one)
        if one.waived is not None:
            problem = f"{problem}; the waiver {one.waived!r} lets it through"
            remedy = "It will expire: see towpath incident cases."
        yield Finding(
            verdict="warning" if one.waived is not None else verdict,
            problem=problem,
            remedy=remedy,
            service=service,
            model=one.model,
            case=one.case,
        )


def _told(one: HeldModel) -> tuple[str, str]:
    """Return the problem and the remedy; neither says what was asked, nor what the answer was."""
    model = one.model.partition(":")[2]
    if one.verdict == "unjudged":
        return (
            f"{one.model} was not held to the regression case {one.case!r} yet",
            f"Hold it to all of them: towpath incident hold {model}",
        )
    asked = f"the recorded input of the regression case {one.case!r}"
    sign = f"towpath incident waive {one.case} {model} --reason … --for 24h"
    if one.verdict == "fail":
        return (
            f"{one.model} answers {asked} as it must not",
            f"Retrain it, or sign for it: {sign}",
        )
    return (
        f"{one.model} can't be asked {asked}: it wants what was not recorded, or refuses the row",
        f"Retire the case if it makes no sense any more, or sign for it: {sign}",
    )

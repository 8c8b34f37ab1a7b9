"""What the person concerned is told, from templates: their own values, in their own words, and no model's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from towpath.trace.explaining.contract import PlainReason, Summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.operate.releases import Recourse
    from towpath.trace.explaining.contract import Attribution, Attributions, Counterfactuals

REASONS_MOST: Final = 4
_LEAST_SHARE: Final = 0.05
"""Of the largest: what counted less than that counted for nothing that a person could use."""


def summarise(
    recourse: Recourse,
    answer: float,
    attributions: Attributions,
    counterfactuals: Counterfactuals,
    typical: Mapping[str, float],
) -> Summary:
    """Write the summary.

    The reasons are what spoke for the decision that was made, largest first; those that spoke against it
    are left out, as a letter of reasons does (Regulation B of the Equal Credit Opportunity Act, 12 CFR
    1002.9(b)(2), asks for the principal reasons, and calls more than four unhelpful).

    Args:
        recourse: How answers become decisions.
        answer: What the model answered.
        attributions: What each column added.
        counterfactuals: What would flip it.
        typical: The middle of each number among the rows that the model learnt from.
    """
    favourable = recourse.is_favourable(answer)
    decision = _sentence(recourse.granted if favourable else recourse.refused)
    reasons = _reasons(recourse, answer, attributions, typical)
    changes = tuple(
        _sentence(
            "it would have gone the other way if "
            + " and ".join(
                f"{_named(recourse, one.column, one.description)} had been {_spoken(one.after)} "
                f"instead of {_spoken(one.before)}"
                for one in way.changes
            )
        )
        for way in counterfactuals.found
        if not favourable
    )
    if not favourable and not changes and recourse.actionable:
        changes = (
            "We found nothing that you could change yourself and that would have changed it.",
        )
    who = tuple(_sentence(one) for one in (recourse.decided_by, recourse.contact) if one)
    lines = [decision]
    if reasons:
        lines += ["", "What counted most:", *(f"- {one.text}" for one in reasons)]
    if changes:
        lines += ["", "What could be changed:", *(f"- {one}" for one in changes)]
    lines += ["", *who]
    return Summary(
        decision=decision,
        reasons=reasons,
        could_change=changes,
        who=who,
        text="\n".join(lines).rstrip() + "\n",
    )


def _reasons(
    recourse: Recourse, answer: float, attributions: Attributions, typical: Mapping[str, float]
) -> tuple[PlainReason, ...]:
    sign = 1.0 if answer >= recourse.threshold else -1.0
    spoke = [one for one in attributions.shares if one.share * sign > 0]
    spoke = [one for one in spoke if one.column not in recourse.unsaid]
    least = _LEAST_SHARE * max((abs(one.share) for one in spoke), default=0.0)
    named = [one for one in spoke if abs(one.share) >= least][:REASONS_MOST]
    return tuple(_reason(recourse, one, typical) for one in named)


def _reason(recourse: Recourse, one: Attribution, typical: Mapping[str, float]) -> PlainReason:
    name = _named(recourse, one.column, one.description)
    if one.value is None:
        return PlainReason(code=f"no-{one.column}", text=_sentence(f"we don't know {name}"))
    middle = typical.get(one.column)
    is_number = isinstance(one.value, int | float) and not isinstance(one.value, bool)
    if not is_number or middle is None or one.value == middle:
        return PlainReason(code=one.column, text=_sentence(f"{name}: {_spoken(one.value)}"))
    high = one.value > middle
    side = "more" if high else "less"
    return PlainReason(
        code=f"{'high' if high else 'low'}-{one.column}",
        text=_sentence(
            f"{name}: {_spoken(one.value)}, which is {side} than is usual ({_spoken(middle)})"
        ),
    )


def _named(recourse: Recourse, column: str, description: str) -> str:
    """Return what a letter calls an input: the service's words, else the schema's, else its name."""
    return recourse.words_for(column) or description.rstrip(".") or column.replace("_", " ")


def _spoken(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return str(value)


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")

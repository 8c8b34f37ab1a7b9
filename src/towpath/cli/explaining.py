"""`towpath decision replay` and `decision explain`: recorded decisions asked again, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from towpath.cli.moments import moment
from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.trace.explaining import DecisionExplanation, Replay, Replays

_ACTOR = "cli"
_NOT_EQUAL = 1
_SHOWN_CHANGES = 8


def replay(
    decision: str | None = None,
    /,
    *,
    service: str | None = None,
    since: str | None = None,
    until: str | None = None,
    sample: int | None = None,
    common: Common = Common(),
) -> int:
    """Ask the recorded model about the recorded input, and compare the answer bit for bit.

    Exit code 0: equal. 1: different, or it can't be replayed; the output says which, and why. With
    --service many are replayed in one go; 0 means that all that could be replayed were equal.

    Args:
        decision: A decision's id.
        service: Replay this service's decisions instead.
        since: With --service: from this event time on (ISO 8601), or so long ago (`7d`).
        until: With --service: before this event time, or before so long ago.
        sample: With --service: so many of them, the same ones each time.
    """
    if (decision is None) == (service is None):
        raise UsageError("replaying takes one decision's id, or --service")
    if sample is not None and sample < 1:
        raise UsageError("a sample has 1 decision or more")
    with common.open() as home:
        if decision is not None:
            return _report_one(home.replayer.replay(decision, actor=_ACTOR), as_json=common.json)
        found = home.replayer.replay_many(
            str(service),
            actor=_ACTOR,
            since=moment(since, home),
            until=moment(until, home),
            sample=sample,
        )
    return _report_many(found, as_json=common.json)


def explain(
    decision: str,
    /,
    *,
    near: int = 5,
    keys: Flag = False,
    form: Annotated[Literal["all", "letter"], Parameter(name="--as")] = "all",
    common: Common = Common(),
) -> int:
    """Say why a decision was made: what counted, which training rows are near, what would flip it.

    The reading is recorded, and that keys were asked for with it.

    Args:
        decision: A decision's id.
        near: How many of the nearest training rows to show.
        keys: Show which rows they are, and by hash whose.
        form: all; or letter: only what the person concerned is told.
    """
    if not 0 <= near <= 100:
        raise UsageError("0 to 100 of the nearest rows can be shown")
    with common.open() as home:
        found = home.explainer.explain(decision, actor=_ACTOR, near=near, keys=keys)
    if common.json:
        print_json(asdict(found.summary) if form == "letter" else asdict(found))
    elif form == "letter":
        out.print(found.summary.text, markup=False, end="")
    else:
        _show(found)
    return 0


def _report_one(found: Replay, *, as_json: bool) -> int:
    if as_json:
        print_json(asdict(found))
    else:
        facts: dict[str, object] = {"verdict": found.verdict, "model": found.model}
        if found.reason:
            facts["why"] = found.reason
        if found.form is not None:
            facts |= {"form": found.form, "asked": found.asked}
        print_facts(f"decision:{found.decision_id}", facts)
        rows = [
            (one.name, _whole(one.recorded), _whole(one.replayed), _ulps(one.ulps))
            for one in found.fields
        ]
        if rows:
            print_table(["output", "recorded", "replayed", "apart"], rows, empty="")
        _show_environment(found)
    return 0 if found.verdict == "equal" else _NOT_EQUAL


def _show_environment(found: Replay) -> None:
    place = found.environment
    if place is None or place.same:
        return
    then = "unknown" if place.then is None else place.then[:12]
    err.print(f"another environment than the model was judged in: {then}, now {place.now[:12]}")
    for one in place.changed[:_SHOWN_CHANGES]:
        err.print(f"  {one.name}: {one.then or 'not there'} → {one.now or 'not there'}")
    if len(place.changed) > _SHOWN_CHANGES:
        err.print(f"  and {len(place.changed) - _SHOWN_CHANGES} more; all are in --json")


def _report_many(found: Replays, *, as_json: bool) -> int:
    if as_json:
        print_json({**asdict(found), "share_equal": found.share_equal})
    else:
        share = found.share_equal
        facts: dict[str, object] = {
            "replayed": found.replayed,
            "equal": found.equal,
            "share": "–" if share is None else f"{share:.4%}",
            **{f"impossible, {why}": count for why, count in found.impossible.items()},
        }
        print_facts(f"service:{found.service}", facts)
        rows = [
            (one.decision_id, one.model, first.name, _ulps(first.ulps))
            for one in found.different
            if (first := one.first_difference) is not None
        ]
        if rows:
            print_table(["decision", "model", "output", "apart"], rows, empty="")
    return 0 if found.equal == found.replayed else _NOT_EQUAL


def _show(found: DecisionExplanation) -> None:
    shares = found.attributions
    facts = {
        "model": found.model,
        "form": found.form,
        "answer": found.answer,
        "method": shares.method,
        "scale": shares.scale,
        "base": shares.base,
        "raw": shares.raw,
        "explainer": shares.digest[:12],
    }
    print_facts(f"decision:{found.decision_id}", facts)
    out.print()
    rows = [(one.column, _said(one.value), f"{one.share:+.4g}") for one in shares.shares]
    print_table(["input", "value", f"adds ({shares.scale})"], rows, empty="")
    _show_nearest(found)
    _show_ways(found)
    out.print()
    out.print(found.summary.text, markup=False, end="")
    for note in found.notes:
        err.print(note)


def _show_nearest(found: DecisionExplanation) -> None:
    near = found.nearest
    out.print()
    if near.missing:
        err.print(f"no training rows: {near.missing}")
        return
    revision = "" if near.revision is None else f", revision {near.revision}"
    out.print(f"nearest of {near.rows_read:,} rows of {near.source}{revision}, by {near.by}")
    keyed = any(one.key is not None for one in near.rows)
    head = ["near", "outcome", *(["row", "subject"] if keyed else []), *near.rows[0].values]
    rows: list[list[object]] = []
    for one in near.rows:
        whose = [_said(one.key), (one.subject or "–")[:12]] if keyed else []
        values = [_said(value) for value in one.values.values()]
        rows.append([f"{one.nearness:.3f}", _said(one.outcome), *whose, *values])
    print_table(head, rows, empty="")
    if near.note:
        err.print(near.note)


def _show_ways(found: DecisionExplanation) -> None:
    ways = found.counterfactuals
    out.print()
    if ways.missing:
        err.print(f"no counterfactual: {ways.missing}")
        return
    rows = [
        (
            ", ".join(
                f"{one.column} {_said(one.before)} → {_said(one.after)}" for one in way.changes
            ),
            f"{way.cost:g}",
            f"{way.answer:.4g}",
        )
        for way in ways.found
    ]
    how = "cheapest there are" if ways.exact else f"cheapest among {ways.asked:,} tried"
    print_table([f"would flip it ({how})", "cost", "answer"], rows, empty="")


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(str(one) for one in value.values())
    if isinstance(value, float):
        return f"{value:.6g}"
    return "–" if value is None else str(value)


def _whole(value: float | None) -> str:
    return "–" if value is None else repr(value)


def _ulps(ulps: int | None) -> str:
    return "equal" if ulps == 0 else "–" if ulps is None else f"{ulps:,} ulp"

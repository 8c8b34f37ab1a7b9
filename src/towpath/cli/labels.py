"""`towpath label …`: how far queues are, how far people agree, and judging without a browser."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter

from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.core.errors import UsageError

app = App(name="label", help="Labels that people give to decisions.")

_As = Annotated[str, Parameter(name="--as")]


@app.command(name="list")
def list_queues(*, common: Common = Common()) -> int:
    """List label queues and how far they are."""
    with common.open() as home:
        found = home.labels.queues()
    if common.json:
        print_json(found)
        return 0
    rows = [
        (
            one.queue,
            one.service,
            one.open,
            one.disputed,
            one.settled,
            one.labelled,
            one.version,
            one.idle or (one.drawn_until and f"{one.drawn_until:%Y-%m-%d}"),
        )
        for one in found
    ]
    columns = ["queue", "service", "open", "disputed", "settled", "labelled", "set", "drawn until"]
    print_table(
        columns, rows, empty="no label queue is declared; see tp.LabelQueue, then: towpath apply"
    )
    return 0


@app.command
def show(queue: str, /, *, common: Common = Common()) -> int:
    """Show how far a queue is, how far people agree, and who has done what.

    Args:
        queue: The queue's name.
    """
    with common.open() as home:
        progress = home.labels.progress(queue)
        agreement = home.labels.agreement(queue)
    if common.json:
        print_json({"progress": progress, "agreement": agreement})
        return 0
    facts = asdict(progress)
    del facts["queue"]
    bounds = (agreement.alpha_low, agreement.alpha_high)
    print_facts(
        queue,
        {
            **facts,
            "items judged twice": agreement.items,
            "pairs that agree": agreement.observed,
            "Krippendorff's alpha": agreement.alpha,
            "its 95% interval": None if None in bounds else bounds,
            "Fleiss' kappa": agreement.fleiss,
        },
    )
    people = [
        (one.annotator, one.judged, one.skipped, _share(one.confirmed), _number(one.spent_s_median))
        for one in agreement.annotators
    ]
    columns = ["annotator", "judged", "skipped", "confirmed", "seconds (median)"]
    print_table(columns, people, empty="nobody has judged anything yet")
    pairs = [
        (" and ".join(one.annotators), one.items, _share(one.observed), _number(one.kappa))
        for one in agreement.pairs
    ]
    if pairs:
        print_table(["between", "items", "agree", "Cohen's kappa"], pairs, empty="")
    return 0


@app.command
def disputes(queue: str, /, *, common: Common = Common()) -> int:
    """List the decisions that people differ about.

    Args:
        queue: The queue's name.
    """
    with common.open() as home:
        found = home.labels.disputes(queue)
    if common.json:
        print_json(found)
        return 0
    rows = [
        (
            one.decision_id,
            f"{one.at:%Y-%m-%d %H:%M}",
            ", ".join(f"{label} ×{count}" for label, count in one.labels.items()),
            one.skips,
            "contested" if one.contested else "",
        )
        for one in found
    ]
    print_table(["decision", "at", "said", "skipped", ""], rows, empty="nobody differs")
    return 0


@app.command(name="next")
def take_next(queue: str, /, *, as_: _As, common: Common = Common()) -> int:
    """Take the next decision to judge, and show what it was about. The reading is recorded.

    Args:
        queue: The queue's name.
        as_: The handle under which this is recorded.
    """
    with common.open() as home:
        item = home.labels.next(queue, annotator=as_)
    if common.json:
        print_json(item)
    elif item is None:
        err.print("nothing is left for you; more is drawn when the next day is over")
    else:
        print_facts(item.decision_id, {"at": item.at, "model": item.model, **item.inputs})
    return 0


@app.command
def give(
    queue: str,
    decision_id: str,
    label: str,
    /,
    *,
    as_: _As,
    comment: str = "",
    common: Common = Common(),
) -> int:
    """Say what was true of a decision.

    Args:
        queue: The queue's name.
        decision_id: The decision.
        label: One of the queue's labels.
        as_: The handle under which this is recorded.
        comment: Why; seen by whoever adjudicates.
    """
    with common.open() as home:
        phase = home.labels.judge(queue, decision_id, label, annotator=as_, comment=comment)
    return _told(decision_id, phase, common)


@app.command
def settle(
    queue: str,
    decision_id: str,
    label: str | None = None,
    /,
    *,
    as_: _As,
    strike: Flag = False,
    comment: str = "",
    common: Common = Common(),
) -> int:
    """Decide a dispute.

    Args:
        queue: The queue's name.
        decision_id: The decision.
        label: One of the queue's labels.
        strike: Leave the decision without a label instead.
        as_: The handle under which this is recorded.
        comment: Why.
    """
    if strike is (label is not None):
        raise UsageError("a dispute is settled by a label or by --strike", remedy="Give one.")
    with common.open() as home:
        phase = home.labels.settle(queue, decision_id, label, adjudicator=as_, comment=comment)
    return _told(decision_id, phase, common)


@app.command
def contest(
    queue: str, decision_id: str, /, *, as_: _As, comment: str, common: Common = Common()
) -> int:
    """Object to a label: it waits for an adjudicator again, who sees why.

    Args:
        queue: The queue's name.
        decision_id: The decision.
        as_: The handle under which this is recorded.
        comment: Why it is wrong.
    """
    with common.open() as home:
        phase = home.labels.contest(queue, decision_id, annotator=as_, comment=comment)
    return _told(decision_id, phase, common)


def _told(decision_id: str, phase: str, common: Common) -> int:
    if common.json:
        print_json({"decision_id": decision_id, "phase": phase})
    else:
        out.print(f"{decision_id}: {phase}", highlight=False)
    return 0


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"

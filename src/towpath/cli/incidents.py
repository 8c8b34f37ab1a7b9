"""`towpath incident …`: wrong answers, from what caused them to models that don't repeat them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeAlias, get_args

from cyclopts import App, Parameter

from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.core.durations import parse_duration
from towpath.core.errors import GateRefused, UsageError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.assets.cases import RegressionCase
    from towpath.trace.incidents import Incident, Triage

app = App(name="incident", help="Wrong answers, what caused them, and that they don't come again.")

As: TypeAlias = Annotated[str, Parameter(name="--as")]


@app.command(name="open")
def open_incident(
    *,
    decision: Annotated[tuple[str, ...], Parameter(name="--decision")] = (),
    alert: str | None = None,
    title: str = "",
    as_: As = "cli",
    common: Common = Common(),
) -> int:
    """Open an incident from decisions of one service, or from an alert.

    Args:
        decision: A decision's id; may be given again.
        alert: An alert's name, instead.
        title: What went wrong, in words and without anybody's data: it stays in the log.
        as_: Your handle, for the record.
    """
    with common.open() as home:
        found = home.incidents.open(decisions=decision, alert=alert, title=title, actor=as_)
    return _tell(found, common)


@app.command(name="list")
def list_incidents(
    *,
    service: str | None = None,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    common: Common = Common(),
) -> int:
    """List incidents that are not closed, newest first.

    Args:
        service: Only this service's.
        all_: Closed ones as well.
    """
    states = None if all_ else ("open", "triaged", "fixed")
    with common.open() as home:
        found = home.incidents.list(service=service, states=states)
    if common.json:
        print_json([asdict(one) for one in found])
        return 0
    rows = [
        (one.id, one.state, one.model, len(one.evidence), ", ".join(one.cases), one.title)
        for one in found
    ]
    columns = ["incident", "state", "model", "decisions", "cases", "title"]
    print_table(columns, rows, empty="no incident" if all_ else "no incident that is not closed")
    return 0


@app.command(name="show")
def show_incident(incident: str, /, *, common: Common = Common()) -> int:
    """Show an incident: its decisions, what was suspected, its cases, and what became of it.

    Args:
        incident: Its id, SERVICE.N.
    """
    with common.open() as home:
        found = home.incidents.get(incident)
    return _tell(found, common)


@app.command(name="triage")
def triage_incident(
    incident: str,
    /,
    *,
    near: int = 0,
    keys: Flag = False,
    as_: As = "cli",
    common: Common = Common(),
) -> int:
    """Compute what may have caused it: training rows, slices, drift, code, and the model's making.

    The reading of decisions is recorded.

    Args:
        incident: Its id.
        near: Show so many of the training rows that the model holds nearest to the first decision.
        keys: Show which rows they are, and by hash whose.
        as_: Your handle, for the record.
    """
    if not 0 <= near <= 100:
        raise UsageError("0 to 100 of the nearest rows can be shown")
    with common.open() as home:
        found = home.incidents.triage(incident, actor=as_, near=near, keys=keys)
    if common.json:
        print_json(asdict(found))
    else:
        _show_triage(found)
    return 0


@app.command(name="keep")
def keep_case(
    incident: str,
    /,
    *,
    expect: str,
    decision: str | None = None,
    name: str | None = None,
    as_: As = "cli",
    common: Common = Common(),
) -> int:
    """Keep a decision as a regression case: no later model is released that answers it otherwise.

    Args:
        incident: Its id.
        expect: What the answer must be: '>= 0.5', 'late < 0.3', '== 12.5 +- 3', '!= 0.73'.
        decision: Which of the incident's decisions; without it the first.
        name: What to call the case.
        as_: Your handle, for the record.
    """
    from towpath.assets.cases import Expectation

    with common.open() as home:
        kept = home.incidents.keep(
            incident, Expectation.parse(expect), decision=decision, name=name, actor=as_
        )
        with home.ledger.read() as tx:
            standing = home.cases.standing(tx, kept.service, Ref.parse(kept.model, "model"))
    if common.json:
        print_json(_plain(kept))
        return 0
    out.print(f"kept as {kept.name}: the answer must be {kept.expectation}", markup=False)
    if any(one.case == kept.name and one.verdict == "pass" for one in standing):
        err.print(f"{kept.model}, which answered, passes it: is the expectation the right one?")
    return 0


@app.command(name="fix")
def fix_incident(
    incident: str,
    /,
    *,
    trigger: str | None = None,
    as_: As = "cli",
    common: Common = Common(),
) -> int:
    """Start a retraining. The incident closes when a model serves that passes all of its cases.

    Args:
        incident: Its id.
        trigger: The trigger to fire; without it one that starts the model's pipeline, or the pipeline.
        as_: Your handle, for the record.
    """
    with common.open() as home:
        started = home.incidents.fix(incident, trigger=trigger, actor=as_)
    if common.json:
        print_json({"incident": incident, "started": started})
    else:
        out.print(f"asked {started} for a model that passes", markup=False)
    return 0


@app.command(name="close")
def close_incident(
    incident: str, /, *, why: str, as_: As = "cli", common: Common = Common()
) -> int:
    """Close an incident by hand. Its cases stay, and go on holding releases.

    Args:
        incident: Its id.
        why: Why it is over, for the record.
        as_: Your handle, likewise.
    """
    with common.open() as home:
        found = home.incidents.close(incident, why=why, actor=as_)
    return _tell(found, common)


@app.command(name="cases")
def list_cases(
    service: str | None = None,
    /,
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    common: Common = Common(),
) -> int:
    """List regression cases, and the waivers of each.

    Args:
        service: Only this service's.
        all_: Those that hold nobody any more as well.
    """
    from towpath.assets.cases.contract import CaseState

    states = get_args(CaseState) if all_ else ("active",)
    with common.open() as home:
        found = home.cases.list(service, states=states)
        names = {one.name for one in found}
        waivers = [one for one in home.cases.waivers() if one.case in names]
    if common.json:
        said = [asdict(one) for one in waivers]
        print_json({"cases": [_plain(one) for one in found], "waivers": said})
        return 0
    rows = [
        (one.name, one.service, one.state, one.expectation or "–", one.model, one.incident)
        for one in found
    ]
    columns = ["case", "service", "state", "answer must be", "erred", "incident"]
    print_table(columns, rows, empty="no regression case")
    if waivers:
        out.print()
        waived = [
            (one.name, one.state, one.model, f"{one.expires_at:%Y-%m-%d %H:%M}", one.by, one.reason)
            for one in waivers
        ]
        print_table(["waiver", "state", "lets out", "until", "by", "reason"], waived, empty="")
    return 0


@app.command(name="waive")
def waive_case(
    case: str,
    model: str,
    /,
    *,
    reason: str,
    for_: Annotated[str, Parameter(name="--for")],
    as_: As = "cli",
    common: Common = Common(),
) -> int:
    """Sign that a model version may be released although it fails a case, for some time.

    Args:
        case: The case.
        model: NAME@VERSION; no other version is let through.
        reason: Why, in words and without anybody's data: it stays in the log.
        for_: How long it may be released: 24h, at most 90d. What is in force by then stays there.
        as_: Your handle, for the record.
    """
    lasts = parse_duration(for_)
    with common.open() as home:
        found = home.cases.waive(
            case, Ref.parse(model, "model"), reason=reason, lasts=lasts, actor=as_
        )
    if common.json:
        print_json(asdict(found))
    else:
        out.print(f"signed {found.name}: {found.model} may go out until", markup=False, end=" ")
        out.print(f"{found.expires_at:%Y-%m-%d %H:%M} UTC")
    return 0


@app.command(name="revoke")
def revoke_waiver(waiver: str, /, *, as_: As = "cli", common: Common = Common()) -> int:
    """Take a waiver back at once.

    Args:
        waiver: Its name, CASE.wN.
        as_: Your handle, for the record.
    """
    with common.open() as home:
        found = home.cases.revoke(waiver, actor=as_)
    if common.json:
        print_json(asdict(found))
    else:
        out.print(f"{found.name} is {found.state}", markup=False)
    return 0


@app.command(name="retire")
def retire_case(case: str, /, *, reason: str, as_: As = "cli", common: Common = Common()) -> int:
    """Hold no model to a case any more, for good.

    Args:
        case: The case.
        reason: Why it makes no sense any more, for the record.
        as_: Your handle, likewise.
    """
    with common.open() as home:
        home.cases.retire(case, actor=as_, reason=reason)
        found = home.cases.get(case)
    if common.json:
        print_json(_plain(found))
    else:
        out.print(f"{found.name} is {found.state}", markup=False)
    return 0


@app.command(name="hold")
def hold_model(model: str, /, *, common: Common = Common()) -> int:
    """Ask a model version about all regression cases of the services that it is for.

    Exit code 3 if it does not pass one.

    Args:
        model: NAME@VERSION.
    """
    with common.open() as home:
        found = home.cases.hold_everywhere(Ref.parse(model, "model"))
    if common.json:
        print_json([asdict(one) for one in found])
    else:
        rows = [(one.case, one.verdict, one.waived or "–") for one in found]
        print_table(["case", "verdict", "waived by"], rows, empty="no case to hold it to")
    return 0 if all(one.passes for one in found) else GateRefused.exit_code


def _plain(case: RegressionCase) -> dict[str, object]:
    """Return a case with its expectation in words; nothing stands for what was erased."""
    expectation = None if case.expectation is None else str(case.expectation)
    return {**asdict(case), "expectation": expectation}


def _tell(found: Incident, common: Common) -> int:
    if common.json:
        print_json(asdict(found))
        return 0
    facts: dict[str, object] = {"title": found.title, "state": found.state, "model": found.model}
    said = {
        "alert": found.alert,
        "cases": ", ".join(found.cases),
        "asked": found.fixing,
        "fixed by": found.fixed_by,
        "run": found.run,
        "release": found.release,
        "closed by": found.closed_by,
        "why": found.why,
    }
    opened = f"{found.opened_at:%Y-%m-%d %H:%M} by {found.opened_by}"
    print_facts(found.id, {**facts, "opened": opened, **{k: v for k, v in said.items() if v}})
    rows = [
        (one.decision, f"{one.at:%Y-%m-%d %H:%M}", one.model, one.release, (one.run or "–")[:12])
        for one in found.evidence
    ]
    print_table(["decision", "at", "model", "release", "run"], rows, empty="no decision")
    if found.triage is not None:
        _show_triage(found.triage)
    return 0


def _show_triage(found: Triage) -> None:
    out.print()
    rows = [
        (
            one.kind,
            one.name,
            f"{one.value:.4g} {one.unit}",
            "–" if one.p is None else f"{one.p:.2g}",
        )
        for one in found.suspects
    ]
    print_table(["suspect", "what", "how strong", "by chance"], rows, empty="nothing stood out")
    for note in found.notes:
        err.print(note, markup=False)
    if found.nearest is not None:
        near = found.nearest
        keyed = any(one.key is not None for one in near.rows)
        for one in near.rows:
            whose = f" {one.key} {(one.subject or '–')[:12]}" if keyed else ""
            out.print(f"{one.nearness:.3f}{whose} {one.outcome}: {one.values}", markup=False)

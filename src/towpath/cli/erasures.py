"""`towpath erase` and `erasure …`: withdrawals, from plan to certificate."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, cast

from cyclopts import App, Parameter
from rich.prompt import Confirm

from towpath.app.home import Home
from towpath.app.supervising import Whereabouts
from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.core.errors import InvalidName, RateLimited, UsageError
from towpath.trace.erasure import Erasure, ErasurePlan
from towpath.trace.erasure.contract import BATCH_MOST
from towpath.trace.erasure.readable import as_page, as_pdf

erasure = App(name="erasure", help="Withdrawals and how far they are.")
_LOOK_AGAIN_S = 0.2


def erase(
    subject: str,
    /,
    *,
    dry_run: Flag = False,
    yes: Annotated[Flag, Parameter(name=["--yes", "-y"])] = False,
    wait: bool = True,
    common: Common = Common(),
) -> int:
    """Fulfil a withdrawal: take a subject's data out of everything, and replace what learnt from it.

    Args:
        subject: Whom, as FIELD=VALUE, such as tailnum=N14228.
        dry_run: Only show the plan.
        yes: Don't ask.
        wait: Stay until the certificate is there. A worker must be running: towpath up.
    """
    field, equals, value = subject.partition("=")
    if not equals or not field or not value:
        raise InvalidName(f"{subject!r} does not name a subject", remedy="Write FIELD=VALUE.")
    if not dry_run and not yes and (common.json or not sys.stdin.isatty()):
        raise UsageError(
            "erasing needs a yes, and there is nobody to ask", remedy="Add --yes, or --dry-run."
        )
    with common.open() as home:
        plan = home.erasures.plan(field, value)
        if not common.json:
            _show_plan(plan)
        if dry_run:
            if common.json:
                print_json(plan)
            return 0
        if not yes and not Confirm.ask("Erase all of this?", console=err, default=False):
            return 1
        erasure_id = home.erasures.submit(field, value, actor="cli")
        err.print(f"erasure {erasure_id} submitted; the subject is suppressed from now on")
        found = _follow(home, erasure_id) if wait else home.erasures.get(erasure_id)
    return _report(found, as_json=common.json)


@erasure.command
def take(
    field: str,
    /,
    *,
    file: Annotated[Path, Parameter(name="--from")],
    yes: Annotated[Flag, Parameter(name=["--yes", "-y"])] = False,
    common: Common = Common(),
) -> int:
    """Take the withdrawals of many subjects: they are suppressed at once, and erased together.

    A thousand at a time are taken together. Where the caller has brought as many as it may
    (`withdrawals_per_minute`), the command waits and goes on; taking a file again is harmless.

    Args:
        field: What subjects are called by, such as tailnum.
        file: A file with one value a line; - reads standard input.
        yes: Don't ask.
    """
    values = _values(file)
    if not yes and (common.json or not sys.stdin.isatty() or str(file) == "-"):
        raise UsageError("erasing needs a yes, and there is nobody to ask", remedy="Add --yes.")
    if not yes and not Confirm.ask(f"Erase {len(values)}?", console=err, default=False):
        return 1
    ids: list[str] = []
    with common.open() as home:
        for begin in range(0, len(values), BATCH_MOST):
            ids += _taken(home, field, values[begin : begin + BATCH_MOST])
            err.print(f"{len(ids)} of {len(values)} suppressed")
    if common.json:
        print_json({"erasures": ids})
    else:
        print_facts(field, {"withdrawals": len(ids), "newest request": ids[-1]})
    return 0


def _values(file: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}") from error
    values = [line.strip() for line in text.splitlines() if line.strip()]
    if not values:
        raise UsageError(f"{file} names nobody", remedy="Write one value a line.")
    return list(dict.fromkeys(values))


def _taken(home: Home, field: str, values: list[str]) -> list[str]:
    while True:
        try:
            return home.erasures.submit_all(field, values, actor="cli")
        except RateLimited as error:
            wait_s = cast("int", error.fields["retry_after_s"])
            err.print(f"as many as may come in a minute have come; going on in {wait_s} s")
            time.sleep(wait_s)


@erasure.command(name="list")
def list_erasures(*, common: Common = Common()) -> int:
    """List withdrawals, newest first."""
    with common.open() as home:
        found = home.erasures.list()
    if common.json:
        print_json(found)
        return 0
    rows = [
        (one.id, one.field, one.phase, one.totals.get("rows"), f"{one.requested_at:%Y-%m-%d %H:%M}")
        for one in found
    ]
    print_table(["erasure", "field", "phase", "rows", "requested"], rows, empty="no withdrawal yet")
    return 0


@erasure.command
def show(erasure_id: str, /, *, common: Common = Common()) -> int:
    """Show how far a withdrawal is."""
    with common.open() as home:
        found = home.erasures.get(erasure_id)
    return _report(found, as_json=common.json)


@erasure.command
def retry(erasure_id: str, /, *, common: Common = Common()) -> int:
    """Let a blocked erasure try again, once its reason is mended."""
    with common.open() as home:
        home.erasures.retry(erasure_id)
    err.print(f"erasure {erasure_id} tries again")
    return 0


@erasure.command
def certificate(
    erasure_id: str,
    /,
    *,
    form: Annotated[Literal["json", "html", "pdf"], Parameter(name="--as")] = "json",
    to: Path | None = None,
    common: Common = Common(),
) -> int:
    """Print the signed certificate, byte for byte as it was stored; or a readable form of it.

    Args:
        erasure_id: Whose.
        form: json is the certificate; html a page that stands alone, pdf a paper with it attached.
        to: Write it to this file, which must not be there yet. A PDF needs one.
    """
    if form == "pdf" and to is None:
        raise UsageError("a PDF goes to a file", remedy="Add --to FILE.")
    with common.open() as home:
        signed = home.erasures.certificate(erasure_id)
    made = signed + b"\n"
    if form != "json":
        made = as_pdf(signed) if form == "pdf" else as_page(signed).encode()
    if to is None:
        out.file.write(made.decode())
        return 0
    try:
        with to.open("xb") as file:
            file.write(signed if form == "json" else made)
    except FileExistsError as error:
        raise UsageError(f"{to} is there already") from error
    err.print(f"written to {to}")
    return 0


def _follow(home: Home, erasure_id: str) -> Erasure:
    """Say each phase as it is reached, until the erasure is done or blocked."""
    if Whereabouts.read(home.place.home) is None:
        err.print("nothing runs in this home; the erasure waits for a worker: towpath up")
    seen = 0
    while True:
        found = home.erasures.get(erasure_id)
        for step in found.steps[seen:]:
            err.print(f"  {step['phase']}")
            if step["phase"] == "rolling_out":
                _tell_rollouts(home, found)
        seen = len(found.steps)
        if found.done or found.phase == "blocked":
            return found
        time.sleep(_LOOK_AGAIN_S)


def _tell_rollouts(home: Home, found: Erasure) -> None:
    """Say what the erasure waits for, and how a person may go ahead of the evidence."""
    with home.ledger.read() as tx:
        for trial in tx.intents.list("rollout", phases=["new", "running"]):
            if trial.spec["champion"] in found.replacements:
                err.print(
                    f"    waits for rollout {trial.name}, at most {trial.spec['max_duration']}; "
                    f"to go ahead now: towpath rollout promote {trial.name}"
                )


def _show_plan(plan: ErasurePlan) -> None:
    print_facts(
        f"erasing {plan.field} {plan.subject}",
        {
            "data-set versions": ", ".join(one.ref for one in plan.datasets),
            "rows": plan.rows,
            "files": plan.files,
            "decisions": plan.decisions,
            "labels": plan.labels,
            "signals": plan.signals,
            **{f"{copy.kind.replace('_', ' ')} of {copy.name}": copy.count for copy in plan.copies},
            "stored step results": len(plan.artefacts),
            "models": ", ".join(one.ref for one in plan.models),
            "retrainings": plan.retrainings,
            "releases": ", ".join(plan.releases),
            "retraining takes about": None
            if plan.seconds_estimate is None
            else f"{plan.seconds_estimate:.0f} s",
            "rides on": plan.rides_on,
            "due by": None if plan.due_by is None else f"{plan.due_by:%Y-%m-%d}",
        },
    )


def _report(found: Erasure, *, as_json: bool) -> int:
    if as_json:
        print_json(found)
    else:
        facts = {
            "phase": found.phase,
            "reason": found.reason or None,
            "waits for": found.waits_for or None,
            "rides on": found.rides_on,
            "riders": found.riders or None,
            **_times(found),
            **found.totals,
        }
        print_facts(
            f"erasure {found.id}",
            {**facts, "replacements": found.replacements, "certificate": found.certificate},
        )
    return 3 if found.phase == "blocked" else 0


def _times(found: Erasure) -> dict[str, str | None]:
    """Return by when it must be done, and when it will be."""
    if found.due_by is None:
        return {}
    now = datetime.now(UTC)
    expected = found.forecast(now)
    told = "when it is unblocked" if expected is None else f"{expected:%Y-%m-%d %H:%M}"
    late = " (late)" if found.is_late(now) else ""
    return {
        "due by": f"{found.due_by:%Y-%m-%d}",
        "done" if found.done else "expected": told + late,
    }

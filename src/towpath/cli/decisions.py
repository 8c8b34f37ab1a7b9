"""`towpath decision …`: recorded predictions, what became of them, and what customers did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import polars as pl
from cyclopts import App, Group, Parameter

from towpath.cli.exporting import FORMATS, write_frames
from towpath.cli.moments import moment
from towpath.cli.options import Common
from towpath.cli.printing import err, print_facts, print_json, print_table
from towpath.core.errors import UsageError
from towpath.core.refs import Ref
from towpath.operate.decisions import INPUT, OUTPUT, SIGNAL, DecisionFilter

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.app.home import Home

app = App(name="decision", help="Recorded predictions.")
# Named, not imported: what explains a decision costs more to load than what lists it.
app.command(
    "towpath.cli.explaining:replay",
    name="replay",
    help="Ask the recorded model again, and compare the answer bit for bit.",
)
app.command(
    "towpath.cli.explaining:explain", name="explain", help="Say why one was made as it was."
)
_FILTERS = Group("Which decisions", sort_key=50)
_ACTOR = "cli"


class Span(TypedDict):
    """A span of event time."""

    since: datetime | None
    until: datetime | None


@Parameter(name="*", group=_FILTERS)
@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which decisions are meant.

    Attributes:
        since: From this event time on (ISO 8601), or so long ago (`7d`).
        until: Before this event time, or before so long ago.
        model: Answered by this version, such as late@3.
        release: Answered under this release, such as production@4.
        arm: Answered by this arm: champion, challenger, shadow or pinned.
        rollout: Answered while this rollout was under way.
        status: ok or error.
        key: What the caller called the thing decided on.
        subject: About this person or thing, as the caller sent it.
        service_version: Asked by this version of the calling service.
    """

    since: str | None = None
    until: str | None = None
    model: str | None = None
    release: str | None = None
    arm: str | None = None
    rollout: str | None = None
    status: str | None = None
    key: str | None = None
    subject: str | None = None
    service_version: str | None = None

    def window(self, home: Home) -> Span:
        """Return the span of event time."""
        return {
            "since": moment(self.since, home),
            "until": moment(self.until, home),
        }

    def filter(self, home: Home, service: str | None) -> DecisionFilter:
        """Return the filter; a plain subject becomes its hash here.

        Raises:
            UsageError: A subject is named, and the service takes none.
        """
        return DecisionFilter(
            model=None if self.model is None else str(Ref.parse(self.model, "model")),
            release=None if self.release is None else str(Ref.parse(self.release, "release")),
            arm=self.arm,
            rollout=self.rollout,
            status=self.status,
            key=self.key,
            subject=None if self.subject is None else _hashed(home, service, self.subject),
            service_version=self.service_version,
        )


@app.command(name="list")
def list_decisions(
    service: str,
    /,
    *,
    limit: int = 20,
    before: str | None = None,
    asked: Asked = Asked(),
    common: Common = Common(),
) -> int:
    """List a service's decisions, newest recorded first, with label and signals.

    The reading is recorded.

    Args:
        service: Whose decisions.
        limit: How many.
        before: Only those recorded before this one: the last of the page before.
    """
    if not 1 <= limit <= 10_000:
        raise UsageError("a page has 1 to 10,000 decisions", remedy="Use: towpath decision export")
    with common.open() as home:
        page = home.audited.page(
            service,
            actor=_ACTOR,
            **asked.window(home),
            where=asked.filter(home, service),
            before=before,
            limit=limit,
        )
    if common.json:
        print_json({"decisions": page.rows.to_dicts(), "before": page.before})
        return 0
    rows = page.rows
    shown = [name for name in rows.columns if name.startswith((INPUT, OUTPUT, SIGNAL))]
    head = ["decision_id", "at", "model", "arm", "status", "key"]
    columns = [*head, *shown, *(["label"] if "label" in rows.columns else [])]
    print_table(
        [name.removeprefix(INPUT) for name in columns],
        ([_cell(value) for value in row] for row in rows.select(columns).rows())
        if rows.height
        else (),
        empty="there is no such decision",
    )
    if page.before is not None:
        err.print(f"older ones: --before {page.before}")
    return 0


@app.command(name="show")
def show_decision(decision_id: str, /, *, common: Common = Common()) -> int:
    """Show one decision with what was asked and answered, its label and signals.

    The reading is recorded.
    """
    with common.open() as home:
        root = home.tracer.trace_decision(decision_id, actor=_ACTOR, payload=True).root
        label = home.decisions.label_of(decision_id)
        signals = home.decisions.signals_of(decision_id)
    outcome: dict[str, Any] = {
        "label": None if label is None else label.value,
        "signals": {one.name: one.value for one in signals},
    }
    if common.json:
        print_json({"decision": root.ref, **root.facts, **outcome})
    else:
        print_facts(root.ref, {**root.facts, **outcome})
    return 0


@app.command(name="count")
def count_decisions(
    service: str | None = None, /, *, asked: Asked = Asked(), common: Common = Common()
) -> int:
    """Count decisions; without a filter also errors, labels and signals.

    Where the service samples, `decisions` are rows and `traffic` is what they stand for.

    Args:
        service: Of this one alone.
    """
    with common.open() as home:
        if asked == Asked():
            counts = asdict(home.decisions.tally(service))
        else:
            window, where = asked.window(home), asked.filter(home, service)
            home.audited.counted(service, actor=_ACTOR, **window, where=where)
            counts = {"decisions": home.decisions.count(service, **window, where=where)}
            if service is not None:
                weights = home.decisions.scan(service, **window, where=where, columns=["weight"])
                counts["traffic"] = round(weights.collect()["weight"].sum())
    if common.json:
        print_json(counts)
    else:
        print_facts(service or "all services", counts)
    return 0


@app.command(name="export")
def export_decisions(
    service: str,
    /,
    *,
    out: Path,
    asked: Asked = Asked(),
    common: Common = Common(),
) -> int:
    """Write a service's decisions with labels and signals to a file, in bounded memory.

    The suffix says how: .parquet, .csv or .jsonl. Decisions of models that take other inputs go to
    files of their own beside it (NAME-2.parquet …). The reading is recorded.

    Args:
        service: Whose decisions.
        out: The file; it must not be there yet.
    """
    if out.suffix not in FORMATS:
        raise UsageError(f"{out.name} has no known suffix", remedy=f"Use {', '.join(FORMATS)}.")
    with common.open() as home:
        frames = home.audited.pages(
            service,
            actor=_ACTOR,
            **asked.window(home),
            where=asked.filter(home, service),
            signals=home.decisions.signal_names(service),
        )
        rows, paths = write_frames(frames, out)
    if common.json:
        print_json({"rows": rows, "files": [str(path) for path in paths]})
    else:
        err.print(f"{rows:,} decisions in {', '.join(map(str, paths)) or 'no file'}")
    return 0


@app.command
def signal(
    name: str,
    value: float,
    /,
    *,
    decision: str | None = None,
    service: str | None = None,
    key: str | None = None,
    at: str | None = None,
    common: Common = Common(),
) -> int:
    """Record what a customer did after a decision: --decision ID, or --service NAME --key KEY.

    Args:
        name: What was measured, such as clicked or refund_eur.
        value: How much.
        decision: The decision's id.
        service: With --key: the service that decided.
        key: What its caller called the thing decided on.
        at: When it happened (ISO 8601); now, if not given.
    """
    with common.open() as home:
        home.feedback.signal(name, value, decision_id=decision, service=service, key=key, at=at)
    err.print("recorded")
    return 0


@app.command(name="signals")
def import_signals(file: Annotated[Path, Parameter()], /, *, common: Common = Common()) -> int:
    """Record signals from a file (.csv, .jsonl or .parquet), all of them or none.

    Its columns: name, value, and decision_id or service and key; at, where known.

    Args:
        file: The file. Importing it again changes nothing.
    """
    rows = _rows_of(file)
    with common.open() as home:
        count = home.feedback.signals(rows)
    if common.json:
        print_json({"recorded": count})
    else:
        err.print(f"{count:,} signals recorded")
    return 0


def _rows_of(file: Path) -> Iterator[Mapping[str, Any]]:
    readers = {
        ".csv": pl.read_csv,
        ".jsonl": pl.read_ndjson,
        ".parquet": pl.read_parquet,
    }
    if file.suffix not in readers:
        raise UsageError(f"{file.name} has no known suffix", remedy=f"Use {', '.join(readers)}.")
    try:
        frame: pl.DataFrame = readers[file.suffix](file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UsageError(f"{file} can't be read as {file.suffix}") from error
    text = [name for name in ("decision_id", "service", "key", "name") if name in frame.columns]
    return frame.with_columns(pl.col(text).cast(pl.String)).iter_rows(named=True)


def _hashed(home: Home, service: str | None, subject: str) -> str:
    with home.ledger.read() as tx:
        declared = None if service is None else tx.intents.find("service", service)
    field = None if declared is None else declared.spec.get("subject_field")
    if field is None:
        raise UsageError(
            "a subject can be looked for in the decisions of a service that declares one",
            remedy="Name such a service, or leave --subject out.",
        )
    return home.keyring.subject_hash(field, subject)


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else value

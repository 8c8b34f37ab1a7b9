"""An access report as one page that any browser shows, with nothing fetched from anywhere."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from towpath.ledger.records import Json
    from towpath.trace.explaining.reports import Holding, SubjectReport

_STYLE: Final = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .3rem; }
p { margin: .2rem 0; } .quiet { opacity: .7; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; font-size: 13px; }
th, td { text-align: left; vertical-align: top; padding: .25rem .7rem .25rem 0;
  border-bottom: 1px solid var(--line); }
td { white-space: pre-wrap; overflow-wrap: anywhere; max-width: 24rem; min-width: 5rem; }
.rows { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr));
  gap: 1rem; margin: .8rem 0; }
.row { margin: 0; padding: .5rem .8rem; border: 1px solid var(--line); border-radius: 6px;
  font-size: 13px; break-inside: avoid; }
.row div { display: grid; grid-template-columns: minmax(7rem, 42%) 1fr; gap: .7rem; padding: .15rem 0; }
.row dt { opacity: .7; } .row dt, .row dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.row dd { white-space: pre-wrap; }
"""
_TABLE_MOST: Final = 4  # columns, of a table that a page has room for
_TIME: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)T(?P<clock>\d\d:\d\d:\d\d(?:\.\d+)?)\+00:00", re.ASCII
)
_WORDS: Final = {
    "dataset": "Rows of the data set",
    "decisions": "Decisions of the service",
    "step_results": "Results of computations",
    "open_loads": "Rows on their way in",
    "publications": "Published table",
    "stored_files": "Files of",
    "feature_layouts": "Features of",
    "online_tables": "Features served from",
    "label_tasks": "Decisions that people judge",
    "printed_pieces": "Printed by a running program",
    "saved_states": "Saved states of computations",
    "training_checkpoints": "Saved states of trainings",
    "window_counts": "Counts over many people",
    "alert_examples": "Examples of an alert",
    "incidents": "Decisions that people look into",
    "regression_cases": "Asked of later models again",
}


def render_page(report: SubjectReport) -> str:
    """Return the report as HTML; every value is escaped, and no script is in it."""
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        (
            "<meta http-equiv='Content-Security-Policy' "
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        ),
        f"<title>What is held of {_e(report.value)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>What is held of {_e(report.field)} {_e(report.value)}</h1>",
        (
            f"<p class='quiet'>As of {report.at:%Y-%m-%d %H:%M:%S} UTC. In decisions and in the "
            f"log of events this is {_e(report.subject)}.</p>"
        ),
        f"<p>{_withdrawal(report)}</p>",
        "<h2>In short</h2>",
        _table(
            ["what", "where", "how many"],
            ([_words(one), one.name, _count(one.rows)] for one in report.holdings),
        ),
    ]
    parts += [_holding(one) for one in report.holdings]
    parts.append("<h2>Models that learnt from these rows</h2>")
    parts.append(
        _table(
            ["model", "state", "in use by", "learnt from"],
            (
                [one["ref"], one["state"], _joined(one["live"]), _joined(one["datasets"])]
                for one in report.models
            ),
        )
        if report.models
        else "<p>None.</p>"
    )
    if report.beyond:
        parts.append("<h2>What can't be looked into from here</h2><ul>")
        parts += [f"<li>{_e(told)}</li>" for told in report.beyond]
        parts.append("</ul>")
    return "\n".join([*parts, "</body></html>", ""])


def _withdrawal(report: SubjectReport) -> str:
    if not report.withdrawn:
        return "Nobody has asked for these data to be withdrawn."
    where = ", ".join(f"{one['id']}: {one['phase']}" for one in report.erasures)
    return f"A withdrawal is recorded, and nothing of this is used any more. {_e(where)}"


def _holding(one: Holding) -> str:
    parts = [f"<h2>{_e(_words(one))} {_e(one.name)}</h2>"]
    told = [
        f"For: {one.purpose}" if one.purpose else "",
        f"Kept: {one.kept_for}" if one.kept_for else "",
        f"Note: {one.note}" if one.note else "",
    ]
    parts += [f"<p class='quiet'>{_e(text)}</p>" for text in told if text]
    if one.versions:
        parts.append(
            _table(["version", "rows"], ([name, rows] for name, rows in one.versions.items()))
        )
    if one.values:
        parts.append(_values(one.values))
    return "\n".join(parts)


def _values(values: Sequence[Json]) -> str:
    names = list(dict.fromkeys(name for row in values for name in row))
    if len(names) <= _TABLE_MOST:
        return _table(names, ([row.get(name) for name in names] for row in values))
    return f"<div class='rows'>{''.join(map(_row, values))}</div>"


def _row(row: Json) -> str:
    """Return a row with its columns one below the other: as many stand on no line of a page."""
    pairs = "".join(
        f"<div><dt>{_e(name)}</dt><dd>{_e(_said(value))}</dd></div>" for name, value in row.items()
    )
    return f"<dl class='row'>{pairs}</dl>"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    top = "".join(f"<th>{_e(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{_e(_said(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<div class='wide'><table><tr>{top}</tr>{body}</table></div>"


def _words(one: Holding) -> str:
    return _WORDS.get(one.kind, one.kind.replace("_", " "))


def _count(rows: int | None) -> str:
    return "not told apart" if rows is None else f"{rows:,}"


def _joined(values: Iterable[str]) -> str:
    return ", ".join(values) or "–"


def _said(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list):
        return _joined(map(str, cast("list[object]", value)))
    return _moment(str(value))


def _moment(text: str) -> str:
    """Return a time as people read it, and everything else as it is."""
    found = _TIME.fullmatch(text)
    return text if found is None else f"{found['day']} {found['clock']} UTC"


def _e(text: str) -> str:
    return escape(str(text))

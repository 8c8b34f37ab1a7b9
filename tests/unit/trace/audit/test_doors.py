"""Every door to decisions, and to rows about people, writes down who went through; list a new one here."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import towpath

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

SOURCE = Path(towpath.__file__).parent
# Where people and their programs come in, and what they call.
ROOMS = ("app", "cli", "client", "demo", "gateway", "server", "trace", "operate/labelling")
READS = {
    "filewise",
    "find",
    "keys",
    "label_of",
    "labels",
    "page",
    "pages",
    "scan",
    "scan_labelled",
    "scan_signals",
    "signals_of",
}

DOORS = {
    # -- what enters the reading itself --------------------------------------------------------------
    "trace/audit/reading.py:AuditedDecisions": "decisions.read, before the page",
    "trace/lineage/tracer.py:LedgerTracer": "decision.read",
    "trace/explaining/recorded.py:find_recorded": "its callers enter decision.replayed, .explained or .read",
    "trace/explaining/replaying.py:LedgerReplayer": "decisions.replayed, before the first",
    "trace/explaining/reporting.py:LedgerSubjectReports": "subject.reported, with the hash",
    "trace/incidents/triaging.py:Triager": "its caller enters decisions.read, with the incident",
    "trace/incidents/suspects/slices.py": "likewise: counts by slice, of the span that triage entered",
    "gateway/answers/explaining.py:Explaining": "decision.explained",
    "operate/labelling/showing.py:Showing": "decision.read, with the annotator",
    "operate/labelling/reopening.py:reopen": "shows nothing: takes a settled label back to its queue",
    # -- what goes through one of them ---------------------------------------------------------------
    "cli/decisions.py:list_decisions": "AuditedDecisions",
    "cli/decisions.py:show_decision": "LedgerTracer, before label and signals",
    "cli/decisions.py:count_decisions": "AuditedDecisions.counted, where one is singled out",
    "cli/decisions.py:export_decisions": "AuditedDecisions",
    "server/routes/decisions.py:list_decisions": "AuditedDecisions",
    # -- what reads for the machine: no row of it is shown ----------------------------------------------
    "operate/labelling/drawing.py": "draws which decisions to ask people about",
    "operate/labelling/sealing.py": "writes what people settled as a version, which has its own entry",
    "server/counting.py:DecisionTraffic": "counts answers by model and hour",
    "trace/lineage/answered.py:AnsweredCounts": "counts answers by model",
    "demo/": "plays the client, and reads what it sent itself",
}

# Rows, files and features: what shows them to people, as against what counts or works with them.
ROW_ROOMS = ("app", "cli", "client", "gateway", "server")
ROWS = {"scan", "open", "changes", "checkout", "files", "get", "in_loop"}
STORES = ("datasets", "history", "files", "online")
ROW_DOORS = {
    "cli/datasets.py:show": "dataset.read",
    "cli/history.py:diff": "dataset.read, where rows are written out",
    "cli/files.py:list_files": "dataset.read",
    "cli/files.py:checkout": "dataset.read",
    "cli/online.py:get": "feature.read, with the hashes of those looked up",
    # -- no row is shown -----------------------------------------------------------------------------
    "cli/files.py:_list_sets": "counts files by set",
    "cli/checks.py:_drop": "takes keys to delete them",
    "cli/checks.py:_reasons": "counts why rows are set aside",
    "app/home.py:Home": "`home.open`: programs read in bulk, and lineage says which did",
    # -- other things of these names -------------------------------------------------------------------
    "server/pages.py:Pages": "files of the pages themselves",
    "server/counting.py:DecisionTraffic": "counts by file of the decision log",
}


def readings(
    rooms: Sequence[str] = ROOMS,
    reads: AbstractSet[str] = frozenset(READS),
    stores: Sequence[str] = ("decisions", "decision_log", "audited"),
) -> Iterator[str]:
    """Yield each place that calls a reading method of something named after decisions, or rows."""
    for room in rooms:
        for path in sorted((SOURCE / room).rglob("*.py")):
            name = str(path.relative_to(SOURCE))
            tree = ast.parse(path.read_text())
            for top in tree.body:
                for node in ast.walk(top):
                    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                        continue
                    whose = ast.unparse(node.func.value).rpartition(".")[2].lstrip("_")
                    if node.func.attr in reads and whose in stores:
                        yield f"{name}:{getattr(top, 'name', '')}"


def test_every_door_is_known() -> None:
    found = set(readings())
    assert "cli/decisions.py:list_decisions" in found  # the search itself works
    unlisted = {one for one in found if not any(one.startswith(door) for door in DOORS)}
    assert unlisted == set(), "who reads decisions here, and where is it written down?"


def test_no_door_is_listed_that_is_not_there() -> None:
    found = set(readings())
    assert {door for door in DOORS if not any(one.startswith(door) for one in found)} == set()


def test_every_door_to_rows_is_known_and_there() -> None:
    found = set(readings(ROW_ROOMS, ROWS, STORES))
    assert found == set(ROW_DOORS), (
        "who shows rows about people here, and where is it written down?"
    )

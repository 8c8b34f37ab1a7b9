"""Every door to decisions and subjects writes down who went through; a new door must be listed here."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import towpath

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    "trace/explaining/recorded.py:find_recorded": "its callers enter decision.replayed or .explained",
    "trace/explaining/replaying.py:LedgerReplayer": "decisions.replayed, before the first",
    "trace/explaining/reporting.py:LedgerSubjectReports": "subject.reported, with the hash",
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


def readings() -> Iterator[str]:
    """Yield each place that calls a reading method of something named after decisions."""
    for room in ROOMS:
        for path in sorted((SOURCE / room).rglob("*.py")):
            name = str(path.relative_to(SOURCE))
            tree = ast.parse(path.read_text())
            for top in tree.body:
                for node in ast.walk(top):
                    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                        continue
                    whose = ast.unparse(node.func.value).rpartition(".")[2].lstrip("_")
                    if node.func.attr in READS and whose in (
                        "decisions",
                        "decision_log",
                        "audited",
                    ):
                        yield f"{name}:{getattr(top, 'name', '')}"


def test_every_door_is_known() -> None:
    found = set(readings())
    assert "cli/decisions.py:list_decisions" in found  # the search itself works
    unlisted = {one for one in found if not any(one.startswith(door) for door in DOORS)}
    assert unlisted == set(), "who reads decisions here, and where is it written down?"


def test_no_door_is_listed_that_is_not_there() -> None:
    found = set(readings())
    assert {door for door in DOORS if not any(one.startswith(door) for one in found)} == set()

"""The log is told to security monitors in published forms, from a cursor on, and names nobody."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import towpath
from towpath.core.errors import UsageError
from towpath.trace.audit.siem import Cursor, Teller, feed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.ledger import Ledger
    from towpath.storage.keys import FileKeyring

# OCSF 1.3.0, entity_management with base_event, iam and its profiles left out: what is required.
REQUIRED = {
    "activity_id",
    "category_uid",
    "class_uid",
    "entity",
    "metadata",
    "severity_id",
    "time",
    "type_uid",
}
REQUIRED_OF_METADATA = {"product", "version"}
ACTIVITIES = {0, 1, 2, 3, 4, 99}
SYSLOG = re.compile(
    r"<(?P<pri>\d{1,3})>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S{1,255} \S{1,48} \S{1,128} "
    r'\S{1,32} \[meta sequenceId="\d+"\] CEF:0\|(?:[^|\\]|\\.)*(?:\|(?:[^|\\]|\\.)*){5}\|.*'
)


@pytest.fixture
def log(sqlite_ledger: Ledger) -> Ledger:
    with sqlite_ledger.write(actor="anna.annotator") as tx:
        tx.events.append("label.settled", "decision:01abc", queue="board")
    with sqlite_ledger.write(actor="cli") as tx:
        tx.events.append("decisions.read", "service:board", where={"subject": "ab" * 16})
        tx.events.append("version.moved", "model:late@1", before="approved", after="deleted")
        tx.events.append("note.made", "run:1", text="a=b|c\\d\nnext <line>")
    return sqlite_ledger


def told(log: Ledger, keyring: FileKeyring, form: str, after: int = -1) -> list[str]:
    pieces = feed(log, Teller(keyring), form=form, version="1.2", after=after)  # type: ignore[arg-type]
    return [line for lines, _ in pieces for line in lines]


def test_entries_are_ocsf_events(log: Ledger, keyring: FileKeyring) -> None:
    events = [json.loads(line) for line in told(log, keyring, "ocsf")]
    assert len(events) == 4
    for event in events:
        assert event.keys() >= REQUIRED
        assert event["metadata"].keys() >= REQUIRED_OF_METADATA
        assert event["activity_id"] in ACTIVITIES
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["class_uid"] // 1000 == event["category_uid"]
        assert isinstance(event["time"], int)
    assert [one["activity_name"] for one in events] == ["Update", "Read", "Delete", "Update"]
    assert [one["metadata"]["sequence"] for one in events] == [0, 1, 2, 3]
    assert len({one["metadata"]["uid"] for one in events}) == 4


def test_entries_are_syslog_lines_with_cef(log: Ledger, keyring: FileKeyring) -> None:
    lines = told(log, keyring, "cef")
    assert all(SYSLOG.fullmatch(line) for line in lines)
    assert lines[0].startswith("<110>1 ")
    assert "act=read" in lines[1]
    # What would end a field, a header or the line is escaped.
    assert r'msg={"text":"a\=b|c\\\\d\\nnext <line>"}' in lines[3]


@pytest.mark.parametrize("form", ["ocsf", "cef"])
def test_nobody_is_named(form: str, log: Ledger, keyring: FileKeyring) -> None:
    lines = told(log, keyring, form)
    assert "anna" not in "".join(lines)
    assert keyring.subject_hash("actor", "anna.annotator") in lines[0]
    assert "cli" in lines[1]


def hands() -> Iterator[str]:
    """Yield what parts of the program call themselves when they write; X where a row's name stands."""
    for path in Path(towpath.__file__).parent.rglob("*.py"):
        source = path.read_text()
        if "write(actor=" not in source:
            continue
        tree = ast.parse(source)
        named = {
            ast.unparse(one.target if isinstance(one, ast.AnnAssign) else one.targets[0]): one.value
            for one in tree.body
            if isinstance(one, ast.Assign | ast.AnnAssign)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            for given in node.keywords:
                said = given.value
                if node.func.attr != "write" or given.arg != "actor":
                    continue
                if isinstance(said, ast.Name):
                    said = named.get(said.id, said)
                if isinstance(said, ast.Constant):
                    yield str(said.value)
                elif isinstance(said, ast.JoinedStr):
                    parts = [
                        one.value if isinstance(one, ast.Constant) else "X" for one in said.values
                    ]
                    yield "".join(map(str, parts))


def test_parts_of_the_program_are_no_people(log: Ledger, keyring: FileKeyring) -> None:
    every = sorted({*hands(), "incident", "run:0190f3c4"})
    assert {"rollout", "service", "cases", "trigger:X"} <= set(every)  # the search itself works
    with log.write() as tx:
        size = tx.events.append("a.b", "run:2").seq
    for hand in every:
        with log.write(actor=hand) as tx:
            tx.events.append("a.b", "run:2")
    with log.read() as tx:
        events = tx.events.read(after=size, limit=None)
    assert [one.actor for one in events] == every
    told = {one.actor: Teller(keyring).actor(one) for one in events}
    assert told == {hand: (hand, True) for hand in every}


def test_an_export_goes_on_at_its_cursor(log: Ledger, keyring: FileKeyring, tmp_path: Path) -> None:
    cursor = Cursor(tmp_path / "cursor", log=keyring.origin)
    assert cursor.read() == -1
    for lines, last in feed(log, Teller(keyring), form="ocsf", version="1", after=cursor.read()):
        assert len(lines) == 4
        cursor.move(last)
    assert told(log, keyring, "ocsf", after=cursor.read()) == []
    with log.write() as tx:
        tx.events.append("a.b", "run:2")
    [line] = told(log, keyring, "ocsf", after=cursor.read())
    assert json.loads(line)["metadata"]["sequence"] == 4
    with pytest.raises(UsageError, match="no cursor"):
        Cursor(tmp_path / "cursor", log="another").read()

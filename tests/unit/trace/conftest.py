"""A decision log with a writer, and a ledger with one short history in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from towpath.core.clock import to_micros
from towpath.core.refs import Ref
from towpath.operate.decisions import (
    Decision,
    DecisionIds,
    Label,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from towpath.ledger import Ledger


@pytest.fixture
def decisions(sqlite_ledger, disk_blobs, tmp_path) -> SegmentDecisionLog:
    return SegmentDecisionLog(sqlite_ledger, disk_blobs, tmp_path / "decisions")


@pytest.fixture
def recorder() -> Iterator[Callable[[Path], Callable[..., str]]]:
    """Return what records decisions (and their labels) durably in a home, and gives their ids."""
    writers: list[SegmentWriter] = []

    def in_home(path: Path) -> Callable[..., str]:
        writer = SegmentWriter(SegmentDirectory(path / "decisions"))
        writers.append(writer)
        ids = DecisionIds()

        def write(*, label: float | None = None, **fields: object) -> str:
            at_us = to_micros(datetime(2013, 3, 1, 6, tzinfo=UTC))
            defaults = {"service": "delay-board", "release": "release:prod@1"}
            defaults |= {"model": "model:late@1", "arm": "champion"}
            defaults |= {"inputs": {"distance": 733.0}, "outputs": {"late": 0.3}}
            decision_id = ids.next()
            decision = Decision(
                decision_id=decision_id, at_us=at_us, recorded_us=at_us, **(defaults | fields)
            )
            writer.append(encode_frame(decision)).result(10)
            if label is not None:
                known = Label(decision_id=decision_id, value=label, at_us=at_us, recorded_us=at_us)
                writer.append(encode_frame(known)).result(10)
            return decision_id

        return write

    yield in_home
    for writer in writers:
        writer.close()


@pytest.fixture
def record(tmp_path, recorder) -> Callable[..., str]:
    """Record a decision (and its label) durably and return its id."""
    return recorder(tmp_path)


@dataclass(frozen=True)
class History:
    """What `history` put into the ledger."""

    run: str
    step: str
    artifact: str


@pytest.fixture
def history(sqlite_ledger: Ledger) -> History:
    """Two models of one pipeline: the second was weighed against the first; a release has both."""
    artifact = "ab" * 32
    with sqlite_ledger.write() as tx:
        for kind, name in [("dataset", "flights"), ("dataset", "weather"), ("code", "flights")]:
            tx.versions.declare(kind, name, project="flights")
        tx.versions.declare("model", "late", project="flights")
        tx.versions.declare("release", "prod", project="towpath")
        rows = {"rows": 900, "bytes": 4096}
        tx.versions.commit("dataset", "flights", digest="f1" * 32, body=rows)
        tx.versions.commit("dataset", "weather", digest="f2" * 32, body=rows)
        code = {"bundle": "c0" * 32, "entry": "flights:project", "files": 3, "lock": "10c" * 20}
        tx.versions.commit("code", "flights", digest="c0" * 32, body=code)
        for number in (1, 2):
            run = tx.runs.start(
                kind="pipeline",
                name="train",
                project="flights",
                params={"window": "8 weeks"},
                tags={"lock": "10c" * 20},
            )
            for name in ("dataset:flights@1", "dataset:weather@1", "code:flights@1"):
                tx.graph.link(run.ref, "used", Ref.parse(name))
            step = tx.runs.start(kind="step", name="prepare", project="flights", parent=run.id)
            tx.graph.link(step.ref, "used", Ref("dataset", "flights", 1))
            tx.graph.link(Ref("artifact", artifact), "made", step.ref)
            if number == 2:
                tx.graph.link(run.ref, "used", Ref("model", "late", 1))
            body = {"package": f"{number}0" * 32, "verdict": "pass", "run": run.id}
            tx.versions.commit("model", "late", digest=body["package"], body=body, made_by=run.id)
        tx.versions.commit("release", "prod", digest="e1" * 32, body={"environment": "prod"})
        for number in (1, 2):
            tx.graph.link(Ref("release", "prod", 1), "includes", Ref("model", "late", number))
    return History(run=run.id, step=step.id, artifact=artifact)

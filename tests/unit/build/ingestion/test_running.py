"""Ingests: one version per run, positions that go with it, and every way in which a run can end."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from towpath.assets.datasets import Dataset
from towpath.build.ingestion import Ingest
from towpath.core.errors import Conflict, NotFound, SchemaViolation, Unavailable, UsageError
from towpath.core.refs import Ref

SMALL = 1  # every batch is a piece
LARGE = 1 << 30


@pytest.fixture(params=[SMALL, LARGE], ids=["in-pieces", "in-one-piece"])
def piece_bytes(request: pytest.FixtureRequest) -> int:
    return request.param


class Died(BaseException):
    """Nothing catches it, as nothing catches kill -9."""


def test_a_source_becomes_a_version(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, piece_bytes: int
):
    source = script([make_rows(0, 10), make_rows(10, 5)])
    result = bench.run(Ingest(dataset, source), piece_bytes=piece_bytes)
    assert result.version.ref == Ref("dataset", "orders", 1)
    assert (result.rows, result.resumed_rows, result.is_new) == (15, 0, True)
    assert bench.content().equals(make_rows(0, 15))
    [run] = bench.runs()
    assert (run.status, run.metrics["rows"], run.id) == ("finished", 15.0, result.run)
    assert result.version.made_by == run.id
    state = bench.state()
    assert (state.position, state.version, state.turn) == ({"read": 2}, "dataset:orders@1", 1)
    assert (state.run, state.load) == (None, False)


def test_lineage_ends_at_the_source(bench: Any, script: Any, dataset: Dataset, make_rows: Any):
    bench.run(Ingest(dataset, script([make_rows(0, 3)])))
    with bench.ledger.read() as tx:
        nodes = tx.graph.trace(Ref("dataset", "orders", 1)).nodes
        source = tx.versions.get(Ref("source", "orders"))
    assert source.ref in nodes
    assert source.body["declared"] == {"script": "one"}
    bench.run(Ingest(dataset, script([make_rows(3, 3)], told="two")), anew=True)
    with bench.ledger.read() as tx:
        assert tx.versions.get(Ref("source", "orders")).ref.version == 2


def test_the_next_one_brings_what_is_new(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, piece_bytes: int
):
    source = script([make_rows(0, 5)])
    bench.run(Ingest(dataset, source), piece_bytes=piece_bytes)
    source.frames += [make_rows(5, 5), make_rows(10, 5)]
    result = bench.run(Ingest(dataset, source), piece_bytes=piece_bytes)
    assert (result.rows, result.version.ref.version) == (10, 2)
    assert source.read_from == [0, 1]
    assert bench.content().equals(make_rows(0, 15))


def test_a_look_that_finds_nothing_leaves_nothing(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any
):
    source = script([make_rows(0, 5)])
    bench.run(Ingest(dataset, source))
    with bench.ledger.read() as tx:
        events = tx.events.size()
    result = bench.run(Ingest(dataset, source))
    assert (result.run, result.rows, result.is_new) == (None, 0, False)
    assert result.version.ref.version == 1
    assert len(bench.runs()) == 1
    with bench.ledger.read() as tx:
        assert tx.events.size() == events, "a schedule of minutes must not fill the log"


def test_an_empty_source_makes_no_version_of_a_new_data_set(
    bench: Any, script: Any, dataset: Dataset
):
    result = bench.run(Ingest(dataset, script([])))
    assert (result.version, result.run, result.rows) == (None, None, 0)


def test_everything_is_read_again_when_asked(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, piece_bytes: int
):
    source = script([make_rows(0, 5), make_rows(5, 5)])
    bench.run(Ingest(dataset, source), piece_bytes=piece_bytes)
    again = bench.run(Ingest(dataset, source), piece_bytes=piece_bytes, anew=True)
    assert (again.rows, again.is_new, source.read_from) == (10, False, [0, 0])
    full = bench.run(Ingest(dataset, source, full=True), piece_bytes=piece_bytes)
    assert (full.rows, full.is_new, source.read_from) == (10, False, [0, 0, 0])


def test_merging_replaces_and_the_last_of_a_key_counts(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, piece_bytes: int
):
    source = script([make_rows(0, 5)])
    ingest = Ingest(dataset, source, mode="merge")
    bench.run(ingest, piece_bytes=piece_bytes)
    twice = pl.concat([make_rows(3, 4, amount=2.0), make_rows(4, 1, amount=3.0)])
    source.frames += [twice, make_rows(6, 1, amount=4.0)]
    bench.run(ingest, piece_bytes=piece_bytes)
    expected = [1.0, 1.0, 1.0, 2.0, 3.0, 2.0, 4.0]
    assert bench.content()["amount"].to_list() == expected


def test_a_row_that_comes_twice_counts_once(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, piece_bytes: int
):
    source = script([pl.concat([make_rows(0, 5), make_rows(4, 1)]), make_rows(3, 4)])
    bench.run(Ingest(dataset, source), piece_bytes=piece_bytes)
    assert bench.content().equals(make_rows(0, 7))


def test_overwriting_leaves_what_the_source_has(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, piece_bytes: int
):
    source = script([make_rows(0, 5), make_rows(5, 5)])
    ingest = Ingest(dataset, source, mode="overwrite")
    bench.run(ingest, piece_bytes=piece_bytes)
    source.frames = [make_rows(2, 2), make_rows(4, 2)]
    bench.run(ingest, piece_bytes=piece_bytes)
    assert bench.content().equals(make_rows(2, 4))
    source.frames = []
    with pytest.raises(UsageError, match="would empty data set 'orders'"):
        bench.run(ingest, piece_bytes=piece_bytes)
    assert bench.content().equals(make_rows(2, 4))


# -- endings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mishap", [Died(), Unavailable("away")], ids=["killed", "away"])
def test_a_run_that_was_cut_off_is_carried_on(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, mishap: BaseException
):
    source = script([make_rows(0, 5), make_rows(5, 5), make_rows(10, 5)], fails={2: mishap})
    with pytest.raises(type(mishap)):
        bench.run(Ingest(dataset, source), piece_bytes=SMALL)
    assert bench.datasets.versions("orders") == []
    result = bench.run(Ingest(dataset, source), piece_bytes=SMALL)
    # The piece that was being gathered was not kept yet.
    assert source.read_from == [0, 1]
    assert (result.rows, result.resumed_rows) == (15, 5)
    assert bench.content().equals(make_rows(0, 15))
    [run] = bench.runs()
    assert (run.status, run.id) == ("finished", result.run), "it is the same run"
    assert result.version.made_by == run.id


def test_a_source_that_can_not_be_carried_on_is_begun_anew(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any
):
    frames = [make_rows(0, 5), make_rows(5, 5), make_rows(10, 5)]
    source = script(frames, fails={2: Died()}, resumes=False)
    with pytest.raises(Died):
        bench.run(Ingest(dataset, source), piece_bytes=SMALL)
    result = bench.run(Ingest(dataset, source), piece_bytes=SMALL)
    assert (source.read_from, result.resumed_rows) == ([0, 0], 0)
    assert bench.content().equals(make_rows(0, 15))
    assert [run.status for run in bench.runs()] == ["killed", "finished"]


def test_a_declaration_that_changed_carries_nothing_on(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any
):
    source = script([make_rows(0, 5), make_rows(5, 5), make_rows(10, 5)], fails={2: Died()})
    with pytest.raises(Died):
        bench.run(Ingest(dataset, source), piece_bytes=SMALL)
    source.told = "otherwise"
    result = bench.run(Ingest(dataset, source), piece_bytes=SMALL)
    assert (source.read_from, result.resumed_rows) == ([0, 0], 0)
    assert [run.status for run in bench.runs()] == ["killed", "finished"]


def test_a_position_of_another_kind_of_source_is_none(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any
):
    bench.run(Ingest(dataset, script([make_rows(0, 5)])))
    other = script([make_rows(0, 7)], kind="other")
    bench.run(Ingest(dataset, other))
    assert other.read_from == [0]


def test_bad_rows_leave_nothing_and_are_read_again_once_mended(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, piece_bytes: int
):
    source = script([make_rows(0, 5)])
    bench.run(Ingest(dataset, source))
    bad = make_rows(10, 2).with_columns(pl.lit(None, pl.Int64).alias("id"))
    source.frames += [make_rows(5, 5), bad]
    with pytest.raises(SchemaViolation, match="'id'"):
        bench.run(Ingest(dataset, source), piece_bytes=piece_bytes)
    assert bench.content().equals(make_rows(0, 5))
    run = bench.runs()[-1]
    assert (run.status, "'id'" in run.error) == ("failed", True)
    state = bench.state()
    assert (state.position, state.load, "'id'" in state.error) == ({"read": 1}, False, True)
    source.frames[-1] = make_rows(10, 2)
    bench.run(Ingest(dataset, source), piece_bytes=piece_bytes)
    assert source.read_from == [0, 1, 1]
    assert bench.content().equals(make_rows(0, 12))
    assert bench.state().error is None


def test_a_source_that_can_not_be_read_is_noted_without_a_run(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any
):
    source = script([make_rows(0, 5)], fails={0: NotFound("there is no file 'x'")})
    with pytest.raises(NotFound):
        bench.run(Ingest(dataset, source))
    assert bench.runs() == []
    assert bench.state().error == "there is no file 'x'"


def test_an_erasure_during_a_load_makes_it_start_over(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any
):
    bench.run(Ingest(dataset, script([make_rows(0, 5)]), name="before"))
    source = script([make_rows(5, 5), make_rows(10, 5), make_rows(15, 5)])
    erased = []

    def erase(progress: Any) -> None:
        if progress.rows == 10 and not erased:
            erased.append(True)
            with bench.ledger.write() as tx:
                tx.withdrawals.add(bench.keyring.subject_hash("customer", "c1"))
            bench.datasets.erase("c1", "orders")

    bench.run(Ingest(dataset, source), piece_bytes=SMALL, on_progress=erase)
    assert source.read_from == [0, 0]
    expected = make_rows(0, 20).filter(pl.col("customer") != "c1")
    assert bench.content().equals(expected)
    assert [run.status for run in bench.runs()][1:] == ["failed", "finished"]


def test_of_two_processes_the_second_carries_on_and_the_first_is_told(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, piece_bytes: int
):
    source = script([make_rows(0, 5), make_rows(5, 5), make_rows(10, 5)])
    ingest = Ingest(dataset, source)
    second: list[Any] = []

    def overtake(progress: Any) -> None:
        if progress.rows == 15 and progress.stage == "reading" and not second:
            second.append(None)
            second.append(bench.run(ingest, piece_bytes=piece_bytes))

    with pytest.raises(Conflict, match=r"another process|taken over"):
        bench.run(ingest, piece_bytes=piece_bytes, on_progress=overtake)
    assert bench.content().equals(make_rows(0, 15))
    assert len(bench.datasets.versions("orders")) == 1
    assert bench.state().turn == 1


def test_what_is_given_once_leaves_its_version_and_its_run(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, piece_bytes: int
):
    ingest = Ingest(
        dataset, script([make_rows(0, 5), make_rows(5, 2)]), name="add-1", full=True, once=True
    )
    bench.run(ingest, piece_bytes=piece_bytes)
    with bench.ledger.read() as tx:
        assert tx.intents.list("ingest_state") == []
        assert tx.versions.get(Ref("source", "orders")).ref.version == 1
    failing = script([make_rows(0, 5)], fails={0: NotFound("gone")})
    with pytest.raises(NotFound):
        bench.run(Ingest(dataset, failing, name="add-2", full=True, once=True))
    with bench.ledger.read() as tx:
        assert tx.intents.list("ingest_state") == []


@pytest.mark.parametrize("bad", ["no key", "key twice", "not expected"])
def test_what_is_given_once_and_refused_leaves_nothing(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, bad: str
):
    frames = {
        "no key": [
            make_rows(0, 5),
            make_rows(5, 1).with_columns(pl.lit(None, pl.Int64).alias("id")),
        ],
        "key twice": [make_rows(0, 5), make_rows(4, 1, amount=2.0)],
        "not expected": [make_rows(0, 5)],
    }
    ingest = Ingest(dataset, script(frames[bad]), name="add-1", full=True, once=True)
    expected = 7 if bad == "not expected" else None
    with pytest.raises((SchemaViolation, Conflict)):
        bench.run(ingest, expected=expected)
    assert list(bench.blobs.walk()) == []
    assert bench.runs() == []
    with bench.ledger.read() as tx:
        assert tx.events.size() == 0
        assert tx.intents.list() == []
    bench.run(Ingest(dataset, script([make_rows(0, 5)]), name="add-1", full=True, once=True))
    assert [run.status for run in bench.runs()] == ["finished"]


@pytest.mark.parametrize("once", [False, True])
def test_a_transaction_that_fails_at_its_end_is_told_as_itself(
    bench: Any,
    script: Any,
    dataset: Dataset,
    make_rows: Any,
    monkeypatch: pytest.MonkeyPatch,
    *,
    once: bool,
):
    """All of it was said in the transaction, and none of it has happened."""
    commit = bench.datasets.commit

    def cut_off(*args: Any, also: Any, **options: Any) -> Any:
        def also_fail(tx: Any, version: Any) -> None:
            also(tx, version)
            raise Unavailable("the database went away")

        return commit(*args, also=also_fail, **options)

    ingest = Ingest(dataset, script([make_rows(0, 5)]), full=once, once=once)
    monkeypatch.setattr(bench.datasets, "commit", cut_off)
    with pytest.raises(Unavailable, match="the database went away"):
        bench.run(ingest)
    assert bench.datasets.versions("orders") == []
    failed = [] if once else [("failed", "the database went away")]
    assert [(run.status, run.error) for run in bench.runs()] == failed
    assert (bench.state().turn, bench.state().run, bench.state().position) == (0, None, None)
    monkeypatch.undo()
    result = bench.run(ingest)
    assert (result.rows, result.version.ref.version) == (5, 1)
    assert [run.status for run in bench.runs()] == [*(status for status, _ in failed), "finished"]


def test_progress_tells_rows_and_share(bench: Any, script: Any, dataset: Dataset, make_rows: Any):
    told: list[Any] = []
    source = script([make_rows(0, 5), make_rows(5, 5)])
    bench.run(Ingest(dataset, source), piece_bytes=SMALL, on_progress=told.append)
    assert [(one.stage, one.rows, one.share) for one in told] == [
        ("reading", 5, 0.5),
        ("reading", 10, 1.0),
        ("committing", 10, 1.0),
        ("done", 10, 1.0),
    ]


def test_what_was_expected_is_passed_on(
    bench: Any, script: Any, dataset: Dataset, make_rows: Any, piece_bytes: int
):
    source = script([make_rows(0, 5), make_rows(5, 5)])
    with pytest.raises(Conflict, match="not 7"):
        bench.run(Ingest(dataset, source), piece_bytes=piece_bytes, expected=7)

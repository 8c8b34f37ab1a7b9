"""Every ledger keeps assets and versions as the contract says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from statements import statements

from towpath.core.errors import Conflict, NotFound, UsageError
from towpath.core.refs import Ref
from towpath.ledger import Edge

if TYPE_CHECKING:
    from towpath.ledger import Ledger, Version

DIGEST = "a" * 64
LATE = Ref("model", "late")


@pytest.fixture
def late(ledger: Ledger) -> Ledger:
    """Return a ledger in which model `late` is declared."""
    with ledger.write() as tx:
        tx.versions.declare("model", "late", project="flights")
    return ledger


def commit(ledger: Ledger, **changes: object) -> Version:
    settings: dict = {"digest": DIGEST, "body": {"rows": 1}} | changes
    with ledger.write() as tx:
        return tx.versions.commit("model", "late", **settings)


def events_of(ledger: Ledger, subject: str) -> list[str]:
    with ledger.read() as tx:
        return [event.type for event in tx.events.read(subject=subject)]


def test_declaring_twice_is_declaring_once(ledger: Ledger) -> None:
    for _ in range(2):
        with ledger.write() as tx:
            asset = tx.versions.declare(
                "dataset", "flights", project="flights", description="x", tags={"tier": "gold"}
            )
    assert (asset.project, asset.description, asset.tags) == ("flights", "x", {"tier": "gold"})
    assert events_of(ledger, "dataset:flights") == ["asset.declared"]


def test_declaring_again_updates_description_and_tags(late: Ledger) -> None:
    with late.write() as tx:
        tx.versions.declare("model", "late", project="flights", description="d", tags={"a": "1"})
        asset = tx.versions.declare("model", "late", project="flights", tags={"a": "", "b": "2"})
    assert (asset.description, asset.tags) == ("", {"b": "2"})


def test_a_name_belongs_to_one_project(late: Ledger) -> None:
    with pytest.raises(Conflict, match="belongs to project 'flights'"), late.write() as tx:
        tx.versions.declare("model", "late", project="other")


def test_assets_are_listed_by_kind_and_name(late: Ledger) -> None:
    with late.write() as tx:
        tx.versions.declare("dataset", "weather", project="sky")
        tx.versions.declare("dataset", "flights", project="flights")
    with late.read() as tx:
        assert [(a.kind, a.name) for a in tx.versions.assets()] == [
            ("dataset", "flights"),
            ("dataset", "weather"),
            ("model", "late"),
        ]
        assert [a.name for a in tx.versions.assets("dataset", project="sky")] == ["weather"]


def test_assets_are_found_by_how_their_names_begin(ledger: Ledger):
    with ledger.write() as tx:
        for name in ("flights", "flights~a", "flights~what-if", "flights-old", "flight"):
            tx.versions.declare("dataset", name, project="sky")
        assert [a.name for a in tx.versions.assets("dataset", prefix="flights~")] == [
            "flights~a",
            "flights~what-if",
        ]
        assert tx.versions.assets("dataset", prefix="trains") == []


def test_versions_count_from_one_and_read_back_whole(late: Ledger) -> None:
    first = commit(late, tags={"stage": "dev"})
    second = commit(late, digest="b" * 64, body={"metrics": {"auc": 0.7}, "list": [1, None, "é"]})
    assert (first.ref, second.ref) == (LATE.at(1), LATE.at(2))
    assert (first.revision, first.state, first.tags) == (1, "ready", {"stage": "dev"})
    with late.read() as tx:
        assert tx.versions.get(LATE.at(1)) == first
        assert tx.versions.get(LATE) == second
        assert tx.versions.get(LATE).body == {"metrics": {"auc": 0.7}, "list": [1, None, "é"]}


def test_compare_and_swap_lets_one_writer_win(late: Ledger) -> None:
    commit(late, expected=0)
    with pytest.raises(Conflict, match="latest version of model 'late' is 1, not 0"):
        commit(late, expected=0)
    assert commit(late, expected=1).ref.version == 2


def test_committing_to_an_undeclared_asset_suggests_the_nearest(late: Ledger) -> None:
    with pytest.raises(NotFound, match="Did you mean 'late'"), late.write() as tx:
        tx.versions.commit("model", "lat", digest=DIGEST, body={})


def test_an_unknown_version_names_those_that_exist(late: Ledger) -> None:
    commit(late)
    with late.read() as tx:
        assert tx.versions.find(LATE.at(9)) is None
        with pytest.raises(NotFound, match=r"no model:late@9\. It has versions 1"):
            tx.versions.get(LATE.at(9))


def test_the_run_that_made_a_version_is_its_parent_in_the_graph(late: Ledger) -> None:
    with late.write() as tx:
        run = tx.runs.start(kind="pipeline", name="train", project="flights")
        made = tx.versions.commit("model", "late", digest=DIGEST, body={}, made_by=run.id)
    assert made.made_by == run.id
    with late.read() as tx:
        edges = tx.graph.trace(made.ref).edges
    assert edges == (Edge(child=made.ref, parent=run.ref, relation="made"),)


def test_listing_is_newest_first_and_filtered(late: Ledger) -> None:
    commit(late, state="approved")
    commit(late, state="rejected")
    commit(late, state="approved")
    with late.read() as tx:
        assert [v.ref.version for v in tx.versions.list("model", "late")] == [3, 2, 1]
        assert [v.ref.version for v in tx.versions.list(states=["rejected"])] == [2]
        assert [v.ref.version for v in tx.versions.list("model", limit=1)] == [3]
        assert [v.ref.version for v in tx.versions.list("model", "late", below=3)] == [2, 1]
        assert tx.versions.list("model", "late", below=1) == []
        assert tx.versions.list(project="other") == []
        rejected = tx.versions.latest("model", "late", states=["rejected"])
        assert rejected is not None
        assert rejected.ref.version == 2
        assert tx.versions.latest("model", "late", states=["retired"]) is None


def test_a_revision_keeps_the_number_and_the_old_digest(late: Ledger) -> None:
    before = commit(late)
    with late.write() as tx:
        after = tx.versions.revise(
            before.ref, digest="c" * 64, body={"rows": 0}, reason="erasure:1"
        )
    assert (after.ref, after.revision, after.body) == (before.ref, 2, {"rows": 0})
    with late.read() as tx:
        history = [(r.revision, r.digest, r.reason) for r in tx.versions.revisions(before.ref)]
        event = tx.events.read(types=["version.revised"])[0]
    assert history == [(1, DIGEST, "commit"), (2, "c" * 64, "erasure:1")]
    assert (event.payload["before"], event.payload["after"]) == (DIGEST, "c" * 64)


def test_many_versions_are_revised_in_as_many_statements_as_one(late: Ledger) -> None:
    few, many = [commit(late).ref], [commit(late).ref for _ in range(30)]
    counts: list[int] = []
    for refs in (few, many):
        with late.write() as tx, statements() as seen:
            contents = {ref: (f"{ref.version:064}", {"rows": ref.version}) for ref in refs}
            after = tx.versions.revise_all(contents, reason="erasure")
            counts.append(len(seen))
        assert [one.ref for one in after] == refs
        assert all(one.revision == 2 and one.body == {"rows": one.ref.version} for one in after)
    assert counts[0] == counts[1]
    with late.read() as tx:
        revised = tx.events.read(types=["version.revised"])
        assert [one.subject for one in revised] == [str(ref) for ref in (*few, *many)]
        assert {one.payload["before"] for one in revised} == {DIGEST}
        assert [one.reason for one in tx.versions.revisions(many[-1])] == ["commit", "erasure"]


def test_none_is_revised_where_one_is_unknown(late: Ledger) -> None:
    ref = commit(late).ref
    missing = Ref(ref.kind, ref.name, 9)
    contents = {ref: ("c" * 64, {}), missing: ("d" * 64, {})}
    with pytest.raises(NotFound), late.write() as tx:
        tx.versions.revise_all(contents, reason="erasure")
    with late.read() as tx:
        assert tx.versions.get(ref).revision == 1


def test_states_move_once_and_only_from_where_expected(late: Ledger) -> None:
    ref = commit(late, state="candidate").ref
    for _ in range(2):
        with late.write() as tx:
            moved = tx.versions.set_state(ref, "approved", reason="gates", expect=["candidate"])
    assert moved.state == "approved"
    assert events_of(late, str(ref)) == ["version.committed", "version.moved"]
    with pytest.raises(Conflict, match="is approved, not candidate"), late.write() as tx:
        tx.versions.set_state(ref, "rejected", reason="late", expect=["candidate"])


def test_tags_are_set_changed_and_removed(late: Ledger) -> None:
    ref = commit(late, tags={"a": "1", "b": "2"}).ref
    with late.write() as tx:
        tx.versions.tag(ref, {"a": "", "b": "3", "c": "4", "never": ""})
    with late.read() as tx:
        assert tx.versions.get(ref).tags == {"b": "3", "c": "4"}


def test_the_latest_is_told_for_any_moment_and_state(late: Ledger) -> None:
    one, two, three = commit(late), commit(late), commit(late)
    with late.write() as tx:
        tx.versions.set_state(two.ref, "collected", reason="test")
    with late.read() as tx:
        assert tx.versions.latest("model", "late").ref == three.ref
        assert tx.versions.latest("model", "late", at=two.created_at).ref == two.ref
        ready = tx.versions.latest("model", "late", at=two.created_at, states=["ready"])
        assert ready.ref == one.ref
        just_before = one.created_at - timedelta(microseconds=1)
        assert tx.versions.latest("model", "late", at=just_before) is None


def test_aliases_move_between_versions(late: Ledger) -> None:
    one, two = commit(late), commit(late)
    with late.write() as tx:
        tx.versions.set_alias("model", "late", "champion", 1)
        tx.versions.set_alias("model", "late", "champion", 2)
        tx.versions.set_alias("model", "late", "previous", 1)
    with late.read() as tx:
        assert tx.versions.get(one.ref).aliases == ("previous",)
        assert tx.versions.by_alias("model", "late", "champion") == tx.versions.get(two.ref)
        assert tx.versions.by_alias("model", "late", "nobody") is None
        assert tx.versions.aliases("model", "late") == {"champion": 2, "previous": 1}
    with late.write() as tx:
        tx.versions.set_alias("model", "late", "champion", None)
        tx.versions.set_alias("model", "late", "champion", None)
    assert events_of(late, "model:late").count("alias.moved") == 4
    with pytest.raises(NotFound), late.write() as tx:
        tx.versions.set_alias("model", "late", "champion", 7)


def test_a_failed_block_leaves_neither_fact_nor_event(late: Ledger) -> None:
    with late.read() as tx:
        before = (tx.events.size(), tx.events.root())
    with pytest.raises(ZeroDivisionError), late.write() as tx:
        tx.versions.commit("model", "late", digest=DIGEST, body={})
        assert 1 / 0
    with late.read() as tx:
        assert (tx.events.size(), tx.events.root()) == before
        assert tx.versions.find(LATE) is None


def test_a_snapshot_is_read_only_and_stands_still(late: Ledger) -> None:
    with late.read() as tx:
        assert tx.versions.find(LATE) is None
        commit(late)
        assert tx.versions.find(LATE) is None
        with pytest.raises(UsageError, match="read-only"):
            tx.versions.commit("model", "late", digest=DIGEST, body={})
        with pytest.raises(UsageError, match="read-only"):
            tx.events.append("x.y", "model:late")


def test_blocks_do_not_nest_and_end(late: Ledger) -> None:
    with late.write() as outer, pytest.raises(UsageError, match="nest"), late.write():
        pass
    with pytest.raises(UsageError, match="over"):
        outer.versions.assets()

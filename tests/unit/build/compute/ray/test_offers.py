"""What no node of a cluster could run is known before Ray would wait for it."""

from __future__ import annotations

import pytest

from towpath.build.compute import Resources
from towpath.build.compute.ray.offers import Offer, infeasible, read_offers, refuse_infeasible
from towpath.core.errors import InvalidSetting

GIB = 1 << 30
SMALL = Offer(node="a", host="10.0.0.1", cpus=2, memory_bytes=4 * GIB, is_head=True)
LARGE = Offer(
    node="b",
    host="10.0.0.2",
    cpus=4,
    gpus=1,
    gpu_kinds=frozenset({"A100"}),
    memory_bytes=8 * GIB,
)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Resources(cpus=4), ""),
        (Resources(cpus=0.5), ""),
        (Resources(cpus=5), "asks for 5 cpus and no node of the cluster has that: of 2, the most"),
        (Resources(cpus=1, gpus=1, gpu_kind="A100"), ""),
        (Resources(cpus=1, gpus=2), "asks for 1 cpus, 2 gpus and no node"),
        (Resources(cpus=1, gpus=1, gpu_kind="H100"), "1 gpus of kind H100 and no node"),
        (Resources(memory_bytes=9 * GIB), "9.0 GiB of memory and no node"),
        (Resources(cpus=6, spread=True), ""),
        (Resources(cpus=7, spread=True), "all 2 nodes of the cluster together have 6 cpus"),
        (Resources(cpus=1, gpus=2, spread=True), "together have 6 cpus and 1 gpus (A100)"),
    ],
)
def test_a_task_is_held_against_every_node(asked: Resources, why: str) -> None:
    found = infeasible(asked, [SMALL, LARGE])

    assert (found == "") is (why == "")
    assert why in found


def test_what_two_nodes_have_between_them_is_not_on_one() -> None:
    gpus_only = Offer(node="c", host="10.0.0.3", cpus=1, gpus=4)

    assert infeasible(Resources(cpus=2, gpus=2), [SMALL, gpus_only])


def test_the_refusal_says_what_was_asked_for() -> None:
    with pytest.raises(InvalidSetting, match="no node of the cluster has that") as refused:
        refuse_infeasible(Resources(cpus=64), [SMALL])

    assert refused.value.fields["cpus"] == 64


def test_a_cluster_without_nodes_can_run_nothing() -> None:
    assert "has no node" in infeasible(Resources(), [])


def test_nodes_are_read_as_ray_tells_of_them() -> None:
    told = {
        "NodeID": "b",
        "NodeManagerAddress": "10.0.0.2",
        "Alive": True,
        "Resources": {
            "CPU": 4.0,
            "GPU": 1.0,
            "accelerator_type:A100": 1.0,
            "memory": 8.0 * GIB,
            "node:__internal_head__": 1.0,
        },
    }
    dead = {**told, "NodeID": "c", "Alive": False}
    bare = {**told, "NodeID": "d", "Resources": {}}

    found = read_offers([told, dead, bare])

    assert [one.node for one in found] == ["b", "d"]
    assert found[0].gpu_kinds == {"A100"}
    assert (found[0].is_head, found[1].is_head) == (True, False)
    assert found[1].cpus == 0

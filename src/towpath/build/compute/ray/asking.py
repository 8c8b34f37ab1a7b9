"""How a task is asked of Ray: what it counts for, and where it should go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.build.compute.contract import Task
    from towpath.build.compute.ray.offers import Offer


def wanted(task: Task, offers: Sequence[Offer]) -> dict[str, Any]:
    """Return the options with which a task is handed to Ray.

    Ray never tries it again by itself: a second attempt is somebody else's to decide, and to pay for.
    """
    asked = task.resources
    options: dict[str, Any] = {"name": task.id, "num_returns": "streaming", "max_retries": 0}
    if asked.memory_bytes is not None:
        options["memory"] = asked.memory_bytes
    if asked.spread:
        # Its cores are for its workers, so Ray gives them to those. What hands out work had better not
        # be on a node that may go: the head's end is the cluster's anyway.
        head = next((one.node for one in offers if one.is_head), None)
        return options | ({"num_cpus": 0} if head is None else beside(head, soft=True))
    options |= {"num_cpus": asked.cpus, "num_gpus": asked.gpus}
    if asked.gpu_kind is not None:
        options["accelerator_type"] = asked.gpu_kind
    return options


def beside(node: str, *, soft: bool = False) -> dict[str, Any]:
    """Return the options that run something on one node at once, whatever else runs there.

    Args:
        node: Ray's id of the node.
        soft: Whether another node will do if that one is gone.
    """
    from ray.util.scheduling_strategies import (  # noqa: PLC0415  Ray is optional, and slow to import
        NodeAffinitySchedulingStrategy,
    )

    where = NodeAffinitySchedulingStrategy(node_id=node, soft=soft)
    return {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": where}

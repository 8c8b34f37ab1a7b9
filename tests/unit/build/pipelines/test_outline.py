"""The outline that a run keeps from its first moment on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.pipelines import OUTLINE_TAG, decode_outline
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from towpath.build.pipelines import Progress


def test_a_run_has_its_outline_before_its_first_step(workshop: Any) -> None:
    outlined: list[bool] = []

    def look(progress: Progress) -> None:
        with workshop.ledger.read() as tx:
            outlined.append(OUTLINE_TAG in tx.runs.get(progress.run_id).tags)

    pipeline = workshop.load("train")
    code = workshop.snapshot().ref
    workshop.runner().run(pipeline, project="toy", code=code, on_progress=look)
    assert outlined
    assert all(outlined)


def test_an_outline_names_calls_what_they_need_and_what_they_read(workshop: Any) -> None:
    result = workshop.run()
    with workshop.ledger.read() as tx:
        digest = tx.runs.get(result.run_id).tags[OUTLINE_TAG]
    outline = decode_outline(workshop.blobs.get(digest))
    assert [(node.name, node.step, node.needs) for node in outline.nodes] == [
        ("prepare", "toy.prepare", ()),
        ("total", "toy.total", (0,)),
        ("describe", "toy.describe", (1,)),
    ]
    assert outline.nodes[0].reads == ("trips",)
    assert outline.candidates == ()


def test_equal_graphs_have_equal_outlines_whatever_the_arguments(workshop: Any) -> None:
    first, second = workshop.run(), workshop.run(params={"times": "3"})
    with workshop.ledger.read() as tx:
        tags = [tx.runs.get(one.run_id).tags[OUTLINE_TAG] for one in (first, second)]
    assert tags[0] == tags[1]
    assert b"3" not in workshop.blobs.get(tags[0])


@pytest.mark.parametrize("data", [b"", b"[]", b'{"nodes": 3}', b"\xff"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="no outline"):
        decode_outline(data)

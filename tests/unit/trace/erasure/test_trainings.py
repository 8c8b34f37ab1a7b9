"""Checkpoints of spread trainings are copies: plans count them, erasures take them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.build.compute.ray import training_storage
from towpath.trace.erasure.copies import Trainings

if TYPE_CHECKING:
    from pathlib import Path

ANYBODY: Any = None  # what a checkpoint was learnt from can't be told from it, so nobody asks


def test_every_checkpoint_is_held_and_erased(tmp_path: Path) -> None:
    url = tmp_path.as_uri()
    copies = Trainings(url, on_ray=False)
    assert copies.held(ANYBODY) == []
    for name in ("one", "two"):
        training_storage(url).filesystem.create_dir(f"{tmp_path}/training/{name}")

    (held,) = copies.held(ANYBODY)
    copies.erase(ANYBODY)
    copies.erase(ANYBODY)

    assert (held.kind, held.count) == ("training_checkpoints", 2)
    assert copies.held(ANYBODY) == []
    assert not list((tmp_path / "training").iterdir())


def test_what_a_cluster_holds_meanwhile_is_said(tmp_path: Path) -> None:
    assert Trainings(tmp_path.as_uri(), on_ray=False).beyond(ANYBODY) == []
    assert "Ray cluster" in Trainings(tmp_path.as_uri(), on_ray=True).beyond(ANYBODY)[0]

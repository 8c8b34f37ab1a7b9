"""Finds artefacts as people name them: by digest, or by the run and step that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.build.pipelines.planning.calls import made_by
from towpath.build.pipelines.reading.logs import find_run
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    from towpath.build.pipelines.contract import Artifact
    from towpath.ledger import Ledger
    from towpath.ledger.contract import Transaction

_DIGEST_DIGITS = 64


def find_artifact(ledger: Ledger, text: str) -> Artifact:
    """Return the artefact that is meant.

    Args:
        ledger: Where results are listed.
        text: A digest of 64 digits, or `RUN.STEP`, or `RUN.STEP.N` for one of several results; a run
            is named as `find_run` takes it.

    Raises:
        NotFound: There is none; after an erasure the results that it reached are among those.
    """
    if len(text) == _DIGEST_DIGITS and "." not in text:
        return _by_digest(ledger, text)
    run, _, rest = text.partition(".")
    step, _, place = rest.rpartition(".") if rest.rpartition(".")[2].isdigit() else (rest, "", "")
    if not step:
        raise NotFound(
            f"{text!r} names no result", remedy="Give a digest, or RUN.STEP, or RUN.STEP.N."
        )
    run_id = find_run(ledger, run, kinds=("pipeline",))
    with ledger.read() as tx:
        made = artifacts_of(tx, run_id, step)
    index = int(place or 0)
    if index >= len(made):
        raise NotFound(
            f"step {step!r} gave {len(made)} results", remedy=f"Count from 0: {run}.{step}.0"
        )
    return made[index]


def artifacts_of(tx: Transaction, run_id: str, step: str) -> tuple[Artifact, ...]:
    """Return what a step of a run gave, as the cache keeps it.

    Raises:
        NotFound: The run has no such step, or its results are kept no more.
    """
    steps = {one.name: one for one in tx.runs.list(parent=run_id, limit=100_000)}
    if step not in steps:
        raise NotFound.named(f"step of run {run_id}", step, steps)
    key = steps[step].key
    execution = None if key is None else tx.cache.look(key)
    if execution is None:
        raise NotFound(
            f"nothing is kept of what step {step!r} gave",
            remedy="It failed, is never cached, or an erasure took its result. Run it again.",
        )
    return made_by(execution).artifacts


def _by_digest(ledger: Ledger, digest: str) -> Artifact:
    with ledger.read() as tx:
        executions = tx.cache.using([digest])
    for execution in executions:
        for artifact in made_by(execution).artifacts:
            if artifact.digest == digest:
                return artifact
    raise NotFound(
        f"no step's result has the digest {digest[:16]}…",
        remedy="Name it by its run: RUN.STEP; towpath runs lists them.",
    )


__all__ = ["artifacts_of", "find_artifact"]

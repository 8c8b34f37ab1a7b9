"""Acknowledged → redacted: no stored version of a data set holds the subject any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from towpath.core.refs import Ref
from towpath.trace.erasure.derived import derived_from
from towpath.trace.erasure.parts import Step
from towpath.trace.erasure.phases.condemn import condemn
from towpath.trace.erasure.planning import seconds_of
from towpath.trace.erasure.sparing import spared_steps
from towpath.trace.erasure.state import RedactedDataset, RedactedVersion

if TYPE_CHECKING:
    from towpath.assets.datasets.contract import ErasedDataset, ErasedVersion
    from towpath.ledger.contract import Transaction
    from towpath.trace.erasure.parts import Commit, Parts
    from towpath.trace.erasure.work import Work

_log = structlog.get_logger(__name__)


def redact(parts: Parts, work: Work) -> Commit:
    """Rewrite the data sets; then condemn what was trained on them."""
    about = work.about(parts)
    redacted = tuple(
        _recorded(parts, work, parts.datasets.erase_all(about.values, name))
        for name in about.datasets
    )
    # The gateways have stopped recording the subjects, so these counts are final.
    holdings = parts.decisions.holdings(*about.subjects)
    versions = [Ref.parse(one.ref, "dataset") for data in redacted for one in data.versions]
    spared = spared_steps(parts.ledger, parts.blobs, versions)
    for data in redacted:
        _log.info("dataset.redacted", erasure=work.id, dataset=data.name, rows=data.rows_removed)

    def commit(tx: Transaction) -> Step:
        now = parts.wall.now()
        state = msgspec.structs.replace(
            work.state,
            redacted_at=now,
            datasets=redacted,
            decisions=holdings.decisions,
            labels=holdings.labels,
            signals=holdings.signals,
        )
        derived = derived_from(tx, state.sources, before=now, spared=spared)
        models = condemn(tx, derived.models, reason=work.reason)
        again = (one for one in models.values() if one.services)
        state = msgspec.structs.replace(
            state,
            retraining_s=seconds_of(tx, again, spared),
            artefacts=tuple(sorted({*derived.artefacts, *derived.logs})),
            models=models,
        )
        totals = state.totals
        facts = {name: totals[name] for name in ("versions", "files", "rows")}
        return Step(state=state, phase="redacted", facts=facts)

    return commit


def _recorded(parts: Parts, work: Work, erased: ErasedDataset) -> RedactedDataset:
    """Keep what this request did: the store also tells what earlier ones of the subject had done."""
    versions: list[RedactedVersion] = []
    with parts.ledger.read() as tx:
        for version in erased.versions:
            history = {one.revision: one.at for one in tx.versions.revisions(version.ref)}
            if history[version.revision] >= work.request.requested_at:
                versions.append(_version(version))
    if not versions:
        return RedactedDataset(
            name=erased.name, versions=(), rows_removed=0, files_rewritten=0, bytes_deleted=0
        )
    return RedactedDataset(
        name=erased.name,
        versions=tuple(versions),
        rows_removed=erased.rows_removed,
        files_rewritten=erased.files_rewritten,
        bytes_deleted=erased.bytes_deleted,
    )


def _version(erased: ErasedVersion) -> RedactedVersion:
    return RedactedVersion(
        ref=str(erased.ref),
        revision=erased.revision,
        before=erased.before,
        after=erased.after,
        rows_removed=erased.rows_removed,
    )

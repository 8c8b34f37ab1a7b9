"""Label queues as pages show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.operate.labelling.spec import QUEUE, QueueSpec
from towpath.server.resources import labelling as shown

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.operate.labelling import records


def queue_of(tx: Transaction, progress: records.Progress) -> shown.LabelQueue:
    """Return a queue with what was declared of it."""
    spec = QueueSpec.of(tx.intents.get(QUEUE, progress.queue))
    return shown.LabelQueue(
        name=progress.queue,
        project=progress.project,
        service=progress.service,
        question=progress.description,
        labels=[shown.QueueLabel(name=name, value=value) for name, value in spec.labels],
        annotators=progress.annotators,
        agreement=spec.agreement,
        sample=progress.sample,
        blind=spec.blind,
        adjudicators=list(spec.adjudicators),
        open=progress.open,
        disputed=progress.disputed,
        settled=progress.settled,
        labelled=progress.labelled,
        version=progress.version,
        drawn_until=progress.drawn_until,
        idle=progress.idle,
    )


def agreement_of(found: records.Agreement) -> shown.QueueAgreement:
    """Return how far people agree."""
    return shown.QueueAgreement(
        labels=list(found.labels),
        items=found.items,
        observed=found.observed,
        alpha=found.alpha,
        alpha_low=found.alpha_low,
        alpha_high=found.alpha_high,
        fleiss=found.fleiss,
        pairs=[
            shown.AnnotatorPair(
                annotators=list(pair.annotators),
                items=pair.items,
                observed=pair.observed,
                kappa=pair.kappa,
            )
            for pair in found.pairs
        ],
        confusion=[list(row) for row in found.confusion],
        annotators=[
            shown.AnnotatorWork(
                annotator=one.annotator,
                judged=one.judged,
                skipped=one.skipped,
                confirmed=one.confirmed,
                spent_s_median=one.spent_s_median,
            )
            for one in found.annotators
        ],
    )


def item_of(item: records.Item) -> shown.LabelItem:
    """Return an item."""
    return shown.LabelItem(
        queue=item.queue,
        decision_id=item.decision_id,
        at=item.at,
        model=item.model,
        inputs=item.inputs,
        outputs=item.outputs,
        leased_until=item.leased_until,
        mine=None if item.mine is None else judgement_of(item.mine),
    )


def judgement_of(judgement: records.Judgement) -> shown.Judgement:
    """Return what somebody said."""
    return shown.Judgement(
        annotator=judgement.annotator,
        label=judgement.label,
        comment=judgement.comment,
        at=judgement.at,
        spent_s=judgement.spent_s,
    )


def dispute_of(dispute: records.Dispute) -> shown.LabelDispute:
    """Return a dispute as a list shows it."""
    return shown.LabelDispute(
        decision_id=dispute.decision_id,
        at=dispute.at,
        labels=dispute.labels,
        skips=dispute.skips,
        contested=dispute.contested,
    )

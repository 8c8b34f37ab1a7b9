"""Labelling: reading how far queues are, and the server's only writes, which people's words are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar.params import FromPath, JSONBody

from towpath.core.errors import NotFound
from towpath.server.resources.labelling import (
    Answer,
    LabelDispute,
    LabelDisputeItem,
    LabelItem,
    LabelQueue,
    Lease,
    Offer,
    QueueAgreement,
    Remark,
    Ruling,
    Standing,
)
from towpath.server.routes.given import Given
from towpath.server.routes.reading import read
from towpath.server.routes.writing import Actor, write
from towpath.server.views import labelling as views

if TYPE_CHECKING:
    from towpath.operate.labelling import LabelDesk
    from towpath.server.contract import Services

_QUEUE = "/labelling/{queue:str}"
_ITEM = f"{_QUEUE}/items/{{decision_id:str}}"


@read("/labelling", tag="labelling")
def list_label_queues(services: Given) -> list[LabelQueue]:
    """List label queues by name, and how far they are."""
    if services.labels is None:
        return []
    found = services.labels.queues()
    with services.ledger.read() as tx:
        return [views.queue_of(tx, progress) for progress in found]


@read(_QUEUE, tag="labelling")
def show_label_queue(services: Given, queue: FromPath[str]) -> LabelQueue:
    """Show how far a queue is."""
    progress = _desk(services).progress(queue)
    with services.ledger.read() as tx:
        return views.queue_of(tx, progress)


@read(f"{_QUEUE}/agreement", tag="labelling")
def show_label_agreement(services: Given, queue: FromPath[str]) -> QueueAgreement:
    """Show how far people agree beyond chance, and who has done what."""
    return views.agreement_of(_desk(services).agreement(queue))


@read(f"{_QUEUE}/disputes", tag="labelling")
def list_label_disputes(services: Given, queue: FromPath[str]) -> list[LabelDispute]:
    """List what waits for an adjudicator, oldest first. Inputs stay out."""
    return [views.dispute_of(one) for one in _desk(services).disputes(queue)]


@write(f"{_QUEUE}/next", tag="labelling")
def take_next_item(services: Given, queue: FromPath[str], actor: Actor) -> Offer:
    """Lend the person the item to judge next. Shows a decision's inputs; the reading is recorded."""
    item = _desk(services).next(queue, annotator=actor)
    return Offer(item=None if item is None else views.item_of(item))


@write(f"{_ITEM}/lease", tag="labelling")
def renew_lease(
    services: Given, queue: FromPath[str], decision_id: FromPath[str], actor: Actor
) -> Lease:
    """Keep an item for somebody who is still thinking."""
    until = _desk(services).renew(queue, decision_id, annotator=actor)
    return Lease(leased_until=until)


@write(f"{_ITEM}/judgement", tag="labelling")
def judge_item(
    services: Given,
    queue: FromPath[str],
    decision_id: FromPath[str],
    actor: Actor,
    data: JSONBody[Answer],
) -> Standing:
    """Say what was true of a decision."""
    phase = _desk(services).judge(
        queue,
        decision_id,
        data.label,
        annotator=actor,
        comment=data.comment,
        spent_s=data.spent_s,
    )
    return Standing(phase=phase)


@write(f"{_ITEM}/skip", tag="labelling")
def skip_item(
    services: Given,
    queue: FromPath[str],
    decision_id: FromPath[str],
    actor: Actor,
    data: JSONBody[Remark],
) -> Standing:
    """Pass a decision over."""
    desk = _desk(services)
    return Standing(phase=desk.skip(queue, decision_id, annotator=actor, comment=data.comment))


@write(f"{_ITEM}/undo", tag="labelling")
def undo_judgement(
    services: Given, queue: FromPath[str], decision_id: FromPath[str], actor: Actor
) -> LabelItem:
    """Take back what the person said of a decision, and show it to them again."""
    return views.item_of(_desk(services).undo(queue, decision_id, annotator=actor))


@write(f"{_ITEM}/dispute", tag="labelling")
def open_dispute(
    services: Given, queue: FromPath[str], decision_id: FromPath[str], actor: Actor
) -> LabelDisputeItem:
    """Show a disputed decision with all that was said. The reading is recorded."""
    found = _desk(services).dispute(queue, decision_id, adjudicator=actor)
    return LabelDisputeItem(
        item=views.item_of(found.item),
        judgements=[views.judgement_of(one) for one in found.judgements],
    )


@write(f"{_ITEM}/ruling", tag="labelling")
def settle_dispute(
    services: Given,
    queue: FromPath[str],
    decision_id: FromPath[str],
    actor: Actor,
    data: JSONBody[Ruling],
) -> Standing:
    """Decide a dispute."""
    desk = _desk(services)
    return Standing(
        phase=desk.settle(queue, decision_id, data.label, adjudicator=actor, comment=data.comment)
    )


@write(f"{_ITEM}/objection", tag="labelling")
def contest_label(
    services: Given,
    queue: FromPath[str],
    decision_id: FromPath[str],
    actor: Actor,
    data: JSONBody[Remark],
) -> Standing:
    """Object to a label that is settled already."""
    desk = _desk(services)
    return Standing(phase=desk.contest(queue, decision_id, annotator=actor, comment=data.comment))


def _desk(services: Services) -> LabelDesk:
    if services.labels is None:
        raise NotFound("this server has no label queues", remedy="Declare one, and apply it.")
    return services.labels


HANDLERS = [
    list_label_queues,
    show_label_queue,
    show_label_agreement,
    list_label_disputes,
    take_next_item,
    renew_lease,
    judge_item,
    skip_item,
    undo_judgement,
    open_dispute,
    settle_dispute,
    contest_label,
]

"""Decisions that an alert names as examples, and how those about a subject leave it.

An alert holds ids and the subjects' keyed hashes, never values. It is written in one transaction with a
look at who has withdrawn, and an erasure begins with putting the subject on that list: so an alert either
comes before, and `forget_examples` finds it, or afterwards, and names nobody who is on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Json


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that shows what an alert is about.

    Attributes:
        decision: Its id.
        subject: The keyed hash of whom it is about; None where it is about nobody.
    """

    decision: str
    subject: str | None


def named(tx: Transaction, examples: Iterable[Example]) -> list[Json]:
    """Return the examples as an alert's row keeps them, without those of subjects who have withdrawn."""
    found = list(examples)
    gone = tx.withdrawals.among({one.subject for one in found if one.subject is not None})
    return [msgspec.to_builtins(one) for one in found if one.subject not in gone]


def examples_of(alert: Intent) -> list[str]:
    """Return the ids that an alert names."""
    return [one["decision"] for one in alert.spec.get("examples", ())]


def count_examples(tx: Transaction, subjects: Collection[str]) -> int:
    """Return how many examples are about some subjects, in all alerts."""
    return sum(sum(map(_about(subjects), found)) for _, found in _held(tx))


def find_examples(tx: Transaction, subject_hash: str) -> dict[str, list[str]]:
    """Return the ids of a subject's decisions that alerts name, by alert."""
    mine = _about([subject_hash])
    found = {
        alert.name: [one["decision"] for one in held if mine(one)] for alert, held in _held(tx)
    }
    return {name: ids for name, ids in found.items() if ids}


def forget_examples(tx: Transaction, subjects: Collection[str]) -> None:
    """Take some subjects' decisions out of every alert. Idempotent; what else an alert says stays."""
    mine = _about(subjects)
    for alert, found in _held(tx):
        kept = [one for one in found if not mine(one)]
        if kept != found:
            spec = {**alert.spec, "examples": kept}
            tx.intents.put("alert", alert.name, project=alert.project, spec=spec, due=False)


def _held(tx: Transaction) -> Iterator[tuple[Intent, list[Json]]]:
    for alert in tx.intents.list("alert", limit=None):
        if found := alert.spec.get("examples"):
            yield alert, list(found)


def _about(subjects: Collection[str]) -> Callable[[Json], bool]:
    theirs = frozenset(subjects)
    return lambda one: one["subject"] in theirs


__all__ = ["Example", "count_examples", "examples_of", "find_examples", "forget_examples", "named"]

"""Decisions that wait for people to judge them, and what was judged and not sealed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies.contract import FoundCopy

if TYPE_CHECKING:
    from towpath.operate.labelling.contract import LabelDesk
    from towpath.trace.erasure.copies.contract import About


class LabelTasks:
    """See `Copies`."""

    kind = "label_tasks"

    def __init__(self, desk: LabelDesk) -> None:
        self._desk = desk

    def held(self, about: About) -> list[HeldCopy]:
        """Return how many tasks are about the subjects."""
        count = self._desk.holdings(*about.subjects)
        return [HeldCopy(kind=self.kind, name="labelling", count=count)] if count else []

    def find(self, about: About) -> list[FoundCopy]:
        """Return each task: its queue, its decision, and what people said of it, without their names."""
        tasks = self._desk.tasks_of(about.subject)
        if not tasks:
            return []
        note = (
            "decisions that people judge; what they wrote beside is sealed and goes with the task"
        )
        return [FoundCopy(name="labelling", count=len(tasks), rows=tuple(tasks), note=note)]

    def erase(self, about: About) -> None:
        """Take the tasks off every desk, and shred what was written beside them."""
        self._desk.erase_subjects(about.subjects)

    def beyond(self, about: About) -> list[str]:
        """Return nothing: a page reads what it shows when it is opened."""
        del about
        return []

"""The rows of a request that one arm answers: what is known of them, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from towpath.operate.decisions import DecisionBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.models import Rows
    from towpath.gateway.answers.plans import ArmPlan, Given


class Callers(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a request says of its rows; each list has one entry per row, or is None for nothing.

    Attributes:
        ids: The decisions' ids.
        at_us: Their event times.
        keys: What the caller calls what is decided on.
        subjects: Keyed hashes of whom the rows are about.
    """

    ids: list[str]
    at_us: list[int]
    keys: list[str | None] | None = None
    subjects: list[str | None] | None = None

    def of(self, members: Sequence[int]) -> Callers:
        """Return what it says of some of the rows."""
        return Callers(
            ids=[self.ids[at] for at in members],
            at_us=[self.at_us[at] for at in members],
            keys=None if self.keys is None else [self.keys[at] for at in members],
            subjects=None if self.subjects is None else [self.subjects[at] for at in members],
        )


class Share(msgspec.Struct, kw_only=True):
    """The rows of one request that one arm answers; of most requests, all of them.

    Attributes:
        plan: The arm.
        given: The request's rows.
        members: Which of them these are, by position; None: all.
        callers: What the request says of these.
        rows: These, as the arm's model takes them.
        answers: The model's answers; None while it has not answered, and where it failed.
        failure: What the model raised.
    """

    plan: ArmPlan
    given: Given
    members: Sequence[int] | None
    callers: Callers
    rows: Rows
    answers: list[float] | None = None
    failure: Exception | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.callers.ids)

    def inputs(self) -> bytes | list[list[Any]]:
        """Return the rows as a decision's record has them: as the model saw them, text as text."""
        given = self.given.matrix
        if given is None:
            return list(self.plan.columns(self.given, self.members).values())
        if isinstance(self.rows, np.ndarray):
            return self.rows.tobytes()
        return (given if self.members is None else given[self.members]).tobytes()

    def batches(
        self, recorded_us: int, latency_us: int, service_version: str | None
    ) -> list[DecisionBatch]:
        """Return the records of these decisions: one, but for many rows."""
        callers, inputs, most = self.callers, self.inputs(), self.plan.rows_at_most
        count = len(callers.ids)
        whole = DecisionBatch(
            origin=self.plan.encoded,
            recorded_us=recorded_us,
            latency_us=latency_us,
            ids=callers.ids,
            at_us=callers.at_us,
            inputs=inputs,
            outputs=self.answers,
            keys=callers.keys,
            subjects=callers.subjects,
            error=None if self.failure is None else type(self.failure).__name__,
            service_version=service_version,
        )
        if count <= most:
            return [whole]
        return [self._cut(whole, range(at, min(at + most, count))) for at in range(0, count, most)]

    def _cut(self, whole: DecisionBatch, part: range) -> DecisionBatch:
        """Return some of the rows of a record, as a record."""
        callers, begin, end = self.callers.of(part), part.start, part.stop
        if isinstance(whole.inputs, bytes):
            width = 8 * len(self.plan.names)
            inputs: bytes | list[list[Any]] = whole.inputs[begin * width : end * width]
        else:
            inputs = [column[begin:end] for column in whole.inputs]
        return msgspec.structs.replace(
            whole,
            ids=callers.ids,
            at_us=callers.at_us,
            keys=callers.keys,
            subjects=callers.subjects,
            inputs=inputs,
            outputs=None if whole.outputs is None else whole.outputs[begin:end],
        )

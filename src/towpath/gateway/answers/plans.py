"""What a request to a service needs to know, worked out once per route instead of once per request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.core.errors import InvalidRequest
from towpath.gateway.answers.layouts import MatrixLayout
from towpath.gateway.answers.tensors import columns_of
from towpath.gateway.routes.routing import PINNED
from towpath.operate.decisions import DecisionOrigin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from towpath.assets.models import Predictor, Rows
    from towpath.gateway.answers.batching import Batcher
    from towpath.gateway.protocol import InferRequest
    from towpath.gateway.routes.routing import LiveArm, LiveService


class Given(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request's rows as they came: one matrix where all are numbers, else columns by name.

    Attributes:
        count: How many there are.
        rows: The rows as the asked arm reads them, where that is known already.
    """

    count: int
    matrix: npt.NDArray[np.float64] | None = None
    columns: Mapping[str, list[Any]] | None = None
    rows: Rows | None = None


class ArmPlan:
    """An arm, ready to answer.

    Attributes:
        arm: As the route has it.
        names: Its inputs, in the model's order.
        output: Its output.
        origin: What all of its decisions share; `encoded` as their records have it.
        rows_at_most: How many rows one record has.
        said: What each answer says of it.
        batcher: Asks its model.
    """

    __slots__ = ("arm", "batcher", "encoded", "names", "origin", "output", "rows_at_most", "said")

    def __init__(self, service: LiveService, arm: LiveArm, batcher: Batcher) -> None:
        signature = arm.predictor.signature
        is_compared = arm.arm != PINNED
        kinds = [spec.datatype for spec in signature.inputs]
        self.arm = arm
        self.batcher = batcher
        self.names = tuple(spec.name for spec in signature.inputs)
        self.output = signature.outputs[0].name
        self.said = {"model": arm.model, "release": arm.release, "arm": arm.arm}
        self.origin = DecisionOrigin(
            service=service.name,
            release=arm.release,
            model=arm.model,
            arm=arm.arm,
            rollout=service.rollout if is_compared else None,
            stage=service.stage if is_compared else None,
            inputs=self.names,
            output=self.output,
            wholes=tuple(at for at, kind in enumerate(kinds) if "INT" in kind),
            truths=tuple(at for at, kind in enumerate(kinds) if kind == "BOOL"),
        )
        self.encoded = self.origin.encoded()
        self.rows_at_most = self.origin.rows_at_most

    def read(self, given: Given, members: Sequence[int] | None) -> Rows:
        """Check some of the rows, or all, and lay them out for the model.

        Raises:
            InvalidRequest: The model does not take them; it names a column that is absent.
        """
        predictor = self.arm.predictor
        if given.matrix is not None:
            return predictor.read_matrix(given.matrix if members is None else given.matrix[members])
        return predictor.read(self.columns(given, members))

    def columns(self, given: Given, members: Sequence[int] | None) -> dict[str, list[Any]]:
        """Return those of the given columns that the model has, of some of the rows or of all."""
        columns = given.columns or {}
        taken = {name: columns[name] for name in self.names if name in columns}
        if members is None:
            return taken
        return {name: [values[at] for at in members] for name, values in taken.items()}


class ServicePlan:
    """A service's arms, ready to answer, and how its requests are read.

    Attributes:
        arms: Champion first.
        is_split: Whether a caller may be answered by another arm than the champion.
    """

    def __init__(self, service: LiveService, batcher: Callable[[Predictor], Batcher]) -> None:
        self.service = service
        self.arms = tuple(ArmPlan(service, arm, batcher(arm.predictor)) for arm in service.arms)
        self.is_split = any(arm.weight > 0 for arm in service.arms[1:])
        self._by_arm = {id(plan.arm): plan for plan in self.arms}
        self._pinned: dict[str, ArmPlan] = {}
        self._batcher = batcher
        inputs = service.arms[0].predictor.signature.inputs
        alike = all(arm.predictor.signature.inputs == inputs for arm in service.arms)
        self._layout = MatrixLayout.of(inputs) if alike else None

    @property
    def takes_numbers(self) -> bool:
        """Whether all that it takes is numbers or truth values, and the same for every arm."""
        return self._layout is not None

    @property
    def takes_truths(self) -> bool:
        """Whether there are truth values among them."""
        return self._layout is not None and self._layout.has_truths

    def pinned(self, version: str) -> ArmPlan:
        """Return the arm that serves a version, for a caller who insists on it.

        Raises:
            NotFound: No arm does.
        """
        plan = self._pinned.get(version)
        if plan is None:
            arm = replace(self.service.arm_of_version(version), arm=PINNED)
            plan = ArmPlan(self.service, arm, self._batcher(arm.predictor))
            self._pinned[version] = plan
        return plan

    def arm_for(self, unit: str) -> ArmPlan:
        """Return the arm of a caller; see `LiveService.arm_for`."""
        return self._by_arm[id(self.service.arm_for(unit))]

    def given(self, request: InferRequest, asked: ArmPlan) -> Given:
        """Return a request's rows.

        Raises:
            InvalidRequest: They are no rows, or have a column that no arm takes.
        """
        if self._layout is not None:
            matrix = self._layout.matrix(request.inputs)
            if matrix is not None:
                try:
                    rows = asked.arm.predictor.read_matrix(matrix)
                except InvalidRequest:
                    pass  # the way below says it in the words of what was sent
                else:
                    return Given(count=len(matrix), matrix=matrix, rows=rows)
        count, columns = columns_of(request.inputs, asked.arm.predictor.signature.inputs)
        unknown = [name for name in columns if name not in self.service.columns]
        if unknown:
            raise InvalidRequest(
                f"the service {self.service.name!r} has no input {unknown[0]!r}",
                remedy=f"It takes: {', '.join(sorted(self.service.columns))}.",
                columns=unknown,
            )
        return Given(count=count, columns=columns)

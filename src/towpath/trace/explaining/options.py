"""What one input could be instead: the values on the declared grid that can make a difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.models import Inputs
    from towpath.assets.models.explaining import TreeStructure
    from towpath.operate.releases import Actionable


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The values that one input may take, cheapest first; the first is the one that it has, for nothing."""

    column: str
    values: tuple[Any, ...]
    costs: tuple[float, ...]


def options_for(
    action: Actionable, value: Any, inputs: Inputs, structure: TreeStructure | None
) -> Options:
    """Return what an input could be instead.

    Where trees are known, of all values between the same two cuts only the cheapest stays: the others
    get the same answer for more. What is missing stays missing: nobody can act on what isn't known.
    """
    if value is None or isinstance(value, bool):
        return Options(column=action.column, values=(value,), costs=(0.0,))
    if isinstance(value, str):
        others = tuple(one for one in action.choices if one != value)
        costs = (0.0, *(action.cost for _ in others))
        return Options(column=action.column, values=(value, *others), costs=costs)
    steps = _steps(action)
    values = float(value) + steps * action.step
    if action.least is not None:
        values, steps = values[kept := values >= action.least], steps[kept]
    if action.most is not None:
        values, steps = values[kept := values <= action.most], steps[kept]
    values = np.concatenate(
        [[float(value)], np.round(values, _decimals(action.step, float(value)))]
    )
    steps = np.concatenate([[0.0], steps])
    place = inputs.names.index(action.column)
    is_whole = "INT" in inputs.columns[place].datatype
    if is_whole:
        whole = values == np.round(values)
        values, steps = values[whole], steps[whole]
    cells = None if structure is None else structure.cells(place, values)
    if cells is not None:
        _, first = np.unique(cells, return_index=True)
        first = np.sort(first)
        values, steps = values[first], steps[first]
    kind = int if is_whole else float
    return Options(
        column=action.column,
        values=(value, *(kind(one) for one in values[1:].tolist())),
        costs=tuple((np.abs(steps) * action.cost).tolist()),
    )


def _steps(action: Actionable) -> Any:
    """Return signed numbers of steps, nearest first, none of them 0."""
    away = np.arange(1.0, action.steps_most + 1)
    if action.direction == "up":
        return away
    return -away if action.direction == "down" else np.column_stack([away, -away]).reshape(-1)


def _decimals(step: float, value: float) -> int:
    """Return after how many decimals a sum of steps is rounded, so that 0.1 + 0.2 is 0.3."""
    return max(_places(step), _places(value))


def _places(number: float) -> int:
    text = f"{number:.12f}".rstrip("0")
    return len(text.partition(".")[2])


def all_options(
    actions: Sequence[Actionable],
    row: dict[str, Any],
    inputs: Inputs,
    structure: TreeStructure | None,
) -> list[Options]:
    """Return the options of every actionable input that the model has, and that can be another value."""
    found = [
        options_for(action, row[action.column], inputs, structure)
        for action in actions
        if action.column in row
    ]
    return [one for one in found if len(one.values) > 1]

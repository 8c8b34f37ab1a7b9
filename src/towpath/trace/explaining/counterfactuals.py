"""The cheapest changes that flip a decision, found by asking about changes in order of their cost.

Changed rows are taken from the grid that the service declares, in exact order of their total cost (the
sums of sorted lists, by a heap: the k smallest sums as in Lawler, "A procedure for computing the k best
solutions", 1972), and the model itself is asked about each. So the first that flips is the cheapest there is,
and nothing has to be believed of the model. For trees the grid shrinks to one value between two cuts, which
usually makes the whole of it askable. Once some set of inputs flips the decision, no set that contains it is
looked at any more: the next is another way, not the same with more changed.

The search ends when enough ways are found, when there is nothing left, or after so many rows; in the last
case what was found stays cheapest, and more may exist.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, Final

from towpath.trace.explaining.contract import Change, Counterfactual, Counterfactuals
from towpath.trace.explaining.options import all_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from towpath.assets.models import Inputs, Predictor
    from towpath.assets.models.explaining import TreeStructure
    from towpath.operate.releases import Recourse
    from towpath.trace.explaining.options import Options

ASKED_MOST: Final = 1 << 16
FOUND_MOST: Final = 3
_AT_ONCE: Final = 512


def find_counterfactuals(
    recourse: Recourse,
    row: Mapping[str, Any],
    answer: float,
    *,
    predictor: Predictor,
    inputs: Inputs,
    structure: TreeStructure | None,
    descriptions: Mapping[str, str],
) -> Counterfactuals:
    """Return up to three ways to flip a decision, cheapest first."""
    every = all_options(recourse.actionable, dict(row), inputs, structure)
    if not every:
        missing = "the service declares no input that the person could change to another value"
        return Counterfactuals(found=(), exact=True, asked=0, missing=missing)
    before = recourse.is_favourable(answer)
    search = _Search(every)
    found: list[Counterfactual] = []
    asked, exact = 0, True
    while len(found) < FOUND_MOST:
        batch = search.take(min(_AT_ONCE, ASKED_MOST - asked))
        if not batch:
            exact = asked < ASKED_MOST
            break
        asked += len(batch)
        answers = predictor.predict(_columns(row, every, batch))[predictor.signature.output]
        for picks, changed in zip(batch, answers.tolist(), strict=True):
            if recourse.is_favourable(changed) == before or search.is_barred(picks):
                continue
            alone = _ask_alone(predictor, row, every, picks)
            if recourse.is_favourable(alone) == before:
                continue  # on the threshold, where the size of a batch decides; asked as it will be
            found.append(_told(row, every, picks, alone, descriptions))
            search.bar(picks)
            if len(found) == FOUND_MOST:
                break
    missing = "" if found else _why_none(exact=exact)
    return Counterfactuals(found=tuple(found), exact=exact, asked=asked, missing=missing)


class _Search:
    """Yields choices of options, one position per input, in order of their total cost."""

    def __init__(self, every: Sequence[Options]) -> None:
        self._costs = [one.costs for one in every]
        self._barred: list[frozenset[int]] = []
        self._heap: list[tuple[float, tuple[int, ...], int]] = []
        nothing = (0,) * len(every)
        for child in self._children(0.0, nothing, 0):
            heapq.heappush(self._heap, child)

    def take(self, most: int) -> list[tuple[int, ...]]:
        """Return the next choices, cheapest first; fewer than `most` where there are no more."""
        taken: list[tuple[int, ...]] = []
        while self._heap and len(taken) < most:
            cost, picks, last = heapq.heappop(self._heap)
            if self.is_barred(picks):
                continue  # and so is everything that comes of it
            taken.append(picks)
            for child in self._children(cost, picks, last):
                heapq.heappush(self._heap, child)
        return taken

    def bar(self, picks: tuple[int, ...]) -> None:
        """Look at no more choices that change all of these inputs."""
        self._barred.append(frozenset(at for at, one in enumerate(picks) if one))

    def is_barred(self, picks: tuple[int, ...]) -> bool:
        """Tell whether a choice changes what another way already does."""
        changed = {at for at, one in enumerate(picks) if one}
        return any(known <= changed for known in self._barred)

    def _children(
        self, cost: float, picks: tuple[int, ...], last: int
    ) -> Iterator[tuple[float, tuple[int, ...], int]]:
        """Yield what comes next: the last changed input one further, or a later one begun.

        Each choice has one parent, which costs no more than it does, since options are sorted by cost.
        """
        for at in range(last, len(picks)):
            place = picks[at] + 1
            if place >= len(self._costs[at]):
                continue
            more = self._costs[at][place] - self._costs[at][picks[at]]
            yield cost + more, (*picks[:at], place, *picks[at + 1 :]), at


def _columns(
    row: Mapping[str, Any], every: Sequence[Options], batch: Sequence[tuple[int, ...]]
) -> dict[str, list[Any]]:
    columns = {name: [value] * len(batch) for name, value in row.items()}
    for at, options in enumerate(every):
        columns[options.column] = [options.values[picks[at]] for picks in batch]
    return columns


def _ask_alone(
    predictor: Predictor, row: Mapping[str, Any], every: Sequence[Options], picks: tuple[int, ...]
) -> float:
    return float(predictor.predict(_columns(row, every, [picks]))[predictor.signature.output][0])


def _told(
    row: Mapping[str, Any],
    every: Sequence[Options],
    picks: tuple[int, ...],
    answer: float,
    descriptions: Mapping[str, str],
) -> Counterfactual:
    changes = tuple(
        Change(
            column=options.column,
            before=row[options.column],
            after=options.values[place],
            cost=options.costs[place],
            description=descriptions.get(options.column, ""),
        )
        for options, place in zip(every, picks, strict=True)
        if place
    )
    return Counterfactual(changes=changes, answer=answer, cost=sum(one.cost for one in changes))


def _why_none(*, exact: bool) -> str:
    if exact:
        return (
            "nothing that the person could change, within the declared bounds, flips the decision"
        )
    return (
        f"the {ASKED_MOST:,} cheapest changes don't flip the decision; dearer ones were not tried"
    )

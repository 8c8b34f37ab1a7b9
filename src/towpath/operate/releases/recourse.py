"""What a person could change about a decision, and what they are told: declared with the service."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Direction = Literal["up", "down", "both"]
_DIRECTIONS = ("up", "down", "both")


@dataclass(frozen=True, slots=True)
class Actionable:
    """An input that the person concerned can change. What is not declared is taken as immutable.

    Attributes:
        column: The model's input.
        direction: Which way it can go.
        step: The smallest change that means anything to a person: 500 of a currency, one month.
        least: It can't go below; `most`: nor above. None: the value that it has, plus what `steps_most`
            allows.
        cost: What one step costs the person, beside one step of the other inputs.
        choices: For text: what it could be instead, at `cost` each. Then step and bounds mean nothing.
        steps_most: How many steps are ever asked of anybody.
        words: What to call it in a letter, such as `the amount of the loan`.
    """

    column: str
    direction: Direction = field(default="both", kw_only=True)
    step: float = field(default=1.0, kw_only=True)
    least: float | None = field(default=None, kw_only=True)
    most: float | None = field(default=None, kw_only=True)
    cost: float = field(default=1.0, kw_only=True)
    choices: Sequence[str] = field(default=(), kw_only=True)
    steps_most: int = field(default=1000, kw_only=True)
    words: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what nobody can do."""
        if self.direction not in _DIRECTIONS:
            self._refuse(f"the direction {self.direction!r}", f"Use {', '.join(_DIRECTIONS)}.")
        if not (math.isfinite(self.step) and self.step > 0):
            self._refuse(f"a step of {self.step:g}", "Give a number above 0.")
        if not (math.isfinite(self.cost) and self.cost > 0):
            self._refuse(f"a cost of {self.cost:g}", "Give a number above 0: nothing is free.")
        if self.least is not None and self.most is not None and self.least > self.most:
            self._refuse(f"the bounds {self.least:g} and {self.most:g}", "least comes first.")
        if not 1 <= self.steps_most <= 10_000:
            self._refuse(f"{self.steps_most} steps at most", "Give 1 to 10,000.")

    def _refuse(self, what: str, remedy: str) -> None:
        raise InvalidProject(f"actionable input {self.column!r} has {what}", remedy=remedy)

    def to_spec(self) -> dict[str, Any]:
        """Return it as JSON values."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**plain, "choices": list(self.choices)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recourse:
    """How a service's answers become decisions about people, and what those can do about them.

    Attributes:
        threshold: An answer at or above it is one decision, below it the other.
        favourable: On which side the person wants to be.
        granted: The decision on that side in words, `your loan is granted`; `refused`: the other one.
        actionable: What the person can change. Everything else never changes in a counterfactual.
        decided_by: Who decides, in a sentence: `This decision was made by a computer program.`
        contact: Whom to ask for a person to look at it, in a sentence.
        words: What to call inputs in a letter, by column: `your debts beside your income`. Actionable
            inputs have theirs; those with neither are called as the data set describes them.
        unsaid: Inputs that a letter does not name among its reasons, such as what a law forbids to use.
            They stay in the attributions.
    """

    threshold: float = 0.5
    favourable: Literal["above", "below"] = "above"
    granted: str = "the decision is in your favour"
    refused: str = "the decision is not in your favour"
    actionable: Sequence[Actionable] = ()
    decided_by: str = "This decision was made by a computer program."
    contact: str = ""
    words: Mapping[str, str] = field(default_factory=dict[str, str])
    unsaid: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse what decides nothing."""
        if self.favourable not in ("above", "below"):
            raise InvalidProject(
                f"a decision can't be favourable {self.favourable!r} a threshold",
                remedy="Use 'above' or 'below'.",
            )
        if not math.isfinite(self.threshold):
            raise InvalidProject("the threshold of a decision is not a finite number")
        twice = [
            name for name, n in Counter(one.column for one in self.actionable).items() if n > 1
        ]
        if twice:
            raise InvalidProject(f"the actionable input {twice[0]!r} is declared twice")

    def is_favourable(self, answer: float) -> bool:
        """Tell whether an answer is on the side that people want."""
        return (answer >= self.threshold) == (self.favourable == "above")

    def words_for(self, column: str) -> str:
        """Return what a letter calls an input; empty where nothing is said."""
        own = next((one.words for one in self.actionable if one.column == column), "")
        return own or self.words.get(column, "")

    def to_spec(self) -> dict[str, Any]:
        """Return it as JSON values."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            **plain,
            "actionable": [one.to_spec() for one in self.actionable],
            "words": dict(self.words),
            "unsaid": list(self.unsaid),
        }

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Recourse:
        """Read what `to_spec` wrote."""
        actionable = [Actionable(**one) for one in spec["actionable"]]
        said: dict[str, Any] = {**spec, "actionable": actionable}
        return cls(**said)

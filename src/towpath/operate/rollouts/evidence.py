"""What a rollout has seen so far: sums, whatever the traffic. Pure: no clock, no log, no ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import msgspec

from towpath.operate.rollouts.confidence import Interval, Moments, Pairs, difference
from towpath.operate.rollouts.failures import Failures
from towpath.operate.rollouts.latencies import Latencies, quantile_difference
from towpath.operate.rollouts.measures import Agreement, Errors, Latency, Signal, margin_of
from towpath.operate.rollouts.proportions import proportion_bounds
from towpath.operate.rollouts.ratio import sample_ratio_e_value

if TYPE_CHECKING:
    from towpath.operate.rollouts.declaration import Compare, Rollout
    from towpath.operate.rollouts.measures import Measure

Role = Literal["required", "guard"]


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen at one share of the traffic; champion first in each pair.

    Attributes:
        weight: The challenger's share.
        champion: Losses of the champion's own labelled answers.
        challenger: Losses of the challenger's own labelled answers.
        failed: Of the answers: whether they failed.
        latencies: How long the answers took that did not fail.
        signals: Per name: what customers did.
        answers: Answers seen, labelled or not.
        callers: Different callers of champion and challenger when they were last counted.
        counted_at: How many answers there were when callers were last counted.
    """

    weight: float
    champion: Moments = Moments()
    challenger: Moments = Moments()
    failed: tuple[Moments, Moments] = (Moments(), Moments())
    latencies: tuple[Latencies, Latencies] = (Latencies(), Latencies())
    signals: dict[str, tuple[Moments, Moments]] = {}
    answers: int = 0
    callers: tuple[int, int] = (0, 0)
    counted_at: int = 0

    @property
    def is_split(self) -> bool:
        """Whether a random part of the traffic is answered by each arm."""
        return 0 < self.weight < 1

    @property
    def ratio_e_value(self) -> float:
        """Evidence against the callers having been split by the stage's share."""
        return sample_ratio_e_value(*self.callers, self.weight) if self.is_split else 1.0

    @property
    def recount_due(self) -> bool:
        """Whether callers should be counted again: at 200 answers, then each time they grow by half.

        The check may be looked at whenever; counting anew reads the whole stage, and this keeps the
        reading in proportion to the traffic.
        """
        grown = self.answers >= max(200, self.counted_at * 3 // 2)
        return self.is_split and grown and self.answers > self.counted_at


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one harm.

    Attributes:
        name: What it is the harm in: the metric, or a measure's name.
        unit: Of harm and margin; empty for shares and for losses.
        margin: The harm that is put up with, at the last stage.
        limit: Proof of more than that sends the rollout back: zero for what is required, the margin
            for a guard rail, and for how often two models differ, which is no harm by itself.
        harm: Its bounds; None while there is too little to say.
        rows: How many rows of champion and challenger it rests on.
        here: How many of them at the present stage.
        least: How many rows of each, in all and here, a decision needs; exact bounds need none.
        facts: What was counted, in words, where that says more than the bounds.
    """

    name: str
    role: Role
    unit: str
    margin: float
    limit: float = 0.0
    harm: Interval | None
    rows: tuple[int, int]
    here: tuple[int, int]
    least: int = 0
    facts: str = ""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a rollout remembers between two looks: sums, whatever the traffic.

    Attributes:
        failures: Of the two arms of a split; unused where there is none.
        pairs: Losses of both models on the same rows.
        alike: Requests that shadow and champion both answered, and how many of those alike.
    """

    stages: tuple[Stage, ...]
    failures: Failures
    pairs: Pairs = Pairs()
    alike: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def start(cls, plan: Rollout) -> Self:
        """Return the evidence before the first answer."""
        margins = [
            margin_of(one) * plan.widened(stage)
            for one in (*plan.required, *plan.guarding)
            if isinstance(one, Errors)
            for stage in range(len(plan.trial_stages))
        ]
        return cls(
            stages=tuple(Stage(weight=share) for share in plan.trial_stages),
            failures=Failures.start(margins),
        )

    def at(self, number: int, stage: Stage) -> Evidence:
        """Return the evidence with one stage replaced."""
        stages = (*self.stages[:number], stage, *self.stages[number + 1 :])
        return msgspec.structs.replace(self, stages=stages)

    @property
    def labelled(self) -> tuple[int, int]:
        """Labelled answers of champion and challenger."""
        return (
            sum(stage.champion.rows for stage in self.stages),
            sum(stage.challenger.rows for stage in self.stages),
        )

    @property
    def answered(self) -> tuple[int, int]:
        """Answers of champion and challenger, failed ones among them."""
        return (
            sum(stage.failed[0].rows for stage in self.stages),
            sum(stage.failed[1].rows for stage in self.stages),
        )

    def readings(self, plan: Rollout, *, stage: int, compare: Compare) -> list[Reading]:
        """Return what is known of each harm, the required ones first.

        `plan.alpha` bounds each of the two mistakes. Any of the lower ends may send a rollout back for
        nothing, so they share it. To promote a challenger whose harm is beyond one margin, that one
        upper end must be wrong, whatever the others are (Berger's intersection–union test, 1982): each
        has all of it.
        """
        measures: list[tuple[Measure, Role]] = []
        measures.extend((one, "required") for one in plan.required)
        measures.extend((one, "guard") for one in plan.guarding)
        shares = len(measures) + (plan.metric is not None)
        lower = plan.alpha / shares
        found: list[Reading] = []
        if plan.metric is not None:
            found.append(self._quality(plan, plan.metric, stage, compare, lower))
        for one, role in measures:
            harm, rows, here, unit, least = self._measured(one, plan, stage, lower)
            found.append(
                Reading(
                    name=one.name,
                    role=role,
                    unit=unit,
                    margin=margin_of(one),
                    limit=margin_of(one) if role == "guard" or _is_neutral(one) else 0.0,
                    harm=harm,
                    rows=rows,
                    here=here,
                    least=least,
                    facts=self._failed() if isinstance(one, Errors) else "",
                )
            )
        return found

    def _failed(self) -> str:
        champion, challenger = zip(*(one.failed for one in self.stages), strict=True)
        one, two = (
            f"{sum(round(part.mean * part.weight) for part in arm)} of "
            f"{sum(round(part.weight) for part in arm)}"
            for arm in (champion, challenger)
        )
        return f"the challenger failed {two} requests, the champion {one}"

    def _quality(
        self, plan: Rollout, metric: str, stage: int, compare: Compare, lower: float
    ) -> Reading:
        if compare == "paired":
            harm, pairs = self.pairs.interval(lower, plan.alpha), self.pairs.rows
            rows, here = (pairs, pairs), self.stages[stage]
            # A shadow's pairs are answered by both, so no arm of its one stage has labels of its own.
            seen = pairs if len(self.stages) == 1 else here.champion.rows + here.challenger.rows
            at = (seen, seen)
        else:
            champion = [one.champion for one in self.stages]
            challenger = [one.challenger for one in self.stages]
            harm = difference(champion, challenger, lower, plan.alpha)
            rows = self.labelled
            at = (champion[stage].rows, challenger[stage].rows)
        return Reading(
            name=metric,
            role="required",
            unit="",
            margin=plan.margin,
            harm=harm,
            rows=rows,
            here=at,
            least=plan.min_rows,
        )

    def _measured(
        self, measure: Measure, plan: Rollout, stage: int, lower: float
    ) -> tuple[Interval | None, tuple[int, int], tuple[int, int], str, int]:
        """Return harm, rows, rows at this stage, unit and least rows of a measure."""
        upper, here = plan.alpha, self.stages[stage]
        answered = (here.failed[0].rows, here.failed[1].rows)
        match measure:
            case Errors():
                harm, least = self._errors(plan, lower)
                return harm, self.answered, answered, "", least
            case Latency():
                rows = (here.latencies[0].rows, here.latencies[1].rows)
                harm = self._latency(measure.quantile, stage, lower, upper)
                return harm, rows, rows, "ms", 0
            case Signal():
                strata = [one.signals.get(measure.signal, _NOTHING) for one in self.stages]
                arms = [one for one, _ in strata], [two for _, two in strata]
                harm = difference(*arms, lower, upper)
                counted = sum(one.rows for one in arms[0]), sum(two.rows for two in arms[1])
                at = strata[stage][0].rows, strata[stage][1].rows
                return harm, counted, at, "", plan.min_rows
            case Agreement():
                both, alike = self.alike
                least, most = proportion_bounds(both - alike, both, lower, upper)
                estimate = (both - alike) / both if both else 0.0
                bounds = Interval(estimate=estimate, lower=least, upper=most) if both else None
                return bounds, (int(both), int(both)), (int(both), int(both)), "", 0

    def _errors(self, plan: Rollout, lower: float) -> tuple[Interval | None, int]:
        """Bound the difference in failures, and say how many rows that asks for.

        A random split is compared bet by bet. A copy, or what was answered before the switch, is not
        independent of the challenger's answers, so each side is bounded by itself and the probability
        of being wrong is halved. Where the log kept rows with unequal probabilities, counts no longer
        are the traffic's, and weighted means are compared.
        """
        upper = plan.alpha
        even = all(arm.is_even for one in self.stages for arm in one.failed if arm.rows)
        if not even:
            champion, challenger = zip(*(one.failed for one in self.stages), strict=True)
            return difference(champion, challenger, lower, upper), plan.min_rows
        if self.stages[0].is_split:
            return self.failures.interval(lower, upper), 0
        one, two = self.stages[0].failed
        if not one.rows or not two.rows:
            return None, 0
        first = proportion_bounds(one.mean * one.rows, one.rows, upper / 2, lower / 2)
        second = proportion_bounds(two.mean * two.rows, two.rows, lower / 2, upper / 2)
        harm = Interval(
            estimate=two.mean - one.mean, lower=second[0] - first[1], upper=second[1] - first[0]
        )
        return harm, 0

    def _latency(self, quantile: float, stage: int, lower: float, upper: float) -> Interval | None:
        """Bound the difference of a quantile at the present stage, and remember harm at earlier ones.

        Quantiles of stages can't be averaged into that of their mixture, so each stage has its own
        sequence, and the stages share the probability of being wrong about harm.
        """
        among = len(self.stages)
        found = [
            quantile_difference(*one.latencies, quantile, lower / among, upper)
            for one in self.stages[: stage + 1]
        ]
        here = found[-1]
        if here is None:
            return None
        ends = [one.lower for one in found if one is not None and one.lower is not None]
        return msgspec.structs.replace(here, lower=max(ends, default=None))


def _is_neutral(measure: Measure) -> bool:
    return isinstance(measure, Agreement)


_NOTHING = (Moments(), Moments())

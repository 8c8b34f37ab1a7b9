"""Judges rows by rules, piece by piece: which stay, which are set aside, and what to report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import polars as pl

from towpath.assets.checks.contract import RowRule, TableRule
from towpath.assets.checks.report import CheckReport, RuleResult, Sample
from towpath.assets.checks.rules.aside import Quarantined
from towpath.assets.checks.rules.values import spell_share
from towpath.core.errors import TowpathError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from towpath.assets.checks.contract import Broken, Rule, Surroundings
    from towpath.assets.checks.report import Outcome

REASON = "quarantine_reason"
_SAMPLED_MOST = 5
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A piece of rows, parted.

    Attributes:
        kept: Those that stay, in the order given.
        aside: Those that a rule sets aside, with the rules' titles in `quarantine_reason`.
        places: Where those set aside were among the rows given, ascending.
    """

    kept: pl.DataFrame
    aside: pl.DataFrame
    places: pl.Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How a row may be named in a report.

    Attributes:
        key: The columns of its key; empty where one of them is personal.
        subject: The column of the person it is about, if any.
        hashed: Turns that person into a pseudonym.
    """

    key: tuple[str, ...] = ()
    subject: str | None = None
    hashed: Callable[[str], str] | None = None


class _Part(msgspec.Struct, kw_only=True):
    """What has been seen of one part of a row rule."""

    rule: int
    columns: tuple[str, ...]
    words: str
    broken: int = 0
    aside: int = 0
    sample: list[Sample] = []


class Seen(msgspec.Struct, kw_only=True):
    """What a judge has seen so far; plain enough to be kept between two lives of a process."""

    rows: int = 0
    aside: int = 0
    parts: list[_Part] = []
    tallies: dict[int, dict[str, float]] = {}


class Judge:
    """Judges pieces of one commit, load or version, and reports on all of them.

    Not thread-safe. A piece costs one pass per rule, and what rules read beyond the rows.

    Args:
        rules: The rules, in declared order.
        around: What lies beyond the rows.
        naming: How to name rows in samples.
        sample_aside: Whether rows that are set aside are sampled too; where they are kept in a
            quarantine, they are better looked up there.
        seen: What an earlier life of this judge has seen.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        around: Surroundings,
        *,
        naming: Naming,
        sample_aside: bool = False,
        seen: Mapping[str, Any] | None = None,
    ) -> None:
        self._rules = rules
        self._around = around
        self._naming = naming
        self._sample_aside = sample_aside
        self._seen = Seen() if seen is None else msgspec.convert(seen, Seen, strict=False)

    @property
    def seen(self) -> dict[str, Any]:
        """What has been seen so far, as JSON: `Judge(seen=…)` goes on from it."""
        plain: dict[str, Any] = msgspec.to_builtins(self._seen, str_keys=True)
        return plain

    def judge(self, rows: pl.DataFrame, *, numbers: pl.Series | None = None) -> Judged:
        """Judge a piece and part it.

        Args:
            rows: The rows, in the declared columns and types.
            numbers: What the caller calls each row; by default they are counted on from the pieces
                before.

        Raises:
            UsageError: A rule fails to judge at all.
        """
        numbers = self._numbers(rows) if numbers is None else numbers
        reasons: list[tuple[str, pl.Series]] = []
        for place, rule in enumerate(self._rules):
            if isinstance(rule, RowRule):
                for part in _ask(rule, lambda rule=rule: rule.broken(rows, self._around)):
                    if self._note(place, rule, part, rows, numbers):
                        reasons.append((rule.title, part.rows))
        judged = _parted(rows, reasons)
        self._seen.rows += rows.height
        self._seen.aside += judged.aside.height
        for place, rule in enumerate(self._rules):
            if isinstance(rule, TableRule):
                found = _ask(rule, lambda rule=rule: rule.tally(judged.kept, self._around))
                before = self._seen.tallies.get(place)
                self._seen.tallies[place] = found if before is None else rule.add(before, found)
        return judged

    def report(self, *, final: bool = True) -> CheckReport:
        """Report on every piece so far.

        Args:
            final: Whether there are no more pieces to come; else only what is certain by now: a rule
                about rows as a whole, or one with a tolerance, may still be kept in the end.
        """
        results: list[RuleResult] = []
        for place, rule in enumerate(self._rules):
            if isinstance(rule, RowRule):
                results += self._row_results(place, rule, final=final)
            elif final:
                results.append(self._whole_result(place, rule))
        return CheckReport(
            rows=self._seen.rows, quarantined=self._seen.aside, results=tuple(results)
        )

    def _numbers(self, rows: pl.DataFrame) -> pl.Series:
        begin = self._seen.rows
        return pl.int_range(begin, begin + rows.height, eager=True)

    def _note(
        self, place: int, rule: RowRule, part: Broken, rows: pl.DataFrame, numbers: pl.Series
    ) -> bool:
        """Count a part's broken rows, and tell whether they are set aside."""
        count = int(part.rows.sum())
        aside = rule.policy == "quarantine" and count > rule.tolerance * rows.height
        known = self._part(place, part)
        known.broken += count
        known.aside += count if aside else 0
        if count and (not aside or self._sample_aside):
            wanted = _SAMPLED_MOST - len(known.sample)
            known.sample = [*known.sample, *self._sample(part.rows, rows, numbers, wanted)]
        return aside

    def _part(self, place: int, part: Broken) -> _Part:
        for one in self._seen.parts:
            if (one.rule, one.columns, one.words) == (place, part.columns, part.words):
                return one
        known = _Part(rule=place, columns=part.columns, words=part.words)
        self._seen.parts = [*self._seen.parts, known]
        return known

    def _sample(
        self, broken: pl.Series, rows: pl.DataFrame, numbers: pl.Series, most: int
    ) -> list[Sample]:
        places = broken.arg_true().head(most)
        naming = self._naming
        keys = rows.select(naming.key)[places].to_dicts() if naming.key else [{}] * places.len()
        subjects: list[str | None] = [None] * places.len()
        if naming.subject is not None and naming.hashed is not None:
            found = rows.get_column(naming.subject).gather(places).to_list()
            subjects = [None if one is None else naming.hashed(one) for one in found]
        return [
            Sample(row=row, key=msgspec.to_builtins(key), subject=subject)
            for row, key, subject in zip(
                numbers.gather(places).to_list(), keys, subjects, strict=True
            )
        ]

    def _row_results(self, place: int, rule: RowRule, *, final: bool) -> list[RuleResult]:
        parts = [part for part in self._seen.parts if part.rule == place]
        broken = [part for part in parts if part.broken]
        if not broken:
            columns = tuple(dict.fromkeys(name for part in parts for name in part.columns))
            return [self._result(rule, columns=columns, broken=0, outcome="kept")]
        return [
            self._result(
                rule,
                columns=part.columns,
                broken=part.broken,
                outcome=self._outcome(rule, part, final=final),
                words=part.words,
                sample=tuple(part.sample),
            )
            for part in broken
        ]

    def _outcome(self, rule: RowRule, part: _Part, *, final: bool) -> Outcome:
        if rule.policy == "quarantine":
            return "quarantined" if part.aside else "tolerated"
        fails = part.broken > rule.tolerance * self._seen.rows
        if not fails or (rule.tolerance and not final):
            return "tolerated"
        return "refused" if rule.policy == "refuse" else "warned"

    def _whole_result(self, place: int, rule: Rule) -> RuleResult:
        if isinstance(rule, TableRule):
            tally = self._seen.tallies.get(place)
            # Nothing was judged at all: the rule sees a table without rows.
            measured = rule.measure(self._nothing(rule) if tally is None else tally, self._around)
            kept, words, value = measured.kept, measured.words, measured.value
        else:
            assert isinstance(rule, Quarantined)
            value = self._seen.aside / self._seen.rows if self._seen.rows else 0.0
            kept = value <= rule.at_most
            most = spell_share(rule.at_most)
            words = f"has {spell_share(value)} of its rows quarantined, not at most {most}"
        outcome: Outcome = "kept" if kept else ("refused" if rule.policy == "refuse" else "warned")
        return self._result(
            rule,
            columns=(),
            broken=0 if kept else self._seen.rows,
            outcome=outcome,
            words="" if kept else words,
            value=value,
        )

    def _nothing(self, rule: TableRule) -> dict[str, float]:
        columns = self._around.columns
        return rule.tally(pl.DataFrame(schema=dict(columns)), self._around)

    def _result(self, rule: Rule, **found: Any) -> RuleResult:
        return RuleResult(
            rule=rule.kind,
            name=rule.title,
            policy=rule.policy,
            tolerance=rule.tolerance,
            checked=self._seen.rows,
            **found,
        )


def _parted(rows: pl.DataFrame, reasons: list[tuple[str, pl.Series]]) -> Judged:
    if not reasons:
        none = rows.clear().with_columns(pl.lit("").alias(REASON))
        return Judged(kept=rows, aside=none, places=pl.Series([], dtype=pl.UInt32))
    told = pl.DataFrame(
        [
            pl.select(
                pl.when(broken).then(pl.lit(title)).otherwise(None).alias(str(place))
            ).to_series()
            for place, (title, broken) in enumerate(_joined(reasons).items())
        ]
    )
    reason = told.select(pl.concat_str(pl.all(), separator="; ", ignore_nulls=True)).to_series()
    aside = reason != ""
    return Judged(
        kept=rows.filter(~aside),
        aside=rows.with_columns(reason.alias(REASON)).filter(aside),
        places=aside.arg_true(),
    )


def _joined(reasons: list[tuple[str, pl.Series]]) -> dict[str, pl.Series]:
    """Return one mask per rule, whichever of its parts are broken."""
    found: dict[str, pl.Series] = {}
    for title, broken in reasons:
        found[title] = found[title] | broken if title in found else broken
    return found


def _ask(rule: Rule, judged: Callable[[], _T]) -> _T:
    """Let a rule judge; an error of its own names the rule, and no value."""
    try:
        return judged()
    except TowpathError:
        raise
    except Exception as error:
        raise UsageError(
            f"the rule {rule.title!r} can't judge the rows: it raised {type(error).__name__}",
            remedy="Nothing was stored. Call it on a few rows to see why.",
            rule=rule.title,
        ) from error


def keys_shown(key: Sequence[str], personal: Collection[str]) -> tuple[str, ...]:
    """Return the key's columns, or none where one of them is personal."""
    return () if set(key) & set(personal) else tuple(key)

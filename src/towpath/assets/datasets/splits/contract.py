"""How rows are parted into those to learn from and those to judge by."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from towpath.core.errors import UsageError

By: TypeAlias = Literal["random", "group", "stratified", "time"]
WAYS: tuple[By, ...] = ("random", "group", "stratified", "time")
_PARTS_MOST = 8
_WHOLE = 1e-9


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """A way to part rows. Equal rows parted in equal ways give equal parts, on any machine.

    `random` and `group` decide row by row, by a hash: rows that are added later move no other row from
    its part, and a person is in the same part of every data set, month after month. Shares are met
    as closely as chance has it. `stratified` and `time` look at all rows first and meet shares to a
    row per stratum, or as closely as rows of equal times allow; added rows may move a few others.

    Attributes:
        by: `random`: each row by itself, told by `columns`. `group`: all rows that share `columns`
            together, so that nobody is in two parts. `stratified`: each row by itself, told by
            `columns`, with the shares met within every value of `strata`. `time`: by `columns`, older
            rows first.
        columns: See `by`.
        strata: The columns whose values every part has its share of.
        shares: The share of each part, above 0 and 1 together; the first part's first.
        seed: Another seed gives other parts; of no meaning for `time`.
        gap_us: For `time`: how many microseconds before each cut are left out, so that what is only
            known later about the last rows of a part says nothing about the first of the next.
        last_us: For `time` in two parts: how many microseconds before the newest row the second part
            begins, instead of `shares`.
    """

    by: By
    columns: tuple[str, ...]
    strata: tuple[str, ...] = ()
    shares: tuple[float, ...] = (0.8, 0.2)
    seed: int = 0
    gap_us: int = 0
    last_us: int | None = None

    def __post_init__(self) -> None:
        """Refuse what can't be meant."""
        if self.by not in WAYS:
            _refuse(f"by is {self.by!r}", f"Use one of {', '.join(WAYS)}.")
        if not self.columns:
            _refuse("it names no columns", "Say which columns tell rows, groups or times.")
        if not 2 <= len(self.shares) <= _PARTS_MOST or min(self.shares) <= 0:
            _refuse(f"its shares are {self.shares}", "Give two to eight, each above 0.")
        if abs(sum(self.shares) - 1) > _WHOLE:
            _refuse(f"its shares add up to {sum(self.shares):.4g}", "They must add up to 1.")
        if (self.by == "stratified") != bool(self.strata):
            _refuse("strata go with by='stratified' alone", "Name the columns to stratify by.")
        if self.by != "time" and (self.gap_us or self.last_us is not None):
            _refuse("gap and last are for by='time'", "Leave them out.")
        if self.by == "time" and len(self.columns) != 1:
            _refuse("it names several time columns", "Name one.")
        if self.last_us is not None and len(self.shares) != 2:
            _refuse("last makes two parts", "Give shares for more.")

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return len(self.shares)


class Cuts(msgspec.Struct, frozen=True, kw_only=True):
    """Where a split cuts: all that is needed to part more rows in the very same way.

    Attributes:
        split: The way.
        bounds: Ascending. For `random` and `group` the hashes, for `time` the microseconds, from which
            on each part but the first begins.
        strata: For `stratified`: the hashes per stratum, by the stratum's own hash.
    """

    split: Split
    bounds: tuple[int, ...] = ()
    strata: dict[str, tuple[int, ...]] = {}


def _refuse(why: str, remedy: str) -> None:
    raise UsageError(f"rows can't be split like this: {why}", remedy=remedy)

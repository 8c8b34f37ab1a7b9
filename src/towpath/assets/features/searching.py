"""Finds which observation was known of each entity at each moment: binary searches in step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from towpath.assets.features.arranging import Arranged, Whole
    from towpath.assets.features.contract import JoinMode

    Choice: TypeAlias = NDArray[np.intp]

NOWHERE = -1
_LONG_AGO = np.iinfo(np.int64).min
_CODE = "towpath.code"
_SCAN_ABOVE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What is asked: of which entity, at which moment.

    Attributes:
        entities: The entities, under the shape's names.
        moments: When each asks, in microseconds; null knows nothing.
    """

    entities: pl.DataFrame
    moments: pl.Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The answers: for each question, in which part and at which place; -1 where nothing is known."""

    part: Choice
    place: Whole


def find(
    parts: Sequence[Arranged], asked: Questions, *, mode: JoinMode, ttl_us: int | None
) -> Found:
    """Return the preferred observation that counts at each question's moment, of all parts together.

    See `find_coded`, of which this is the form for entities that have first to be looked up.
    """
    moments = asked.moments.fill_null(_LONG_AGO).to_numpy()
    codes = [codes_of(one, asked.entities) for one in parts]
    if asked.moments.null_count():
        unasked = asked.moments.is_null().to_numpy()
        codes = [np.where(unasked, NOWHERE, one) for one in codes]
    return find_coded(parts, codes, moments, mode=mode, ttl_us=ttl_us)


def find_coded(
    parts: Sequence[Arranged],
    codes: Sequence[Whole],
    moments: Whole,
    *,
    mode: JoinMode,
    ttl_us: int | None,
) -> Found:
    """Return the answers about entities that are given by their numbers in each part's directory.

    An entity's observations may be spread over parts, in no order of time: the best of each part is
    found, and of these the best (largest time, then largest created).

    O(m log n) for m questions in steps of whole columns, as in Shar's search (Knuth, The Art of
    Computer Programming, volume 3, section 6.2.1): no branches, as many steps as the longest run has
    binary digits.

    Args:
        parts: Observations; at least one part.
        codes: For each part, which of its entities each question is about; -1 for none.
        moments: When each question asks, in microseconds.
        mode: Which observations count.
        ttl_us: How old an answer may be, if that is bounded.
    """
    best = _Best(parts[0], places_at(parts[0], codes[0], moments, mode=mode))
    for number, (one, theirs) in enumerate(zip(parts[1:], codes[1:], strict=True), start=1):
        best.improve(number, one, places_at(one, theirs, moments, mode=mode))
    if ttl_us is not None:
        best.place[(best.place >= 0) & (moments - best.time > ttl_us)] = NOWHERE
    return Found(part=np.where(best.place >= 0, best.part, NOWHERE), place=best.place)


class _Best:
    """The best answer to each question of the parts that were looked at so far."""

    def __init__(self, first: Arranged, place: Whole) -> None:
        self.place = place
        self.part = np.zeros(place.size, dtype=np.intp)
        self.time = _stamps(first.time, place)
        self._created = None if first.created is None else _stamps(first.created, place)

    def improve(self, number: int, one: Arranged, place: Whole) -> None:
        """Take the answers of one more part where they are better."""
        time = _stamps(one.time, place)
        better = time > self.time
        if self._created is not None and one.created is not None:
            created = _stamps(one.created, place)
            better |= (time == self.time) & (created > self._created)
            better |= (self.place < 0) & (place >= 0)
            self._created[better] = created[better]
        self.part[better], self.place[better], self.time[better] = (
            number,
            place[better],
            time[better],
        )


def _stamps(times: Whole, place: Whole) -> Whole:
    """Return the times at these places; long ago for none."""
    if not times.size:
        return np.full(place.size, _LONG_AGO)
    return np.where(place >= 0, times[np.maximum(place, 0)], _LONG_AGO)


def places_at(one: Arranged, codes: Whole, moments: Whole, *, mode: JoinMode) -> Whole:
    """Return the place of the observation that counts for each entity at its moment, or -1.

    Args:
        one: The observations.
        codes: Which of the directory's entities asks; -1 for none.
        moments: When, in microseconds.
        mode: Whether observations count from when they were known, or true.
    """
    if mode == "event" or not one.rows:
        return last_at(one, one.time, codes, moments)
    at = last_at(one, one.known_at, codes, moments)
    return np.where(at >= 0, one.best(np.maximum(at, 0)), NOWHERE)


def last_at(one: Arranged, times: Whole, codes: Whole, moments: Whole) -> Whole:
    """Return the last place in each entity's run with a time ≤ the moment, or -1.

    `times` ascend in each run.
    """
    if not times.size:
        return np.full(codes.size, NOWHERE, dtype=np.int64)
    begin, end = one.bounds[codes], one.bounds[codes + 1]
    end = np.where(codes < 0, begin, end)
    at = begin - 1
    longest = int((end - begin).max(initial=0))
    step = 1 << (longest.bit_length() - 1) if longest else 0
    while step:
        ahead = at + step
        ahead_holds = ahead < end
        ahead_holds &= times[np.minimum(ahead, times.size - 1)] <= moments
        at += ahead_holds * step
        step >>= 1
    return np.where(at >= begin, at, NOWHERE)


def codes_of(one: Arranged, entities: pl.DataFrame) -> Whole:
    """Return each entity's number in the directory, or -1."""
    known = one.entities
    if known.width == 1 and entities.height * _SCAN_ABOVE < known.height:
        return _searched(known.to_series(), entities.to_series())
    numbered = known.with_row_index(_CODE)
    joined = entities.join(numbered, on=known.columns, how="left", maintain_order="left")
    return joined[_CODE].cast(pl.Int64).fill_null(NOWHERE).to_numpy()


def _searched(known: pl.Series, wanted: pl.Series) -> Whole:
    """Return where each wanted entity is among the known ones, which ascend: for a few in many."""
    asked = wanted.drop_nulls().unique()
    at = pl.Series(known.search_sorted(asked)).cast(pl.Int64).clip(0, known.len() - 1)
    held = known.gather(at) == asked
    return wanted.replace_strict(
        asked.filter(held), at.filter(held), default=NOWHERE, return_dtype=pl.Int64
    ).to_numpy()

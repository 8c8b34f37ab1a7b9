"""How far people agree beyond chance: Cohen's kappa, Fleiss' kappa, Krippendorff's alpha.

- J. Cohen, *A coefficient of agreement for nominal scales*, Educational and Psychological Measurement
  20 (1960).
- J. L. Fleiss, *Measuring nominal scale agreement among many raters*, Psychological Bulletin 76 (1971).
- K. Krippendorff, *Content Analysis*, 4th ed. (2018), chapter 12; *Computing Krippendorff's
  alpha-reliability* (2011). Labels are names, so any two that differ differ equally.

All three work on counts: one row per item, one column per label, in each cell how many people gave it.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from towpath.operate.labelling.records import PairKappa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Counts: TypeAlias = NDArray[np.int64]
    Matrix: TypeAlias = NDArray[np.float64]

Votes: TypeAlias = "Mapping[str, Mapping[str, str]]"
"""Item to annotator to label; who passed an item over is not in it."""

_RESAMPLES = 1_000


def counts_of(votes: Votes, labels: Sequence[str]) -> Counts:
    """Return `(n_items, n_labels) int64`: how many people gave an item each label.

    Items that fewer than two people labelled are left out: nobody can agree alone.
    """
    place = {label: at for at, label in enumerate(labels)}
    rows = [
        np.bincount([place[label] for label in given.values()], minlength=len(labels))
        for given in votes.values()
        if len(given) > 1
    ]
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(labels))


def coincidences(counts: Counts) -> Matrix:
    """Return the coincidence matrix: each item's ordered pairs of answers, weighted by 1 / (m − 1).

    `(n_labels, n_labels) float64`, symmetric; it sums to the number of answers.
    """
    return _coincidences_by_item(counts).sum(axis=0)


def observed_agreement(counts: Counts) -> float | None:
    """Return the share of pairs of answers to one item that are equal; None without any pair."""
    given = counts.sum(axis=1)
    pairs = (given * (given - 1)).sum()
    return float((counts * (counts - 1)).sum() / pairs) if pairs else None


def krippendorff_alpha(counts: Counts) -> float | None:
    """Return alpha = 1 − D_observed / D_expected; None where only one label was ever given."""
    return _alphas(coincidences(counts)[None])[0]


def alpha_interval(counts: Counts, *, level: float = 0.95) -> tuple[float, float] | None:
    """Return a percentile bootstrap interval for alpha: items are drawn again, with their answers.

    The generator is seeded, so the same answers give the same interval. None where alpha is undefined,
    or for fewer than two items.
    """
    if len(counts) < 2 or krippendorff_alpha(counts) is None:
        return None
    # Items with equal counts are interchangeable, and there are few kinds of them.
    kinds, often = np.unique(counts, axis=0, return_counts=True)
    matrices = _coincidences_by_item(kinds).reshape(len(kinds), -1)
    generator = np.random.default_rng(0)
    drawn = generator.multinomial(len(counts), often / len(counts), size=_RESAMPLES)
    labels = counts.shape[1]
    # A resample in which everybody says the same has no disagreement to be had.
    resampled = _alphas((drawn @ matrices).reshape(-1, labels, labels))
    alphas = [1.0 if alpha is None else alpha for alpha in resampled]
    low, high = np.quantile(alphas, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def fleiss_kappa(counts: Counts) -> float | None:
    """Return Fleiss' kappa over the items with the most frequent number of answers, the larger of equals.

    None where there is no such item, or only one label was ever given.
    """
    given = counts.sum(axis=1)
    if not len(given):
        return None
    numbers, often = np.unique(given, return_counts=True)
    answers = int(numbers[often == often.max()].max())
    rated = counts[given == answers]
    by_item = (rated * (rated - 1)).sum(axis=1) / (answers * (answers - 1))
    by_chance = float(((rated.sum(axis=0) / rated.sum()) ** 2).sum())
    return _beyond_chance(float(by_item.mean()), by_chance)


def cohen_kappas(votes: Votes) -> list[PairKappa]:
    """Return the kappa of every two people who share items, those who share most first."""
    by_person: dict[str, dict[str, str]] = {}
    for item, given in votes.items():
        for person, label in given.items():
            by_person.setdefault(person, {})[item] = label
    found: list[PairKappa] = []
    for one, other in combinations(sorted(by_person), 2):
        shared = by_person[one].keys() & by_person[other].keys()
        if shared:
            pairs = [(by_person[one][item], by_person[other][item]) for item in shared]
            found.append(_cohen((one, other), pairs))
    return sorted(found, key=lambda pair: (-pair.items, pair.annotators))


def _cohen(annotators: tuple[str, str], pairs: list[tuple[str, str]]) -> PairKappa:
    equal = sum(first == second for first, second in pairs) / len(pairs)
    firsts, seconds = (Counter(pair[at] for pair in pairs) for at in (0, 1))
    by_chance = sum(firsts[label] * seconds[label] for label in firsts) / len(pairs) ** 2
    return PairKappa(
        annotators=annotators,
        items=len(pairs),
        observed=equal,
        kappa=_beyond_chance(equal, by_chance),
    )


def _beyond_chance(observed: float, by_chance: float) -> float | None:
    return None if by_chance >= 1 else (observed - by_chance) / (1 - by_chance)


def _coincidences_by_item(counts: Counts) -> Matrix:
    """Return `(n_items, n_labels, n_labels) float64`."""
    given = counts.sum(axis=1).astype(np.float64)
    pairs = counts[:, :, None] * counts[:, None, :].astype(np.float64)
    diagonal = np.arange(counts.shape[1])
    pairs[:, diagonal, diagonal] -= counts
    return pairs / (given - 1)[:, None, None]


def _alphas(matrices: Matrix) -> list[float | None]:
    """Return alpha of each coincidence matrix."""
    by_label = matrices.sum(axis=1)
    total = by_label.sum(axis=1)
    equal = np.trace(matrices, axis1=1, axis2=2)
    # D_observed = 1 − equal / n;  D_expected = 1 − Σ n_c (n_c − 1) / (n (n − 1))
    differing = total - equal
    chance = total * (total - 1) - (by_label * (by_label - 1)).sum(axis=1)
    found: list[float | None] = []
    for n, differ, expected in zip(total, differing, chance, strict=True):
        found.append(None if expected <= 0 else float(1 - (n - 1) * differ / expected))
    return found

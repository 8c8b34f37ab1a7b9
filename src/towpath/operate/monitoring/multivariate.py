"""Judges how the inputs of a window go together, apart from how each of them is spread."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.operate.monitoring.calibration import tail_probability
from towpath.operate.monitoring.detector import lasting_evidence_of
from towpath.operate.monitoring.findings import Finding, Suspect
from towpath.operate.monitoring.kinds.base import Declared

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models.dependence import Dependence, Moments
    from towpath.operate.monitoring.findings import Window
    from towpath.operate.monitoring.view import WindowView

    Floats: TypeAlias = "npt.NDArray[np.float64]"

_EXPLAINED = 0.65  # share of the variance that the kept components explain, as NannyML keeps
_NAMED_MOST = 3
_UNUSUAL = 0.05
_DRAWS = 5
_STREAM = "together"


@dataclass(frozen=True, slots=True)
class Multivariate(Declared):
    """Watches whether the model's inputs still go together as they did in its training data.

    Two inputs can each look as always while their combination never occurred: warm and snowing. Each
    value is replaced by its rank among the training rows (as a normal score), so that what one input
    does alone, which `Drift` watches, plays no part.

    Attributes:
        name: Unique among the project's monitors.
        statistic: `correlations`, how far the matrix of rank correlations has moved; or
            `reconstruction`, the error of writing rows in the training data's principal components,
            which sees fewer changes and is there for comparison with other tools.
        window: Span of event time judged at once: whole days.

    The others are those of `Declared`.
    """

    kind: ClassVar[str] = "multivariate"

    name: str = "multivariate"
    _: KW_ONLY
    statistic: Literal["correlations", "reconstruction"] = "correlations"

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        self.check_common()
        if parse_duration(self.window) % timedelta(days=1):
            raise InvalidProject(
                f"monitor {self.name!r} judges windows of {self.window}, not of whole days",
                remedy="Use '1d' or more.",
            )
        if self.statistic not in ("correlations", "reconstruction"):
            raise InvalidProject(
                f"monitor {self.name!r} has a statistic {self.statistic!r}",
                remedy="Use 'correlations' or 'reconstruction'.",
            )


class MultivariateWatcher:
    """Judges `Multivariate` monitors; see `Watcher`."""

    kind = Multivariate.kind
    declaration = Multivariate
    needs_reference = True
    counts_windows = True

    def maturity(self, _monitor: Multivariate, /) -> timedelta:
        """Nothing is waited for: inputs need no label."""
        return timedelta(0)

    def judge(self, monitor: Multivariate, view: WindowView, /) -> Finding:
        """Compare how the window's inputs go together with the reference's days."""
        counts, dependence = view.counts(), view.reference.dependence
        few = dependence is None or counts.moments is None
        if few or counts.rows < monitor.min_rows:
            return Finding(
                window=view.window, rows=counts.rows, judged=False, measured={"rows": counts.rows}
            )
        assert dependence is not None
        assert counts.moments is not None
        return judge_together(monitor, dependence, counts.moments, view.window, rows=counts.rows)


def judge_together(
    monitor: Multivariate, dependence: Dependence, moments: Moments, window: Window, *, rows: int
) -> Finding:
    """Place a window's distance among those of the training data's own days from the rest.

    Sampling noise is part of every distance, and larger for smaller windows: so what a quiet day's own
    noise amounts to is taken off its distance, and noise as a window of this size has it, drawn at
    random (seeded by the window), put on.

    Args:
        monitor: What to watch.
        dependence: The reference's days.
        moments: The window's sums.
        window: Its span.
        rows: Decisions that went in.
    """
    days = parse_duration(monitor.window).days
    blocks = [
        merged(dependence.blocks[at : at + days])
        for at in range(0, len(dependence.blocks) - days + 1, days)
    ]
    whole = merged(dependence.blocks)
    distance = (
        _Correlations(whole) if monitor.statistic == "correlations" else _Reconstruction(whole)
    )
    value = distance.between(whole, moments)
    rng = np.random.default_rng(window.index)
    quiet = [
        max(0.0, distance.between(without(whole, one), one) - distance.noise(whole, one.drawn))
        + distance.noise(whole, moments.drawn) * distance.luck(rng)
        for one in blocks
        for _ in range(_DRAWS)
    ]
    p = tail_probability(value, np.array(quiet), rows=moments.drawn, independent=len(blocks))
    known = None if math.isnan(p) else p
    return Finding(
        window=window,
        rows=rows,
        judged=True,
        evidence={_STREAM: lasting_evidence_of(p)},
        suspects=tuple(_suspects(dependence, whole, moments, monitor.statistic, known))
        if known is not None and known < _UNUSUAL
        else (),
        measured={"rows": float(rows), "distance": value} | ({} if known is None else {"p": known}),
        summary=_summary(dependence, whole, moments),
        basis=f"compared with {len(blocks)} windows of the training data",
    )


def merged(blocks: tuple[Moments, ...]) -> Moments:
    """Return the sums over several blocks."""
    found = blocks[0]
    for one in blocks[1:]:
        found = found.merge(one)
    return found


def without(whole: Moments, part: Moments) -> Moments:
    """Return the sums over the rest."""
    return type(whole)(
        rows=whole.rows - part.rows,
        drawn=whole.drawn - part.drawn,
        first=whole.first - part.first,
        second=whole.second - part.second,
    )


class _Correlations:
    """The mean square change of the correlations."""

    def __init__(self, whole: Moments) -> None:
        self._pairs = len(whole.first) * (len(whole.first) - 1) // 2

    def between(self, reference: Moments, current: Moments) -> float:
        apart = current.correlations() - reference.correlations()
        return float(np.square(apart[np.triu_indices(len(apart), 1)]).mean())

    def noise(self, reference: Moments, rows: float) -> float:
        """Return what is expected of so many rows with the same correlations: (1-r²)²/n each."""
        found = reference.correlations()[np.triu_indices(len(reference.first), 1)]
        return float(np.square(1 - np.square(found)).mean() / max(rows, 1.0))

    def luck(self, rng: np.random.Generator) -> float:
        """Return a draw of what noise is to its mean: a sum of squares, one for each pair."""
        return float(rng.chisquare(self._pairs) / self._pairs)


class _Reconstruction:
    """The change of the mean error of reconstruction from the leading principal components."""

    def __init__(self, whole: Moments) -> None:
        values, vectors = np.linalg.eigh(whole.correlations())
        share = np.cumsum(values[::-1]) / values.sum()
        kept = int(np.searchsorted(share, _EXPLAINED)) + 1
        self._residual = vectors[:, : len(values) - kept]

    def between(self, reference: Moments, current: Moments) -> float:
        return abs(self._error(current) - self._error(reference))

    def noise(self, reference: Moments, rows: float) -> float:
        """Return the standard error of the mean for normal scores: √(2 Σλ²/n)."""
        spread = self._residual.T @ reference.correlations() @ self._residual
        return math.sqrt(2 * float(np.square(np.linalg.eigvalsh(spread)).sum()) / max(rows, 1.0))

    def luck(self, rng: np.random.Generator) -> float:
        """Return a draw of what noise is to its standard error."""
        return abs(float(rng.normal()))

    def _error(self, moments: Moments) -> float:
        return float(np.trace(self._residual.T @ (moments.second / moments.rows) @ self._residual))


def _suspects(
    dependence: Dependence, whole: Moments, current: Moments, statistic: str, p: float | None
) -> list[Suspect]:
    """Return the pairs of inputs whose correlation moved the most."""
    return [
        Suspect(
            name=f"{dependence.names[one]} and {dependence.names[two]}",
            statistic=statistic,
            value=abs(after - before),
            p=p,
            what="rank correlation",
            before=before,
            after=after,
        )
        for one, two, before, after in _moved(whole, current)
    ]


def _summary(dependence: Dependence, whole: Moments, current: Moments) -> str:
    told = [
        f"{dependence.names[one]} and {dependence.names[two]}: {before:.2f} to {after:.2f}"
        for one, two, before, after in _moved(whole, current)
    ]
    return f"correlations moved the most between {'; '.join(told)}"


def _moved(whole: Moments, current: Moments) -> list[tuple[int, int, float, float]]:
    before, after = whole.correlations(), current.correlations()
    rows, columns = np.triu_indices(len(before), 1)
    order = np.argsort(-np.abs(after - before)[rows, columns])[:_NAMED_MOST]
    return [
        (int(one), int(two), float(before[one, two]), float(after[one, two]))
        for one, two in zip(rows[order], columns[order], strict=True)
    ]

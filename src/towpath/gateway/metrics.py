"""What the gateway counts, and how Prometheus is told: one exposition over all of its workers."""

from __future__ import annotations

import time
from bisect import bisect_left
from contextlib import contextmanager
from http import HTTPStatus
from itertools import accumulate
from math import isnan
from typing import TYPE_CHECKING, Final

from towpath.gateway.counters import CounterPages
from towpath.gateway.failures import status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from contextlib import AbstractContextManager

_BOUNDS_S: Final = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
)
_PREFIX: Final = "towpath_gateway_"
_FAMILIES: Final[dict[str, tuple[str, str]]] = {
    "ready": ("gauge", "Whether the worker answers for every service of the route."),
    "route_generation": ("gauge", "Generation of the route that the worker serves."),
    "ledger_age_seconds": ("gauge", "Since when the worker has not been able to read the ledger."),
    "connections": ("gauge", "Open connections."),
    "in_flight": ("gauge", "Requests that are being answered."),
    "resident_bytes": ("gauge", "Resident memory."),
    "resident_peak_bytes": ("gauge", "Most resident memory since the last look, a second ago."),
    "cpu_seconds": ("gauge", "Processor time since the worker began."),
    "model_bytes": ("gauge", "Resident memory that loading and warming up a model took."),
    "model_peak_bytes": ("gauge", "Most that loading and warming up a model took for a moment."),
    "requests_total": ("counter", "Inference requests by status."),
    "refused_total": ("counter", "Requests refused before a model was asked, by why."),
    "stated_total": ("counter", "Requests that state a service version; empty: one not released."),
    "decisions_total": ("counter", "Recorded decisions."),
    "shadowed_total": ("counter", "Decisions that a shadow saw a copy of, by what became of it."),
    "labels_total": ("counter", "Recorded labels."),
    "signals_total": ("counter", "Recorded signals."),
    "explanations_total": ("counter", "Requests for explanations by status."),
    "explanation_seconds": ("histogram", "Time to explain."),
    "latency_seconds": ("histogram", "Time to answer an inference request."),
    "feature_lookups_total": ("counter", "Look-ups of features by status."),
    "feature_latency_seconds": ("histogram", "Time to look features up."),
}


@contextmanager
def timed(note: Callable[[HTTPStatus, float], None]) -> Generator[None]:
    """Tell, at the end of a block, with which status it ended and after how many seconds."""
    begun = time.perf_counter()
    status = HTTPStatus.OK
    try:
        yield
    except Exception as error:
        status = status_of(error)
        raise
    finally:
        note(status, time.perf_counter() - begun)


class GatewayMetrics:
    """Counts of one worker; the exposition is of all. Only touched from the event loop.

    Args:
        pages: Where the workers of the gateway count; a page of its own for a gateway of one.
        number: This worker's page.
    """

    def __init__(self, pages: CounterPages | None = None, number: int = 0) -> None:
        self._pages = CounterPages(1) if pages is None else pages
        self._page = self._pages.page(number)
        self._page.void("gauge ")  # what the worker before showed; what it counted stays
        self._values = self._page.values
        self._rows: dict[tuple[str, ...], int] = {}
        self._successes: dict[str, tuple[int, int]] = {}

    def answered(self, service: str, status: int, seconds: float) -> None:
        """Count an inference request. `service` must be one that is served, or empty."""
        if status != 200:
            self._add(("requests_total", "service", service, "status", str(status)))
            return
        rows = self._successes.get(service)
        if rows is None:
            width = len(_BOUNDS_S) + 2
            rows = self._successes[service] = (
                self._row(("requests_total", "service", service, "status", "200"), 1),
                self._row(("latency_seconds", "service", service), width),
            )
        count, histogram = rows
        self._values[count] += 1.0
        self._values[histogram + bisect_left(_BOUNDS_S, seconds)] += 1.0
        self._values[histogram + len(_BOUNDS_S) + 1] += seconds

    def refused(self, service: str, why: str) -> None:
        """Count a request that was refused before a model was asked."""
        self._add(("refused_total", "service", service, "reason", why))

    def looking_up(self, features: str) -> AbstractContextManager[None]:
        """Count a look-up of features, and how long it takes; an unknown name is counted as none."""

        def looked(status: HTTPStatus, seconds: float) -> None:
            name = "" if status is HTTPStatus.NOT_FOUND else features
            self._add(("feature_lookups_total", "features", name, "status", str(int(status))))
            if status is HTTPStatus.OK:
                self._observe(("feature_latency_seconds", "features", name), seconds)

        return timed(looked)

    def explaining(self, service: str) -> AbstractContextManager[None]:
        """Count a request for explanations, and how long it takes."""

        def explained(status: HTTPStatus, seconds: float) -> None:
            self._add(("explanations_total", "service", service, "status", str(int(status))))
            if status is HTTPStatus.OK:
                self._observe(("explanation_seconds", "service", service), seconds)

        return timed(explained)

    def decided(self, service: str, model: str, count: int = 1) -> None:
        """Count recorded decisions."""
        self._add(("decisions_total", "service", service, "model", model), count)

    def shadowed(self, service: str, outcome: str, count: int) -> None:
        """Count copies for a shadow; the outcome is `kept` or `dropped`."""
        self._add(("shadowed_total", "service", service, "outcome", outcome), count)

    def stated(self, service_version: str | None) -> None:
        """Count a request by the version that it states; None: one that is in no release in force."""
        self._add(("stated_total", "service_version", service_version or ""))

    def labelled(self, count: int) -> None:
        """Count recorded labels."""
        self._add(("labels_total",), count)

    def signalled(self, count: int) -> None:
        """Count recorded signals."""
        self._add(("signals_total",), count)

    def show(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge of this worker; `labels` are names and values in turn."""
        key = (name, *labels)
        at = self._rows.get(key)
        self._values[self._row(key, 1) if at is None else at] = value

    def render(self) -> bytes:
        """Return the exposition, version 0.0.4: counts summed over workers, gauges by worker."""
        sums: dict[str, dict[str, list[float]]] = {name: {} for name in _FAMILIES}
        for number, page in enumerate(self._pages):
            for key, values in page.read().items():
                kind, name, labels = key.split(" ", 2)
                if kind == "gauge":
                    labels = ",".join(part for part in (f'worker="{number}"', labels) if part)
                    if isnan(values[0]):  # of a worker that is gone
                        continue
                held = sums[name].get(labels)
                sums[name][labels] = (
                    values if held is None else [a + b for a, b in zip(held, values, strict=True)]
                )
        lines: list[str] = []
        for name, found in sums.items():
            kind, meaning = _FAMILIES[name]
            if found:
                lines += (
                    f"# HELP {_PREFIX}{name} {meaning}",
                    f"# TYPE {_PREFIX}{name} {kind}",
                )
            for labels, values in sorted(found.items()):
                if kind == "histogram":
                    lines += _histogram(_PREFIX + name, labels, values)
                else:
                    lines.append(f"{_PREFIX}{name}{_braced(labels)} {values[0]:.16g}")
        return "\n".join([*lines, ""]).encode()

    def _add(self, key: tuple[str, ...], count: float = 1.0) -> None:
        at = self._rows.get(key)
        if at is None:
            at = self._row(key, 1)
        self._values[at] += count

    def _observe(self, key: tuple[str, ...], seconds: float) -> None:
        """Count in a histogram: a number for each bound, one above them, and the sum."""
        at = self._rows.get(key)
        if at is None:
            at = self._row(key, len(_BOUNDS_S) + 2)
        self._values[at + bisect_left(_BOUNDS_S, seconds)] += 1.0
        self._values[at + len(_BOUNDS_S) + 1] += seconds

    def _row(self, key: tuple[str, ...], width: int) -> int:
        name, *labels = key
        text = ",".join(
            f'{one}="{_escaped(value)}"'
            for one, value in zip(labels[::2], labels[1::2], strict=True)
        )
        at = self._rows[key] = self._page.row(f"{_FAMILIES[name][0]} {name} {text}", width)
        return at


def _histogram(name: str, labels: str, values: list[float]) -> Iterable[str]:
    for bound, count in zip((*map(str, _BOUNDS_S), "+Inf"), accumulate(values[:-1]), strict=True):
        yield f'{name}_bucket{{{labels},le="{bound}"}} {count:.16g}'
    yield f"{name}_sum{{{labels}}} {values[-1]:.6f}"
    yield f"{name}_count{{{labels}}} {sum(values[:-1]):.16g}"


def _braced(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

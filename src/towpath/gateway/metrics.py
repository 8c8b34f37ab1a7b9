"""Counts of what the gateway does, in Prometheus' text format."""

from __future__ import annotations

import time
from bisect import bisect_left
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from towpath.gateway.failures import status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
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
    """Requests and latencies by service, decisions by model. Only touched from the event loop."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, int], int] = {}
        self._latencies: dict[str, _Histogram] = {}
        self._decisions: dict[tuple[str, str], int] = {}
        self._labels = 0
        self._signals = 0
        self._lookups: dict[tuple[str, int], int] = {}
        self._lookup_latencies: dict[str, _Histogram] = {}

    def answered(self, service: str, status: int, seconds: float) -> None:
        """Count an inference request. `service` must be one that is served, or empty."""
        key = (service, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        if status == 200:
            histogram = self._latencies.get(service)
            if histogram is None:
                histogram = self._latencies[service] = _Histogram()
            histogram.add(seconds)

    def looking_up(self, features: str) -> AbstractContextManager[None]:
        """Count a look-up of features, and how long it takes; an unknown name is counted as none."""

        def looked(status: HTTPStatus, seconds: float) -> None:
            name = "" if status is HTTPStatus.NOT_FOUND else features
            key = (name, int(status))
            self._lookups[key] = self._lookups.get(key, 0) + 1
            if status is HTTPStatus.OK:
                self._lookup_latencies.setdefault(name, _Histogram()).add(seconds)

        return timed(looked)

    def decided(self, service: str, model: str) -> None:
        """Count a recorded decision."""
        key = (service, model)
        self._decisions[key] = self._decisions.get(key, 0) + 1

    def labelled(self, count: int) -> None:
        """Count recorded labels."""
        self._labels += count

    def signalled(self, count: int) -> None:
        """Count recorded signals."""
        self._signals += count

    def render(self, *, ready: bool, route_generation: int) -> bytes:
        """Return the exposition, version 0.0.4."""
        lines = [
            "# TYPE towpath_gateway_ready gauge",
            f"towpath_gateway_ready {int(ready)}",
            "# TYPE towpath_gateway_route_generation gauge",
            f"towpath_gateway_route_generation {route_generation}",
            "# TYPE towpath_gateway_requests_total counter",
        ]
        for (service, status), count in sorted(self._requests.items()):
            labels = f'service="{service}",status="{status}"'
            lines.append(f"towpath_gateway_requests_total{{{labels}}} {count}")
        lines.append("# TYPE towpath_gateway_decisions_total counter")
        for (service, model), count in sorted(self._decisions.items()):
            labels = f'service="{service}",model="{model}"'
            lines.append(f"towpath_gateway_decisions_total{{{labels}}} {count}")
        lines += [
            "# TYPE towpath_gateway_labels_total counter",
            f"towpath_gateway_labels_total {self._labels}",
            "# TYPE towpath_gateway_signals_total counter",
            f"towpath_gateway_signals_total {self._signals}",
            "# TYPE towpath_gateway_latency_seconds histogram",
        ]
        for service, histogram in sorted(self._latencies.items()):
            lines += histogram.render("towpath_gateway_latency_seconds", f'service="{service}"')
        lines.append("# TYPE towpath_gateway_feature_lookups_total counter")
        for (features, status), count in sorted(self._lookups.items()):
            labels = f'features="{features}",status="{status}"'
            lines.append(f"towpath_gateway_feature_lookups_total{{{labels}}} {count}")
        name = "towpath_gateway_feature_latency_seconds"
        lines.append(f"# TYPE {name} histogram")
        for features, histogram in sorted(self._lookup_latencies.items()):
            lines += histogram.render(name, f'features="{features}"')
        return "\n".join([*lines, ""]).encode()


class _Histogram:
    """Cumulative counts of seconds."""

    __slots__ = ("_counts", "_sum_s")

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS_S) + 1)
        self._sum_s = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(_BOUNDS_S, seconds)] += 1
        self._sum_s += seconds

    def render(self, name: str, labels: str) -> list[str]:
        lines: list[str] = []
        total = 0
        for bound, count in zip((*map(str, _BOUNDS_S), "+Inf"), self._counts, strict=True):
            total += count
            lines.append(f'{name}_bucket{{{labels},le="{bound}"}} {total}')
        return [
            *lines,
            f"{name}_sum{{{labels}}} {self._sum_s:.6f}",
            f"{name}_count{{{labels}}} {total}",
        ]

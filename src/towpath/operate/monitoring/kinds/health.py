"""The declaration of a monitor on the service itself: does it answer, how fast, and at what cost?"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from towpath.operate.monitoring.kinds.base import Declared, Severity


@dataclass(frozen=True, slots=True)
class Health(Declared):
    """Watches errors, latency, throughput, and the memory and processor of gateways.

    Limits that are declared alarm at once, where the window's rows leave no doubt (a binomial test at
    1%: a p99 above its limit means that more than one answer in a hundred took longer). Beside them the
    error rate and the p99 are compared with the fourteen windows before.

    Attributes:
        max_error_rate: Largest share of decisions that may fail.
        max_latency_ms_p50: Limit of the median latency; `_p95` and `_p99` likewise.
        min_per_s: Smallest throughput, in decisions a second of the window.
        max_memory_mb: Largest resident memory of one gateway process, in MB of 10⁶ bytes.
        max_cpu: Largest share of one processor that a gateway process may take on average.

    The others are those of `Declared`.
    """

    kind: ClassVar[str] = "health"

    name: str = "health"
    _: KW_ONLY
    window: str = "1h"
    max_error_rate: float | None = None
    max_latency_ms_p50: float | None = None
    max_latency_ms_p95: float | None = None
    max_latency_ms_p99: float | None = None
    min_per_s: float | None = None
    max_memory_mb: float | None = None
    max_cpu: float | None = None
    run_length: int = 1000
    severity: Severity = "critical"

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        self.check_common()
        self.check_share("max_error_rate", self.max_error_rate)
        for limit in ("p50", "p95", "p99"):
            name = f"max_latency_ms_{limit}"
            self.check_positive(name, getattr(self, name))
        for name in ("min_per_s", "max_memory_mb", "max_cpu"):
            self.check_positive(name, getattr(self, name))

"""Money and sizes as whole numbers: nothing that is summed up is ever a float."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import TYPE_CHECKING

from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.build.compute import Resources

MICROS = 1_000_000
"""Micro-units in one unit of the currency."""
CURRENCY = "USD"
DEFAULT_RATES: Mapping[str, int] = {
    "cpu": 40_000,
    "gpu": 2_500_000,
    "memory": 5_000,
    "storage": 23_000,
}
"""What an hour of a core, an accelerator and a GiB costs, and a GiB-month, where nobody says: about
what the large clouds list on demand."""
STORAGE_MONTH_S = 30 * 86_400
_GIB = 1 << 30
_MIB = 1 << 20
_MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What an attempt occupies while it runs, rounded up to whole numbers.

    Attributes:
        cpus_milli: Thousandths of a core.
        gpus_milli: Thousandths of an accelerator.
        gpu: Which kind of it; empty: any.
        memory_mib: What it may allocate; 0 where it has no limit, which is not charged.
    """

    cpus_milli: int
    gpus_milli: int = 0
    gpu: str = ""
    memory_mib: int = 0

    @classmethod
    def of(cls, resources: Resources) -> Size:
        """Return what declared resources occupy."""
        return cls(
            cpus_milli=_milli(resources.cpus),
            gpus_milli=_milli(resources.gpus),
            gpu=resources.gpu_kind or "",
            memory_mib=-(-(resources.memory_bytes or 0) // _MIB),
        )


def millis(seconds: float) -> int:
    """Return seconds as whole milliseconds, rounded up."""
    return max(0, math.ceil(round(seconds * 1000, 3)))


def cost(size: Size, ms: int, rates: Mapping[str, int]) -> int:
    """Return what a size costs for so long, in micro-units, rounded up.

    Raises:
        UsageError: The price list has no rate for that kind of accelerator.
    """
    per_hour = size.cpus_milli * rates.get("cpu", 0) * 1024
    if size.gpus_milli:
        per_hour += size.gpus_milli * _gpu_rate(size.gpu, rates) * 1024
    per_hour += size.memory_mib * rates.get("memory", 0) * 1000
    return -(-per_hour * ms // (1000 * 1024 * _MS_PER_HOUR))


def storage_cost(size_bytes: int, seconds: int, rates: Mapping[str, int]) -> int:
    """Return what bytes cost for so long, in micro-units, rounded up."""
    return -(-size_bytes * rates.get("storage", 0) * seconds // (_GIB * STORAGE_MONTH_S))


def parse_money(value: float | str | Decimal, what: str = "amount") -> int:
    """Return an amount of the currency in micro-units, rounded up.

    Raises:
        UsageError: It is not a number, or below zero.
    """
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise UsageError(f"{what} {value!r} is not an amount of money", remedy="Write 12 or 12.50.")
    return int((amount * MICROS).to_integral_value(rounding=ROUND_CEILING))


def format_money(micros: int, currency: str = CURRENCY) -> str:
    """Write an amount for people: cents, and more digits where cents would say nothing."""
    amount = Decimal(micros) / MICROS
    digits = 2 if micros % 10_000 == 0 or abs(micros) >= MICROS else 4
    if 0 < abs(micros) < 100:  # below the last of four digits
        digits = 6
    return f"{amount:,.{digits}f} {currency}"


def _milli(amount: float) -> int:
    # Rounded first, so that 0.1 is a hundred thousandths and not one more.
    return math.ceil(round(amount * 1000, 6))


def _gpu_rate(kind: str, rates: Mapping[str, int]) -> int:
    rate = rates.get(f"gpu:{kind}" if kind else "gpu")
    if rate is None:
        known = sorted(name.partition(":")[2] or "any" for name in rates if name.startswith("gpu"))
        raise UsageError(
            f"the price list has no rate for accelerators of kind {kind or 'any'!r}",
            remedy=f"Known: {', '.join(known) or 'none'}. Set it: "
            f"towpath budget prices --set gpu{':' if kind else ''}{kind}=2.50.",
            gpu=kind,
        )
    return rate

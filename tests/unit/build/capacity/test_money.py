"""Money is whole micro-units, rounded up, and nothing is ever lost between units."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.build.capacity.money import (
    DEFAULT_RATES,
    Size,
    cost,
    format_money,
    millis,
    parse_money,
    storage_cost,
)
from towpath.build.compute import Resources
from towpath.core.errors import UsageError

SIZES = st.builds(
    Size,
    cpus_milli=st.integers(0, 10**6),
    gpus_milli=st.integers(0, 10**5),
    memory_mib=st.integers(0, 10**7),
)
MS = st.integers(0, 10**10)


@given(SIZES, MS)
def test_a_cost_is_exact_and_rounded_up(size: Size, ms: int) -> None:
    hours = Fraction(ms, 3_600_000)
    exact = hours * (
        Fraction(size.cpus_milli, 1000) * DEFAULT_RATES["cpu"]
        + Fraction(size.gpus_milli, 1000) * DEFAULT_RATES["gpu"]
        + Fraction(size.memory_mib, 1024) * DEFAULT_RATES["memory"]
    )
    assert 0 <= cost(size, ms, DEFAULT_RATES) - exact < 1


@given(SIZES, MS, MS)
def test_two_parts_never_cost_less_than_the_whole(size: Size, first: int, second: int) -> None:
    parts = cost(size, first, DEFAULT_RATES) + cost(size, second, DEFAULT_RATES)
    assert parts >= cost(size, first + second, DEFAULT_RATES)


@pytest.mark.parametrize(
    ("resources", "size"),
    [
        (Resources(cpus=0.1), Size(cpus_milli=100)),
        (Resources(cpus=0.3, gpus=0.7), Size(cpus_milli=300, gpus_milli=700)),
        (Resources(cpus=1 / 3), Size(cpus_milli=334)),
        (Resources(memory_bytes=1), Size(cpus_milli=1000, memory_mib=1)),
        (Resources(gpus=1, gpu_kind="A100"), Size(cpus_milli=1000, gpus_milli=1000, gpu="A100")),
    ],
)
def test_sizes_are_rounded_up_but_not_by_binary_fractions(resources: Resources, size: Size) -> None:
    assert Size.of(resources) == size


def test_milliseconds_are_rounded_up() -> None:
    assert [millis(one) for one in (0, 0.1, 0.0001, 2.0004, -1)] == [0, 100, 1, 2001, 0]


def test_a_kind_of_accelerator_has_its_own_rate() -> None:
    rates = {**DEFAULT_RATES, "gpu:A100": 36}
    assert cost(Size(cpus_milli=0, gpus_milli=1000, gpu="A100"), 3_600_000, rates) == 36


def test_a_gib_month_is_thirty_days() -> None:
    assert storage_cost(1 << 30, 30 * 86_400, {"storage": 7}) == 7
    assert storage_cost(1, 1, {"storage": 7}) == 1
    assert storage_cost(0, 86_400, {"storage": 7}) == 0


@pytest.mark.parametrize(
    ("text", "micros"), [(50, 50_000_000), ("0.035", 35_000), (0.1, 100_000), ("1e-9", 1), (0, 0)]
)
def test_amounts_are_read_exactly(text: float | str, micros: int) -> None:
    assert parse_money(text) == micros


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf", ""])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an amount of money"):
        parse_money(text, "rate")


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0.00 USD"),
        (7, "0.000007 USD"),
        (1_234, "0.0012 USD"),
        (40_000, "0.04 USD"),
        (1_234_567_890, "1,234.57 USD"),
    ],
)
def test_amounts_are_written_with_the_digits_that_matter(micros: int, text: str) -> None:
    assert format_money(micros) == text
    assert Decimal(text.split(maxsplit=1)[0].replace(",", "")) >= 0

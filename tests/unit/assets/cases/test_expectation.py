"""What an answer must be: read, said, and decided without a doubt."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.cases import Expectation
from towpath.core.errors import InvalidRequest

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.none() | st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
SINGLE = st.builds(
    Expectation, operator=st.sampled_from(["<", "<=", ">", ">="]), value=NUMBERS, output=NAMES
)
AROUND = st.builds(
    Expectation,
    operator=st.sampled_from(["==", "!="]),
    value=NUMBERS,
    within=st.floats(0, 1e9),
    output=NAMES,
)


@given(SINGLE | AROUND)
def test_what_is_said_is_read_again(expectation: Expectation) -> None:
    assert Expectation.parse(str(expectation)) == expectation


@given(SINGLE | AROUND, NUMBERS)
def test_opposites_never_both_hold(expectation: Expectation, answer: float) -> None:
    opposite = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
    other = Expectation(
        operator=opposite[expectation.operator],  # type: ignore[arg-type]
        value=expectation.value,
        within=expectation.within,
    )
    assert expectation.holds(answer) != other.holds(answer)
    assert not expectation.holds(math.nan)


@pytest.mark.parametrize(
    ("text", "holds", "fails"),
    [
        (">= 0.5", 0.5, 0.4999999999999999),
        ("late<0.3", 0.2999, 0.3),
        ("== 12.5 +- 3", 15.5, 15.500000000000002),
        ("==1±0.25", 0.75, 0.7),
        ("!= 0.73", 0.7300000000000001, 0.73),
        ("> -1e-3", 0.0, -0.001),
    ],
)
def test_it_decides_to_the_last_bit(text: str, holds: float, fails: float) -> None:
    expectation = Expectation.parse(text)
    assert expectation.holds(holds)
    assert not expectation.holds(fails)


@pytest.mark.parametrize(
    "text",
    ["", ">", "> x", "0.5", "> nan", "== inf", "== 1 2", "> 1 +- 2", "== 1 +- -2", "a b > 1"],
)
def test_what_can_not_be_meant_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Expectation.parse(text)

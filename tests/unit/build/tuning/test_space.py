"""How people write what varies, and what that means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.build.tuning.space import (
    Choice,
    Interval,
    Log,
    check_point,
    decode_axis,
    grid_of,
    read_dimension,
)
from towpath.core.errors import InvalidProject


@pytest.mark.parametrize(
    ("written", "kind", "meant"),
    [
        ((15, 255), int, Interval(low=15, high=255, whole=True)),
        ((15, 255), None, Interval(low=15, high=255, whole=True)),
        ((15, 255), float, Interval(low=15, high=255)),
        ((0.1, 1), float, Interval(low=0.1, high=1)),
        ((0, 100, 10), int, Interval(low=0, high=100, step=10, whole=True)),
        ((0.0, 1.0, 0.25), float, Interval(low=0.0, high=1.0, step=0.25)),
        (Log(0.01, 1.0), float, Interval(low=0.01, high=1.0, log=True)),
        (Log(1, 1000), int, Interval(low=1, high=1000, log=True, whole=True)),
        (["a", 1, 1.0, True, None], None, Choice(values=("a", 1, 1.0, True, None))),
        ([(64,), (128, 64)], None, Choice(values=((64,), (128, 64)))),
    ],
)
def test_what_is_written_is_what_varies(written: Any, kind: Any, meant: Any) -> None:
    assert read_dimension("x", written, kind) == meant


@pytest.mark.parametrize("written", [3, 0.5, "a", None, (1,), (1, 2, 3, 4), ("a", "b"), {"a": 1}])
def test_everything_else_is_a_constant(written: Any) -> None:
    assert read_dimension("x", written, None) is None


@pytest.mark.parametrize(
    ("written", "kind", "why"),
    [
        ((5, 5), int, "no interval"),
        ((5, 1), int, "no interval"),
        ((0.0, float("inf")), float, "no interval"),
        ((0.1, 0.9), int, "fractions"),
        (Log(0, 1), float, "begins at 0"),
        ((0, 10, 11), int, "a step of 11"),
        ((0, 10, 0), int, "a step of 0"),
        ([], None, "leaves nothing to choose"),
        (["a", "b", "a"], None, "twice"),
        ([object()], None, "can't be written down"),
    ],
)
def test_what_can_t_be_meant_is_refused_by_name(written: Any, kind: Any, why: str) -> None:
    with pytest.raises(InvalidProject) as caught:
        read_dimension("x", written, kind)
    assert why in caught.value.message
    assert "x=" in caught.value.message


def test_a_grid_holds_every_point_once() -> None:
    space = {
        "a": Interval(low=0.0, high=1.0, step=0.5),
        "b": Choice(values=("x", "y")),
        "c": Interval(low=1, high=2, whole=True),
    }
    points = list(grid_of(space))
    assert len(points) == 12
    assert points[0] == {"a": 0.0, "b": "x", "c": 1}
    assert points[-1] == {"a": 1.0, "b": "y", "c": 2}
    assert len({tuple(point.values()) for point in points}) == 12


@pytest.mark.parametrize(
    "axis", [Interval(low=0.0, high=1.0), Interval(low=1, high=9, log=True, whole=True)]
)
def test_a_grid_without_end_is_refused(axis: Interval) -> None:
    with pytest.raises(InvalidProject, match="every number"):
        list(grid_of({"x": axis}))


def test_a_grid_that_is_too_large_is_refused() -> None:
    axis = Interval(low=0, high=999, whole=True)
    with pytest.raises(InvalidProject, match="1,000,000 points"):
        list(grid_of({"x": axis, "y": axis}))


@given(
    low=st.floats(-1e6, 1e6),
    span=st.floats(0.01, 1e6),
    parts=st.integers(1, 50),
)
def test_steps_end_at_the_upper_end_and_stay_inside(low: float, span: float, parts: int) -> None:
    axis = Interval(low=low, high=low + span, step=span / parts)
    values = axis.grid()
    assert len(values) in (parts, parts + 1)
    assert all(axis.holds(value) for value in values)


@given(st.floats(0.001, 1000))
def test_places_run_from_0_to_1_along_the_scale(value: float) -> None:
    even = Interval(low=0.001, high=1000.0)
    log = Interval(low=0.001, high=1000.0, log=True)
    assert 0 <= even.place(value) <= 1
    assert 0 <= log.place(value) <= 1
    assert log.place(value) >= even.place(value) - 1e-9
    assert log.place(1.0) == pytest.approx(0.5)


def test_choices_are_told_apart_by_type() -> None:
    axis = Choice(values=(1, 1.0, True))
    assert [axis.index(one) for one in (1, 1.0, True)] == [0, 1, 2]
    assert not axis.holds(0)


@pytest.mark.parametrize(
    "axis",
    [
        Interval(low=1, high=9, step=2, whole=True),
        Interval(low=0.5, high=9.5, log=True),
        Choice(values=("a", 1, 1.0, True, None, (1, "b"))),
    ],
)
def test_what_is_written_down_can_be_read_back(axis: Any) -> None:
    assert repr(decode_axis(axis.describe())) == repr(axis)


def test_points_to_begin_with_must_lie_in_the_space() -> None:
    space = {"x": Interval(low=1, high=9, whole=True), "kind": Choice(values=("a",))}
    check_point(space, {"x": 3}, "point 0")
    for point, why in (
        ({"y": 1}, "does not vary"),
        ({"x": 10}, "outside"),
        ({"x": 3.0}, "outside"),
        ({"kind": "b"}, "outside"),
    ):
        with pytest.raises(InvalidProject, match=why):
            check_point(space, point, "point 0")

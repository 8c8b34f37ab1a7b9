"""The order in which observations lie, and what of them is kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.assets.features.arranging import arrange
from towpath.assets.features.shape import shape_of

rows = st.lists(
    st.tuples(
        st.none() | st.sampled_from(["EWR", "JFK"]),
        st.none() | st.integers(0, 4),
        st.none() | st.integers(0, 4),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(seen=rows, shuffler=st.randoms(use_true_random=False), created=st.booleans())
def test_the_order_of_the_rows_means_nothing(
    weather: Any, *, seen: Any, shuffler: Any, created: bool
) -> None:
    shape = shape_of(weather.view(created="made" if created else None))
    numbered = [(number, *one) for number, one in enumerate(seen)]
    once = arrange(shape, weather.reports(*numbered))
    shuffler.shuffle(numbered)
    again = arrange(shape, weather.reports(*numbered))

    assert once.directory.equals(again.directory)
    assert once.observations.equals(again.observations)


def test_of_equals_only_the_largest_key_is_kept(weather: Any) -> None:
    reports = weather.reports((7, "JFK", 1, 2), (9, "JFK", 1, 2), (8, "JFK", 1, 2))

    kept = arrange(shape_of(weather.view(created="made")), reports)

    assert kept.observations["feature.wind"].to_list() == [9.0]


def test_what_has_no_entity_or_time_is_left_out(weather: Any) -> None:
    reports = weather.reports((1, None, 1, None), (2, "JFK", None, None), (3, "JFK", 0, None))

    kept = arrange(shape_of(weather.view()), reports)

    assert (kept.rows, kept.entities["origin"].to_list()) == (1, ["JFK"])


@pytest.mark.parametrize("entity", ["origin", ["origin", "sky"]])
def test_rows_come_back_as_they_were(weather: Any, entity: Any) -> None:
    view = weather.view(entity=entity, created="made", features=["wind"])
    reports = weather.reports((1, "JFK", 1, None), (2, "EWR", 0, 3), (3, "JFK", 0, 0))

    back = arrange(shape_of(view), reports).to_rows()

    expected = reports.sort(*view.entity_columns, "observed").select(
        *view.entity_columns, "wind", "observed", "made"
    )
    assert back.equals(expected)

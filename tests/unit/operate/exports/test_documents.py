"""YAML that readers of YAML 1.1 and 1.2 read as what it was; parameters that schedulers can ask for."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from towpath.build.pipelines import pipeline
from towpath.core.errors import InvalidProject
from towpath.operate.exports import parameters_of, to_yaml

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda one: "e" not in repr(one)),
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff")
    ),
    st.sampled_from(["yes", "no", "1e3", "0x1", "~", "2013-01-01", "a: b", "- x", "#", "*a", "&a"]),
)
KEYS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20
)


@given(st.lists(st.dictionaries(KEYS, TREES, min_size=1), min_size=1, max_size=3))
def test_documents_are_read_back_as_they_were(documents: list[dict[str, Any]]) -> None:
    assert list(yaml.safe_load_all(to_yaml(*documents))) == documents


@pipeline
def train(weeks: int = 8, rate: float = 0.1, fast: bool = True, only: str = "a", among: tuple = ()):
    """Stand for a pipeline."""


@pipeline
def odd(among: tuple):
    """Stand for one that nobody outside can start."""


@pipeline
def yearly(*, year: int):
    """Stand for one that has to be told something."""


def test_plain_parameters_are_offered_and_others_keep_their_defaults() -> None:
    found = {one.name: (one.kind, one.default) for one in parameters_of(train)}
    assert found == {
        "weeks": ("integer", 8),
        "rate": ("number", 0.1),
        "fast": ("boolean", True),
        "only": ("string", "a"),
    }
    assert [(one.name, one.default) for one in parameters_of(yearly)] == [("year", None)]
    with pytest.raises(InvalidProject, match="'among' of 'odd'"):
        parameters_of(odd)

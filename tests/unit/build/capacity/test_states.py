"""States are plain values, bytes and arrays, and nothing that runs code when it is read."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from towpath.build.capacity.states import decode_state, encode_state
from towpath.core.errors import IntegrityError, UsageError

PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary()
VALUES = st.recursive(
    PLAIN | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
DTYPES = (
    npst.integer_dtypes()
    | npst.floating_dtypes()
    | npst.boolean_dtypes()
    | npst.complex_number_dtypes()
)


@given(VALUES)
def test_plain_values_come_back_as_they_were(value: object) -> None:
    assert decode_state(encode_state(value, owner="k")) == value


@given(npst.arrays(DTYPES, npst.array_shapes(min_dims=0, min_side=0)))
def test_arrays_come_back_bit_by_bit(array: np.ndarray) -> None:
    back = decode_state(encode_state({"weights": [array]}, owner="k"))["weights"][0]
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == np.ascontiguousarray(array).tobytes()
    assert back.flags.writeable


def test_the_same_state_of_two_owners_is_not_the_same_bytes() -> None:
    assert encode_state(1, owner="a") != encode_state(1, owner="b")


@pytest.mark.parametrize(
    "state", [object(), {1, 2, 3}.__iter__(), np.array([object()]), 2**70, lambda: None]
)
def test_anything_else_is_refused_with_what_to_do(state: object) -> None:
    with pytest.raises(UsageError, match="a model as bytes in its own format"):
        encode_state({"state": state}, owner="k")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        pickle.dumps([1]),
        encode_state([1, 2], owner="k")[:-1],
        encode_state(1, owner="k") + b"!",
    ],
)
def test_other_bytes_are_not_read(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        decode_state(data)


def test_numpy_scalars_and_times_are_plain_enough() -> None:
    state = {"loss": np.float64(0.5), "at": datetime(2026, 3, 1, tzinfo=UTC).isoformat()}
    assert decode_state(encode_state(state, owner="k")) == {"loss": 0.5, "at": state["at"]}

"""Batches of decisions: what is read is what was written row by row, whatever the rows hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import IntegrityError
from towpath.operate.decisions import Decision, DecisionBatch, DecisionOrigin, encode_frame
from towpath.operate.decisions.columns import batches_frames, decision_of
from towpath.operate.decisions.frames import decode_frames

ORIGIN = DecisionOrigin(
    service="board",
    release="release:production@1",
    model="model:late@1",
    arm="challenger",
    rollout="board.2",
    stage=1,
    inputs=("distance", "hour", "night"),
    output="late",
    wholes=(1,),
    truths=(2,),
)
# A batch of two rows as the first version wrote it: what lies in segments must stay readable.
GOLDEN = (
    "cf0000000de6021a9da96465636973696f6e739aa5626f617264b472656c656173653a70726f6475"
    "6374696f6e4031ac6d6f64656c3a6c6174654031aa6368616c6c656e676572a7626f6172642e3201"
    "93a864697374616e6365a4686f7572a56e69676874a46c61746591019102077892a469642d30a469"
    "642d3192cd03e8cd03e9c430000000000000f83f0000000000001c40000000000000f03f00000000"
    "0000f87f0000000000002040000000000000000092cb0000000000000000cb3fd000000000000092"
    "a161c0c0c0c0cb3ff0000000000000"
)


def batch(rows: list[tuple[float, int, bool]], **fields: Any) -> DecisionBatch:
    count = len(rows)
    return DecisionBatch(
        **{
            "origin": ORIGIN.encoded(),
            "recorded_us": 7,
            "latency_us": 120,
            "ids": [f"id-{at}" for at in range(count)],
            "at_us": [1_000 + at for at in range(count)],
            "inputs": np.array(rows, dtype="<f8").reshape(count, 3).tobytes(),
            "outputs": [at / 4 for at in range(count)],
        }
        | fields
    )


def decision(at: int, inputs: dict[str, Any], **fields: Any) -> Decision:
    return Decision(
        **{
            "decision_id": f"id-{at}",
            "at_us": 1_000 + at,
            "recorded_us": 7,
            "service": "board",
            "release": "release:production@1",
            "model": "model:late@1",
            "arm": "challenger",
            "rollout": "board.2",
            "stage": 1,
            "inputs": inputs,
            "outputs": {"late": at / 4},
            "latency_us": 120,
        }
        | fields
    )


@given(
    st.lists(
        st.tuples(
            st.floats(allow_infinity=False),
            st.integers(-(2**53), 2**53),
            st.booleans(),
        ),
        max_size=5,
    )
)
def test_a_matrix_is_read_as_the_rows_it_was_made_of(rows: list[tuple[float, int, bool]]) -> None:
    frame = encode_frame(batch(rows))
    records, end = decode_frames(frame)
    assert end == len(frame)
    assert records == [
        decision(
            at,
            {"distance": None if math.isnan(row[0]) else row[0], "hour": row[1], "night": row[2]},
        )
        for at, row in enumerate(rows)
    ]
    for record in records:
        assert isinstance(record, Decision)
        assert [type(record.inputs[name]) for name in ("hour", "night")] == [int, bool]


def test_columns_keys_subjects_and_failures_come_back_row_by_row() -> None:
    written = batch(
        [(1.0, 2, True)] * 2,
        inputs=[["JFK", None], [2, 2**63 - 1], [True, False]],
        outputs=None,
        keys=["a", None],
        subjects=[None, "ab" * 16],
        error="ZeroDivisionError",
        kept=0.5,
        service_version="web@2",
    )
    failed = {
        "outputs": {},
        "status": "error",
        "error": "ZeroDivisionError",
        "kept": 0.5,
        "service_version": "web@2",
    }
    records, _ = decode_frames(encode_frame(written))
    assert records == [
        decision(0, {"distance": "JFK", "hour": 2, "night": True}, key="a", **failed),
        decision(
            1, {"distance": None, "hour": 2**63 - 1, "night": False}, subject="ab" * 16, **failed
        ),
    ]


def test_a_batch_stays_readable_as_it_was_first_written() -> None:
    written = batch([(1.5, 7, True), (math.nan, 8, False)], keys=["a", None])
    assert encode_frame(written).hex() == GOLDEN
    records, _ = decode_frames(bytes.fromhex(GOLDEN))
    assert [record.inputs for record in records] == [
        {"distance": 1.5, "hour": 7, "night": True},
        {"distance": None, "hour": 8, "night": False},
    ]


@pytest.mark.parametrize("inputs", [b"\0" * 8, [["x"]]], ids=["matrix", "columns"])
def test_a_batch_whose_parts_do_not_fit_is_damage(inputs: Any) -> None:
    with pytest.raises(IntegrityError, match="can't be read"):
        decode_frames(encode_frame(batch([(1.0, 2, True)], inputs=inputs)))


def test_a_batch_is_as_long_as_rows_are_narrow() -> None:
    assert ORIGIN.rows_at_most > 1_000
    wide = DecisionOrigin(
        service="s",
        release="r",
        model="m",
        arm="champion",
        rollout=None,
        stage=None,
        inputs=tuple(map(str, range(1_000_000))),
        output="late",
    )
    assert wide.rows_at_most == 1


@given(
    st.lists(
        st.tuples(st.floats(allow_infinity=False), st.integers(0, 23), st.booleans()),
        max_size=4,
    ),
    st.booleans(),
)
def test_frames_of_batches_hold_what_their_decisions_do(
    rows: list[tuple[float, int, bool]], failed: bool
) -> None:
    fields = {"outputs": None, "error": "KeyError"} if failed else {}
    columns = [["JFK", None], [2, 5], [True, False]]
    batches = [
        batch(rows, **fields),
        batch(rows, keys=[None, *["k"] * (len(rows) - 1)] if rows else None, kept=0.5),
        batch([(0, 0, False)] * 2, inputs=columns, subjects=["ab" * 16, None]),
    ]
    read = [
        decision_of(row) for frame in batches_frames(batches) for row in frame.iter_rows(named=True)
    ]
    assert read == [one for each in batches for one in each.decisions()]

"""Answers of a Redis, cut out of bytes that come in any pieces."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import exceptions as exc

from towpath.storage.online.answers import AnswerReader, first_refusal

VALUES = st.lists(st.binary(max_size=40) | st.none(), max_size=5)


def written(values: list[bytes | None]) -> bytes:
    parts = [b"$-1\r\n" if one is None else b"$%d\r\n%b\r\n" % (len(one), one) for one in values]
    return b"*%d\r\n" % len(values) + b"".join(parts)


def read(*pieces: bytes) -> list[Any]:
    reader, found = AnswerReader(), list[Any]()
    for piece in pieces:
        reader.feed(piece, len(piece), found)
    return found


@given(st.lists(VALUES, max_size=4), st.integers(1, 30))
def test_answers_come_out_whole_and_in_order(answers: list[list[bytes | None]], width: int):
    data = b"".join(written(one) for one in answers)
    assert read(*(data[at : at + width] for at in range(0, len(data), width))) == answers


def test_only_so_much_of_a_buffer_counts_as_was_received():
    reader, found = AnswerReader(), list[Any]()
    data = written([b"one"])
    reader.feed(bytearray(data + written([b"left from before"])), len(data), found)
    assert found == [[b"one"]]


def test_what_a_server_sends_unasked_is_left_out():
    pushed = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nx\r\n"
    assert read(written([b"a"]) + pushed + written([b"b"])) == [[b"a"], [b"b"]]


def test_a_missing_value_is_read_in_both_versions_of_the_protocol():
    assert read(b"*2\r\n_\r\n$1\r\na\r\n") == [[None, b"a"]]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"WRONGTYPE Operation against a key", exc.ResponseError),
        (b"LOADING Redis is loading the dataset in memory", exc.ConnectionError),
        (b"MASTERDOWN Link with MASTER is down", exc.ConnectionError),
    ],
)
def test_a_refusal_keeps_its_place_among_answers(said: bytes, kind: type[Exception]):
    found = read(written([b"a"]) + b"-" + said + b"\r\n" + written([b"b"]))
    assert [found[0], found[2]] == [[b"a"], [b"b"]]
    refusal = first_refusal(found)
    assert refusal is found[1]
    assert isinstance(refusal, kind)
    assert first_refusal([found[0], found[2]]) is None


def test_bytes_that_are_no_answer_are_an_error():
    with pytest.raises(exc.InvalidResponse):
        read(b"HTTP/1.1 400 Bad Request\r\n")

"""Murmur3 and buckets, against the specification's numbers and a scalar version of the algorithm."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.datasets.hashing import bucket_of, buckets_of, murmur3, shortened


def scalar_murmur3(data: bytes) -> int:
    """Austin Appleby's MurmurHash3_x86_32, seed 0, one byte string at a time."""

    def scramble(word: int) -> int:
        word = word * 0xCC9E2D51 & 0xFFFFFFFF
        word = (word << 15 | word >> 17) & 0xFFFFFFFF
        return word * 0x1B873593 & 0xFFFFFFFF

    state, whole = 0, len(data) // 4 * 4
    for place in range(0, whole, 4):
        state ^= scramble(int.from_bytes(data[place : place + 4], "little"))
        state = (state << 13 | state >> 19) & 0xFFFFFFFF
        state = (state * 5 + 0xE6546B64) & 0xFFFFFFFF
    if data[whole:]:
        state ^= scramble(int.from_bytes(data[whole:], "little"))
    state ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        state = (state ^ state >> shift) * factor & 0xFFFFFFFF
    return state ^ state >> 16


def test_the_example_of_icebergs_specification():
    # Appendix B, "32-bit hash requirements": string "iceberg" hashes to 1210000089.
    assert murmur3(pl.Series(["iceberg"])).tolist() == [1210000089]


@given(st.lists(st.text(max_size=40)))
def test_a_column_hashes_like_its_texts_one_by_one(texts: list[str]):
    expected = [scalar_murmur3(text.encode()) for text in texts]
    assert murmur3(pl.Series(texts, dtype=pl.String)).tolist() == expected


def test_a_slice_of_a_column_hashes_its_own_texts():
    column = pl.Series(["a", "bc", "def", "ghij"])
    assert murmur3(column[1:3]).tolist() == murmur3(pl.Series(["bc", "def"])).tolist()


@given(st.text(), st.integers(1, 1024))
def test_buckets_are_the_hash_without_its_sign_modulo_n(text: str, buckets: int):
    assert bucket_of(text, buckets) == (scalar_murmur3(text.encode()) & 0x7FFFFFFF) % buckets


def test_no_texts_have_no_buckets():
    assert buckets_of(pl.Series([], dtype=pl.String), 16).tolist() == []


def test_long_texts_are_told_apart_by_their_digests():
    texts = pl.Series(["short", "x" * 257, "x" * 258, "é" * 200, "x" * 256])
    found = shortened(texts)
    assert found[0] == "short"
    assert found[4] == "x" * 256
    assert found.str.len_bytes().max() == 256
    assert found.n_unique() == 5
    assert shortened(texts.reverse()).equals(found.reverse())

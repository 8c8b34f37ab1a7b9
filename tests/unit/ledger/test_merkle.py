"""The stored-subtree tree is the tree of RFC 9162, and its proofs can't be bent."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.ledger import merkle

sizes = st.integers(1, 70)


def leaves(size: int) -> list[bytes]:
    return [merkle.hash_leaf(str(number).encode()) for number in range(size)]


def tree_hash(hashes: list[bytes]) -> bytes:
    """MTH of section 2.1.1, as the RFC writes it."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + tree_hash(hashes[:k]) + tree_hash(hashes[k:])).digest()


def stored(size: int) -> dict[merkle.Subtree, bytes]:
    """Append so many leaves one by one, keeping what an append says is complete."""
    nodes: dict[merkle.Subtree, bytes] = {}
    peaks: list[bytes] = []
    for number, leaf in enumerate(leaves(size)):
        nodes[0, number] = leaf
        peaks, completed = merkle.append_leaf(number, peaks, leaf)
        nodes.update(completed)
        assert merkle.fold(peaks) == tree_hash(leaves(number + 1))
    return nodes


NODES = stored(70)


def roots(spans: list[merkle.Span]) -> list[str]:
    return [merkle.fold([NODES[part] for part in merkle.subtrees(span)]).hex() for span in spans]


def root(size: int) -> str:
    return tree_hash(leaves(size)).hex()


def test_known_hashes() -> None:
    # https://github.com/google/certificate-transparency: the test vectors of CT's reference tree
    assert merkle.EMPTY_ROOT.hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert merkle.hash_leaf(b"").hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    two = merkle.hash_children(merkle.hash_leaf(b""), merkle.hash_leaf(b"\x00"))
    assert two.hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"


@given(size=st.integers(0, 70))
def test_the_root_of_any_prefix_is_the_tree_hash(size: int) -> None:
    assert roots([(0, size)]) == [root(size)]


@given(size=sizes, data=st.data())
def test_inclusion_holds_for_its_leaf_place_and_root_alone(size: int, data: st.DataObject) -> None:
    seq = data.draw(st.integers(0, size - 1))
    path = roots(merkle.inclusion_spans(seq, size))
    leaf = leaves(size)[seq].hex()
    whole = {"leaf": leaf, "seq": seq, "size": size, "path": path, "root": root(size)}
    assert len(path) <= (size - 1).bit_length()
    assert merkle.verify_inclusion(**whole)
    other = "00" * 32
    bent = [
        {"leaf": other},
        {"root": other},
        {"path": [*path, other]},
        {"path": path[:-1] if path else [other]},
        {"seq": size},
        {"seq": -1},
        {"leaf": "zz"},
        {"leaf": leaf[:-2]},
        *({"path": [*path[:n], other, *path[n + 1 :]]} for n in range(len(path))),
        *({"seq": wrong} for wrong in range(size) if wrong != seq),
    ]
    for change in bent:
        assert not merkle.verify_inclusion(**{**whole, **change}), change


@given(size=sizes, data=st.data())
def test_consistency_holds_between_its_two_trees_alone(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    proof = roots(merkle.consistency_spans(old, size))
    whole = {
        "old_size": old,
        "old_root": root(old),
        "new_size": size,
        "new_root": root(size),
        "proof": proof,
    }
    assert merkle.verify_consistency(**whole)
    other = "00" * 32
    bent = [
        {"old_root": other},
        {"proof": [*proof, other]},
        {"old_size": size + 1},
        {"old_size": -1},
        *({"proof": [*proof[:n], other, *proof[n + 1 :]]} for n in range(len(proof))),
    ]
    if old:
        bent.append({"new_root": other})
    if proof:
        bent += [{"proof": proof[:-1]}, {"proof": ["zz", *proof[1:]]}]
    for change in bent:
        assert not merkle.verify_consistency(**{**whole, **change}), change


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 33])
def test_a_rewritten_past_is_not_consistent(size: int) -> None:
    rewritten = leaves(size)
    rewritten[0] = merkle.hash_leaf(b"something else")
    assert not merkle.verify_consistency(
        old_size=size,
        old_root=tree_hash(rewritten).hex(),
        new_size=size + 5,
        new_root=root(size + 5),
        proof=roots(merkle.consistency_spans(size, size + 5)),
    )

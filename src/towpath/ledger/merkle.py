"""The Merkle tree of RFC 9162, section 2.1, as pure functions over stored complete subtrees.

A tree of n leaves is a row of complete subtrees, largest first (the *peaks*, one per set bit of n).
Their hashes never change once they exist, so they are stored by (level, position); a root or proof
is then read from O(log n) of them, and an append writes one or two on average.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Span: TypeAlias = tuple[int, int]  # leaves [first, end)
Subtree: TypeAlias = tuple[int, int]  # (level, position): leaves [position << level, … + 2**level)

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()


def hash_leaf(data: bytes) -> bytes:
    """Return the hash of a leaf, `SHA-256(0x00 || data)`."""
    return hashlib.sha256(b"\x00" + data).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node, `SHA-256(0x01 || left || right)`."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def append_leaf(
    size: int, peaks: Sequence[bytes], leaf: bytes
) -> tuple[list[bytes], list[tuple[Subtree, bytes]]]:
    """Add a leaf to a tree of `size` leaves with these peaks.

    Returns:
        The new peaks, and the complete subtrees above the leaf that came into being.
    """
    peaks = list(peaks)
    completed: list[tuple[Subtree, bytes]] = []
    node, level, position = leaf, 0, size
    while position & 1:
        node = hash_children(peaks.pop(), node)
        level, position = level + 1, position >> 1
        completed.append(((level, position), node))
    return [*peaks, node], completed


def subtrees(span: Span) -> list[Subtree]:
    """Split the leaves of a span that a proof can ask for into complete subtrees, left to right."""
    first, end = span
    parts: list[Subtree] = []
    while first < end:
        level = (end - first).bit_length() - 1
        parts.append((level, first >> level))
        first += 1 << level
    return parts


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root over adjacent complete subtrees, given left to right, largest first."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = hash_children(left, root)
    return root


def inclusion_spans(seq: int, size: int) -> list[Span]:
    """Return the spans whose roots are the audit path of leaf `seq` (section 2.1.3.1), leaf first."""
    spans: list[Span] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if seq < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((first, middle))
            first = middle
    return spans[::-1]


def consistency_spans(old_size: int, new_size: int) -> list[Span]:
    """Return the spans whose roots prove that the older tree is a prefix (section 2.1.4.1)."""
    if old_size in (0, new_size):
        return []
    spans: list[Span] = []
    first, end = 0, new_size
    while old_size != end:
        middle = first + _split(end - first)
        if old_size <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((first, middle))
            first = middle
    if first:
        spans.append((first, end))
    return spans[::-1]


def verify_inclusion(*, leaf: str, seq: int, size: int, path: Sequence[str], root: str) -> bool:
    """Check an audit path (section 2.1.3.2). Hashes are hexadecimal; needs no ledger."""
    if not 0 <= seq < size:
        return False
    sides = _climb(seq, size - 1, len(path))
    hashes = _unhex([leaf, *path])
    if sides is None or hashes is None:
        return False
    node = hashes[0]
    for on_left, sibling in zip(sides, hashes[1:], strict=True):
        node = hash_children(sibling, node) if on_left else hash_children(node, sibling)
    return node.hex() == root


def verify_consistency(
    *, old_size: int, old_root: str, new_size: int, new_root: str, proof: Sequence[str]
) -> bool:
    """Check that the tree of `new_size` only added to that of `old_size` (section 2.1.4.2)."""
    if not 0 < old_size < new_size:
        trivial = EMPTY_ROOT.hex() if old_size == 0 else new_root
        return 0 <= old_size <= new_size and not proof and old_root == trivial
    # Where the older tree is complete, its root is a node of the newer and not repeated in the proof.
    complete = not old_size & (old_size - 1)
    hashes = _unhex([old_root, *proof] if complete else proof)
    if not hashes:
        return False
    skipped = (old_size & -old_size).bit_length() - 1
    sides = _climb((old_size - 1) >> skipped, (new_size - 1) >> skipped, len(hashes) - 1)
    if sides is None:
        return False
    old = new = hashes[0]
    for on_left, sibling in zip(sides, hashes[1:], strict=True):
        if on_left:
            old, new = hash_children(sibling, old), hash_children(sibling, new)
        else:
            new = hash_children(new, sibling)
    return (old.hex(), new.hex()) == (old_root, new_root)


def _climb(position: int, last: int, steps: int) -> list[bool] | None:
    """Walk from a node to the root; tell for each step whether the sibling is on the left.

    Returns None where the root is not reached in exactly that many steps.
    """
    sides: list[bool] = []
    for _ in range(steps):
        if last == 0:
            return None
        on_left = bool(position & 1) or position == last
        sides.append(on_left)
        while on_left and position and not position & 1:
            position, last = position >> 1, last >> 1
        position, last = position >> 1, last >> 1
    return sides if last == 0 else None


def _unhex(texts: Sequence[str]) -> list[bytes] | None:
    """Read hashes; None if one of them isn't."""
    try:
        hashes = [bytes.fromhex(text) for text in texts]
    except ValueError:
        return None
    return hashes if all(len(each) == HASH_BYTES for each in hashes) else None


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1

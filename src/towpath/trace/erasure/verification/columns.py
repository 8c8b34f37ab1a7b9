"""Finds a value in Arrow data: every string, binary and number, however deeply nested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from towpath.trace.erasure.verification.needle import Count, Needle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Array: TypeAlias = Any  # pyarrow carries no types
_compute = cast("Any", pc)  # its functions are generated at import, so no checker knows them


def count_batches(needle: Needle, batches: Iterable[Any]) -> dict[str, Count]:
    """Return, for each column that holds the value, how often."""
    found: dict[str, Count] = {}
    for batch in batches:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            count = sum((_count(needle, leaf) for leaf in _leaves(column)), Count())
            if count != Count():
                found[name] = found.get(name, Count()) + count
    return found


def _leaves(array: _Array) -> Iterator[_Array]:
    """Yield the flat arrays inside one; of a dictionary every entry, used or not."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        yield from _leaves(array.storage)
    elif isinstance(array, pa.DictionaryArray):
        yield from _leaves(array.dictionary)
    elif isinstance(array, pa.StructArray):
        for position in range(kind.num_fields):
            yield from _leaves(array.field(position))
    elif isinstance(array, pa.MapArray):
        yield from _leaves(array.keys)
        yield from _leaves(array.items)
    elif kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind):
        yield from _leaves(array.values)
    else:
        yield array


def _count(needle: Needle, leaf: _Array) -> Count:
    kind = leaf.type
    if kinds.is_string_view(kind) or kinds.is_binary_view(kind):
        leaf = leaf.cast(pa.large_string() if kinds.is_string_view(kind) else pa.large_binary())
        kind = leaf.type
    if kinds.is_string(kind) or kinds.is_large_string(kind):
        hits = leaf.filter(_compute.match_substring(leaf, needle.value))
        return sum((needle.count_text(text) for text in hits.to_pylist()), Count())
    if kinds.is_binary(kind) or kinds.is_large_binary(kind):
        hits = leaf.filter(_compute.match_substring(leaf, needle.utf8))
        return sum((_in_binary(needle, data) for data in hits.to_pylist()), Count())
    if kinds.is_integer(kind) and needle.value.lstrip("-").isdecimal():
        return Count(whole=_compute.sum(_compute.equal(leaf, int(needle.value))).as_py() or 0)
    return Count()


def _in_binary(needle: Needle, data: bytes) -> Count:
    try:
        return needle.count_text(data.decode())
    except UnicodeDecodeError:
        return Count(whole=needle.count_bytes(data))

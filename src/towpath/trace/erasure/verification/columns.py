"""Finds a value in Arrow data: every string, binary and number, however deeply nested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as kinds

from towpath.trace.erasure.verification.needle import Count, Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Array: TypeAlias = Any  # pyarrow carries no types


def count_batches(needle: Search, batches: Iterable[Any]) -> dict[str, Count]:
    """Return, for each column that holds the value, how often."""
    found: dict[str, Count] = {}
    for batch in batches:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            count = sum((_count(needle, leaf) for leaf in _leaves(column)), Count())
            if count != Count():
                found[name] = found.get(name, Count()) + count
    return found


def count_parquet(needle: Search, source: _Array, *, rows_at_once: int) -> dict[str, Count]:
    """Return, for each column of a Parquet file that holds the value, how often.

    Texts are read as dictionaries, so that entries which no row uses any more are seen, and each value
    once. What can't hold the value is not decoded; as bytes it is searched with the rest of the file.
    The footer is read once, and on one thread: a home is many small files, read side by side.
    """
    metadata = pq.read_metadata(source)
    schema = metadata.schema.to_arrow_schema()
    names = [one.name for one in schema if may_hold(needle, one.type)]
    flat = [
        one.name for one in schema if kinds.is_string(one.type) or kinds.is_large_string(one.type)
    ]
    file = pq.ParquetFile(source, metadata=metadata, read_dictionary=flat)
    batches = file.iter_batches(batch_size=rows_at_once, columns=names, use_threads=False)
    return count_batches(needle, batches)


def may_hold(needle: Search, kind: _Array) -> bool:
    """Tell whether a column of a type can hold the value: no fraction, moment or truth value is a name."""
    if kinds.is_floating(kind) or kinds.is_temporal(kind) or kinds.is_boolean(kind):
        return False
    return needle.has_numbers or not kinds.is_integer(kind)


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


def _count(needle: Search, leaf: _Array) -> Count:
    kind = leaf.type
    if kinds.is_string_view(kind) or kinds.is_binary_view(kind):
        leaf = leaf.cast(pa.large_string() if kinds.is_string_view(kind) else pa.large_binary())
        kind = leaf.type
    if kinds.is_string(kind) or kinds.is_large_string(kind):
        hits = needle.select(leaf).to_pylist()
        return sum((needle.count_text(text) for text in hits), Count())
    if kinds.is_binary(kind) or kinds.is_large_binary(kind):
        hits = needle.select_bytes(leaf).to_pylist()
        return sum((_in_binary(needle, data) for data in hits), Count())
    if kinds.is_integer(kind) and needle.has_numbers:
        return needle.count_numbers(leaf)
    return Count()


def _in_binary(needle: Search, data: bytes) -> Count:
    try:
        return needle.count_text(data.decode())
    except UnicodeDecodeError:
        return Count(whole=needle.count_bytes(data))

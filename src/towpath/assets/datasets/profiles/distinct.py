"""How many different values a column has, in two kilobytes that merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from towpath.assets.datasets.hashing import murmur3, shortened

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    Registers: TypeAlias = NDArray[np.uint8]

_PRECISION = 11
REGISTERS = 1 << _PRECISION
_REST_BITS = 64 - _PRECISION
_ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)


def sketch_texts(texts: pl.Series) -> Registers:
    """Return the HyperLogLog registers of texts; nulls don't count.

    Pass each text once where that is cheap. Texts are hashed by Murmur3 to 32 bits first, so counts saturate towards 4 billion.
    """
    return _registers(murmur3(shortened(texts.drop_nulls())).astype(np.uint64))


def sketch_numbers(ordered: NDArray[np.float64]) -> Registers:
    """Return the HyperLogLog registers of ascending numbers without NaN."""
    # Adding zero folds -0.0 into 0.0, which are one value with two bit patterns.
    return _registers((ordered[np.diff(ordered, prepend=np.nan) != 0] + 0.0).view(np.uint64))


def estimate(registers: Registers) -> int:
    """Return the estimated count: standard error 2.3 %, and near exact below a few hundred."""
    raw = _ALPHA * REGISTERS**2 / float(np.sum(np.exp2(-registers.astype(np.float64))))
    empty = int(np.count_nonzero(registers == 0))
    if raw <= 2.5 * REGISTERS and empty:
        return round(REGISTERS * float(np.log(REGISTERS / empty)))
    return round(raw)


def mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return words scrambled by SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _registers(words: NDArray[np.uint64]) -> Registers:
    """Fill 2,048 registers (Flajolet et al., "HyperLogLog", AofA 2007) with mixed 64-bit words."""
    hashes = mix(words)
    places = (hashes >> np.uint64(64 - _PRECISION)).astype(np.intp)
    # The other 53 bits fit a float exactly, whose exponent tells the highest bit that is set.
    rest = hashes & np.uint64((1 << _REST_BITS) - 1)
    _, exponents = np.frexp(rest.astype(np.float64))
    registers = np.zeros(REGISTERS, dtype=np.uint8)
    np.maximum.at(registers, places, (_REST_BITS + 1 - exponents).astype(np.uint8))
    return registers

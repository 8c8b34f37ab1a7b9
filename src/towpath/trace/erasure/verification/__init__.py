"""Proves an erasure by reading: every stored byte, decoded and raw."""

from towpath.trace.erasure.verification.needle import Needle
from towpath.trace.erasure.verification.scan import HomeScanner, PackedRows, TableReader

__all__ = ["HomeScanner", "Needle", "PackedRows", "TableReader"]

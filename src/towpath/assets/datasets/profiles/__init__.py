"""Profiles: counts in fixed bins that merge exactly, and the distances between them."""

from towpath.assets.datasets.profiles.column import ColumnProfile, Kind
from towpath.assets.datasets.profiles.distances import Comparison, compare
from towpath.assets.datasets.profiles.profile import Profile

__all__ = ["ColumnProfile", "Comparison", "Kind", "Profile", "compare"]

"""Profiles: counts in fixed bins that merge exactly, and the distances between them."""

from towpath.assets.datasets.profiles.column import ColumnProfile, Kind
from towpath.assets.datasets.profiles.distances import Comparison, compare
from towpath.assets.datasets.profiles.profile import Profile
from towpath.assets.datasets.profiles.strengths import Strength, missing_together, strengths

__all__ = [
    "ColumnProfile",
    "Comparison",
    "Kind",
    "Profile",
    "Strength",
    "compare",
    "missing_together",
    "strengths",
]

"""Splits: rows parted so that the parts can be found again, and nobody is in two of them."""

from towpath.assets.datasets.splits.contract import WAYS, By, Cuts, Split
from towpath.assets.datasets.splits.parting import find_cuts, part_of, parted
from towpath.assets.datasets.splits.recording import commit_split

__all__ = ["WAYS", "By", "Cuts", "Split", "commit_split", "find_cuts", "part_of", "parted"]

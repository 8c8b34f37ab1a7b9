"""Personal data that nobody declared: which columns look like it, told without keeping a value."""

from towpath.assets.personal.contract import Kind, PersonalFinding
from towpath.assets.personal.detecting import SAMPLED_MOST, find_personal

__all__ = ["SAMPLED_MOST", "Kind", "PersonalFinding", "find_personal"]

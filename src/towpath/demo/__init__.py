"""`towpath demo`: the whole loop on a year of real flights, with nothing faked."""

from towpath.demo.narrator import Narrator
from towpath.demo.plan import FAST, FULL, Plan
from towpath.demo.story import tell

__all__ = ["FAST", "FULL", "Narrator", "Plan", "tell"]

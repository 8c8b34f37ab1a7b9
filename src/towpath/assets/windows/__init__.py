"""Windows: aggregates over what happened before a moment, the same in training and in serving."""

from towpath.assets.windows.computing import add_windows, tumble
from towpath.assets.windows.contract import AS_OF, FUNCTIONS, Aggregate, WindowSpec
from towpath.assets.windows.declaration import Window

__all__ = [
    "AS_OF",
    "FUNCTIONS",
    "Aggregate",
    "Window",
    "WindowSpec",
    "add_windows",
    "tumble",
]

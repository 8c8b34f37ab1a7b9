"""Why a model answers as it does: what each column adds to one answer."""

from towpath.assets.models.explaining.background import Background
from towpath.assets.models.explaining.contract import Explainer, Explanation, Method
from towpath.assets.models.explaining.opening import load_explainer, load_line
from towpath.assets.models.explaining.structure import TreeStructure, load_structure

__all__ = [
    "Background",
    "Explainer",
    "Explanation",
    "Method",
    "TreeStructure",
    "load_explainer",
    "load_line",
    "load_structure",
]

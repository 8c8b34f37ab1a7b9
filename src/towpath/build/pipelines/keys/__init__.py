"""A step's cache key: everything that can change its result, by name."""

from towpath.build.pipelines.keys.key import (
    ASKED_ANEW,
    StepKey,
    call_key,
    explain_miss,
    step_parts,
)
from towpath.build.pipelines.keys.reach import code_parts, imported_libraries
from towpath.build.pipelines.keys.sources import SourceTree

__all__ = [
    "ASKED_ANEW",
    "SourceTree",
    "StepKey",
    "call_key",
    "code_parts",
    "explain_miss",
    "imported_libraries",
    "step_parts",
]

"""A step's cache key: everything that can change its result, by name."""

from towpath.build.pipelines.keys.key import StepKey, explain_miss, step_key
from towpath.build.pipelines.keys.reach import code_parts, imported_libraries
from towpath.build.pipelines.keys.sources import SourceTree

__all__ = ["SourceTree", "StepKey", "code_parts", "explain_miss", "imported_libraries", "step_key"]

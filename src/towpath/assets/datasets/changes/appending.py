"""Under which declaration a version may be added to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.manifest import Manifest, blank
from towpath.core.errors import SchemaViolation

if TYPE_CHECKING:
    from towpath.assets.datasets.declaration import Dataset

_LAYOUT = ("key", "time", "subject", "subject_field", "buckets")


def continued(dataset: Dataset, before: Manifest) -> Manifest:
    """Return the manifest to build on: today's declaration over yesterday's files.

    Raises:
        SchemaViolation: The declaration changed in more than new columns that may be missing.
    """
    today = blank(dataset)
    had = {column.name: column for column in before.columns}
    has = {column.name: column for column in today.columns}
    changed = [name for name in had if name not in has or has[name].type != had[name].type]
    changed += [name for name in has if name not in had and not has[name].nullable]
    changed += [name for name in _LAYOUT if getattr(before, name) != getattr(today, name)]
    if changed:
        raise SchemaViolation(
            f"data set {dataset.name!r} was declared otherwise when its latest version was "
            f"committed: {changed[0]!r} has changed",
            remedy="Append keeps columns, types, key, time, subject and buckets; new columns must be "
            "nullable. Commit everything with mode='overwrite' to change more.",
            dataset=dataset.name,
            changed=changed,
        )
    return today.with_files(list(before.files))

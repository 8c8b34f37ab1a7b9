"""What is installed now that was not, or was another version, when a model was made and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.code import environment_digest, environment_lock
from towpath.core.errors import NotFound
from towpath.trace.explaining.replays import Changed, Environment

if TYPE_CHECKING:
    from towpath.ledger.records import Version
    from towpath.storage.blobs.contract import BlobStore


def compare_environments(version: Version, blobs: BlobStore) -> Environment:
    """Compare a model version's lock with that of this process.

    The gateway that answered may have run in a third: a decision names its release and its package, and
    a package names the library of its form. What is compared is where the bits were judged.
    """
    then: str | None = version.body.get("lock")
    now = environment_digest()
    if then is None or then == now:
        return Environment(then=then, now=now)
    try:
        before = _versions(blobs.get(then))
    except NotFound:
        return Environment(then=then, now=now)
    here = _versions(environment_lock())
    changed = [
        Changed(name=name, then=before.get(name), now=here.get(name))
        for name in before.keys() | here.keys()
        if before.get(name) != here.get(name)
    ]
    library = str(version.body.get("library", "")).partition(" ")[0]
    first = {library, "onnxruntime", "numpy", "python", "platform"}
    changed.sort(key=lambda one: (one.name not in first, one.name))
    return Environment(then=then, now=now, changed=tuple(changed))


def _versions(lock: bytes) -> dict[str, str]:
    """Read what `environment_lock` wrote; its two comments are interpreter and platform."""
    found: dict[str, str] = {}
    heads = iter(("python", "platform"))
    for line in lock.decode().splitlines():
        if line.startswith("# "):
            found[next(heads, "comment")] = line[2:]
        elif line:
            name, _, version = line.partition("==")
            found[name] = version
    return found

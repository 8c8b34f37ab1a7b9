"""What is another in the version that erred than in the one that served before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.assets.code import read_bundle
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.trace.incidents.contract import Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.storage.blobs.contract import BlobStore

_NAMED = 5


def version_before(tx: Transaction, service: str, model: Version, release: str) -> Version | None:
    """Return the model version that the service was answered by before the one in a release.

    Args:
        tx: What is asked inside of.
        service: Which service.
        model: The version that erred.
        release: The release that it answered in, as a reference.
    """
    here = Ref.parse(release, "release")
    for number in range((here.version or 1) - 1, 0, -1):
        earlier = tx.versions.find(here.at(number))
        pinned = {} if earlier is None else earlier.body["services"].get(service, {})
        if pinned and pinned["model"] != str(model.ref):
            return tx.versions.find(Ref.parse(pinned["model"], "model"))
    return None


def changed_suspects(
    tx: Transaction, blobs: BlobStore, model: Version, before: Version
) -> list[Suspect]:
    """Return what differs: code by file, parameters, data by version, the environment by package.

    Values count what differs. What is the same is no suspect.
    """
    return [
        *_code(tx, blobs, model, before),
        *_params(model, before),
        *_datasets(tx, model, before),
        *_environment(blobs, model, before),
    ]


def _code(tx: Transaction, blobs: BlobStore, model: Version, before: Version) -> Iterator[Suspect]:
    now, then = model.body.get("code"), before.body.get("code")
    if not now or not then or now == then:
        return
    files = [_files(tx, blobs, one) for one in (then, now)]
    changed = _differing(*files)
    if changed:
        yield Suspect(
            kind="code",
            name=str(now),
            value=float(len(changed)),
            unit="files differ",
            summary=f"{now} differs from {then}, of {before.ref}, in {_some(changed)}",
            refs=(str(now), str(then)),
        )


def _params(model: Version, before: Version) -> Iterator[Suspect]:
    changed = _differing(before.body.get("params", {}), model.body.get("params", {}))
    if changed:
        yield Suspect(
            kind="model",
            name="parameters",
            value=float(len(changed)),
            unit="parameters differ",
            summary=f"{model.ref} was trained with other parameters than {before.ref}: {_some(changed)}",
            refs=(str(model.ref), str(before.ref)),
        )


def _datasets(tx: Transaction, model: Version, before: Version) -> Iterator[Suspect]:
    now = {one.name: one for one in map(Ref.parse, model.body.get("datasets", ()))}
    then = {one.name: one for one in map(Ref.parse, before.body.get("datasets", ()))}
    for name, ref in now.items():
        other = then.get(name)
        if other == ref:
            continue
        rows = [_rows(tx, one) for one in (other, ref) if one is not None]
        more = rows[-1] - rows[0] if len(rows) == 2 else rows[-1]
        said = f"in place of {other}" if other is not None else "which that had not"
        yield Suspect(
            kind="model",
            name=str(ref),
            value=float(more),
            unit="rows more than before",
            summary=f"{model.ref} learnt from {ref}, {said}, of {before.ref}",
            refs=(str(ref), *([str(other)] if other is not None else [])),
        )


def _environment(blobs: BlobStore, model: Version, before: Version) -> Iterator[Suspect]:
    now, then = model.body.get("lock"), before.body.get("lock")
    if not now or not then or now == then:
        return
    try:
        changed = _differing(*(_packages(blobs.get(one)) for one in (then, now)))
    except NotFound:
        return
    if changed:
        yield Suspect(
            kind="model",
            name="environment",
            value=float(len(changed)),
            unit="packages differ",
            summary=f"{model.ref} was made with other packages than {before.ref}: {_some(changed)}",
            refs=(str(model.ref), str(before.ref)),
        )


def _files(tx: Transaction, blobs: BlobStore, code: str) -> Mapping[str, str]:
    version = tx.versions.find(Ref.parse(code, "code"))
    if version is None:
        return {}
    return {one.path: one.digest for one in read_bundle(blobs.get(version.body["bundle"])).files}


def _rows(tx: Transaction, ref: Ref) -> int:
    version = tx.versions.find(ref)
    return 0 if version is None else int(version.body.get("rows", 0))


def _packages(lock: bytes) -> dict[str, str]:
    lines = (line.partition("==") for line in lock.decode().splitlines() if "==" in line)
    return {name: version for name, _, version in lines}


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    names = sorted(before.keys() | after.keys())
    return [name for name in names if before.get(name) != after.get(name)]


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


__all__ = ["changed_suspects", "version_before"]

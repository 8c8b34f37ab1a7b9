"""What an erasure does not reach, as its certificate says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.trace.erasure.contract import ScanReport
    from towpath.trace.erasure.copies import About
    from towpath.trace.erasure.parts import Parts
    from towpath.trace.erasure.state import State

_ALWAYS = (
    "backups, replicas and snapshots of the database, the blob store and the home",
    "files outside of the home: what data sets were loaded from, and what was exported from them",
    "temporary files of processes that were killed, in the system's own folder for them",
    "what file systems and object stores have freed and not overwritten, or keep as old versions",
    "answers that models gave before the withdrawal",
    "models on the disk of a gateway that could not read the ledger for a day, until it can again",
)


def out_of_reach(parts: Parts, about: About, state: State, report: ScanReport) -> tuple[str, ...]:
    """Return, in sentences, what can't be erased or proved from here. Names nobody."""
    told = [*_ALWAYS, *parts.beyond]
    for copies in parts.copies:
        told.extend(copies.beyond(about))
    with parts.ledger.read() as tx:
        derived = _derived_without_subject(tx, state.sources, about.datasets)
        exported = [model for model in state.models if _was_exported(tx, model)]
    if exported:
        told.append(
            f"copies of {', '.join(exported)} that were exported to serve elsewhere: replace them there"
        )
    if derived:
        told.append(
            f"rows of the data sets {', '.join(derived)}, which were made from redacted ones and "
            "do not say whom they are about"
        )
    raw = report.formats.get("raw", 0)
    if raw:
        files = "1 file" if raw == 1 else f"{raw} files"
        told.append(
            f"what {files} of no known format may hide: they were searched as bytes, which sees no "
            "name in a picture, a sound, or anything encrypted"
        )
    return tuple(told)


def _was_exported(tx: Transaction, model: str) -> bool:
    """Tell whether a bundle with a model version was ever written."""
    return bool(tx.events.read(types=["model.exported"], subject=model, limit=1))


def _derived_without_subject(
    tx: Transaction, sources: Sequence[Ref], about: Sequence[str]
) -> list[str]:
    """Return data sets that a run made from affected versions, and that are not about the field."""
    reached = {node for source in sources for node in tx.graph.impact(source).nodes}
    names = {node.trunk for node in reached if node.kind == "dataset"}
    return sorted(names - set(about))

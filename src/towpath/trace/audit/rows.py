"""Says in the ledger who looked at rows about people: rows, files, features, shown or written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Version

READ = "dataset.read"
LOOKED_UP = "feature.read"
SUBJECTS_MOST = 100
"""How many subjects an entry names by their hashes; of more, it says how many."""


class RowsAudit:
    """Enters readings of rows by people, each before anything is shown. Thread-safe.

    What pipelines, monitors and other machinery read is lineage, and not entered here.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def reads(self, version: Version, *, actor: str, **said: Any) -> None:
        """Enter that somebody sees rows of a version, or files, where they are about people.

        Event: `dataset.read`, about the version, with what is said: how many rows were asked for,
        whether they leave for a file. A data set that names no subject is about nobody.
        """
        if version.body.get("subject") is None:
            return
        with self._ledger.write(actor=actor) as tx:
            tx.events.append(READ, str(version.ref), **said)

    def reads_all(self, refs: Iterable[Ref], *, actor: str, **said: Any) -> None:
        """Enter that somebody sees rows of several versions, as `reads` does of each."""
        with self._ledger.read() as tx:
            versions = [tx.versions.get(ref) for ref in refs]
        for version in versions:
            self.reads(version, actor=actor, **said)

    def looks_up(self, name: str, *, actor: str, subjects: Iterable[str]) -> None:
        """Enter that somebody looks features of people up.

        Event: `feature.read`, about `feature:NAME`, with the keyed hashes of the subjects.
        """
        hashed = sorted(set(subjects))
        if not hashed:
            return
        with self._ledger.write(actor=actor) as tx:
            tx.events.append(
                LOOKED_UP,
                f"feature:{name}",
                subjects=hashed[:SUBJECTS_MOST],
                count=len(hashed),
            )

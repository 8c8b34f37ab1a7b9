"""What an erasure asks of everything that copies a data set's rows, or keeps things about a subject."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.ledger.records import Json
    from towpath.trace.erasure.contract import HeldCopy


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whom an erasure is about: one subject, or all who leave in one pass.

    Attributes:
        field: The declared subject field.
        subjects: The keyed hashes.
        values: The plain values, in the same order. Never log them, never let them into the ledger or
            an error.
        datasets: Names of the data sets about such subjects, without branches.
        suppression: Generation of the suppression list that names them all; 0 before there is one.
    """

    field: str
    subjects: tuple[str, ...]
    values: tuple[str, ...] = dataclasses.field(repr=False)
    datasets: tuple[str, ...]
    suppression: int = 0

    @property
    def subject(self) -> str:
        """The keyed hash, where it is about one."""
        (one,) = self.subjects
        return one

    @property
    def value(self) -> str:
        """The plain value, where it is about one."""
        (one,) = self.values
        return one


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCopy:
    """What a copy holds of a subject, for that subject to read.

    Attributes:
        name: What it is, as in `HeldCopy`.
        count: How many things about the subject there are; None where that can't be told from them.
        rows: These things, as plain JSON; empty where `note` says where the same is shown, or why not.
        note: What to know, in a sentence for the subject.
    """

    name: str
    count: int | None
    rows: tuple[Json, ...] = dataclasses.field(default=(), repr=False)
    note: str = ""


class Copies(Protocol):
    """One kind of copy. Whoever keeps a new kind implements this, and joins `app.working`.

    Called from one thread at a time, when the subjects are suppressed; `erase` when the data sets are
    redacted besides. `held` and `erase` are asked once for everybody who leaves in a pass, so that what
    has to be read is read once; `find` is asked for one.
    """

    @property
    def kind(self) -> str:
        """What plans, totals and certificates call the copies, such as `stored_files`."""
        ...

    def held(self, about: About) -> Sequence[HeldCopy]:
        """Return what there is that the erasure will touch. Changes nothing."""
        ...

    def find(self, about: About) -> Sequence[FoundCopy]:
        """Return what is held of the one subject, for an access report. Changes nothing.

        Everything that `held` names is named here; a kind that can't tell whose a thing is says so.
        """
        ...

    def erase(self, about: About) -> None:
        """Take the subjects out. Idempotent; killed anywhere, it is called again."""
        ...

    def beyond(self, about: About) -> Sequence[str]:
        """Return, in sentences for the certificate, what of this kind can't be reached from here."""
        ...

"""What an online table says of itself, so that whoever can read the store can serve from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from towpath.assets.features.online.declared import DeclaredView, declared
from towpath.core.clock import to_micros
from towpath.core.errors import IntegrityError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.assets.features.declaration import FeatureView
    from towpath.assets.features.shape import Typed

FORMAT = 1


class OnlineTable(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an online table: what its rows mean, and how far they reach. No personal data.

    Attributes:
        format: Version of this record and of the rows' encoding.
        declared: The feature view that its rows are of.
        ref: The view's version that was materialised last, `features:NAME@V`; empty before the first.
        revision: Its revision then.
        at_us: Event time up to which everything known was taken in; 0 before the first.
        whole_us: Event time when all rows were last written anew.
    """

    format: int = FORMAT
    declared: DeclaredView
    ref: str = ""
    revision: int = 0
    at_us: int = 0
    whole_us: int = 0

    @classmethod
    def of(cls, view: FeatureView, *, project: str) -> OnlineTable:
        """Return the record of a view that was not materialised yet."""
        return cls(declared=declared(view, project=project))

    @property
    def view(self) -> str:
        """The feature view's name, which is the table's."""
        return self.declared.name

    @property
    def entity(self) -> Typed:
        """The entity's columns and types, in the order in which keys hold them."""
        return self.declared.typed(self.declared.entity)

    @property
    def features(self) -> Typed:
        """The features' columns and types, in the order in which values hold them."""
        return self.declared.typed(self.declared.features)

    @property
    def ttl_us(self) -> int | None:
        """How long an observation may be served after its time, inclusive; None for ever."""
        ttl_s = self.declared.ttl_s
        return None if ttl_s is None else round(ttl_s * 1_000_000)

    @property
    def subject_at(self) -> int | None:
        """The place among the entity's columns that holds the source's subject; None if none does."""
        subject = self.declared.subject
        return self.declared.entity.index(subject) if subject in self.declared.entity else None

    @property
    def after(self) -> tuple[Ref, int] | None:
        """The view's version and revision that were materialised last; None before the first."""
        return (Ref.parse(self.ref, "features"), self.revision) if self.ref else None

    def means_the_same(self, other: OnlineTable) -> bool:
        """Tell whether rows of one are rows of the other: what differs is only said about them."""
        return self.declared.meaning == other.declared.meaning

    def reaching(
        self, ref: Ref, revision: int, at: datetime, *, before: OnlineTable | None = None
    ) -> OnlineTable:
        """Return it with the version, and the moment, that its rows reach now.

        Args:
            ref: The view's version.
            revision: Its revision.
            at: Event time up to which everything known is in.
            before: What the rows were before, where only the ones that changed were written.
        """
        at_us = to_micros(at)
        return msgspec.structs.replace(
            self,
            ref=str(ref),
            revision=revision,
            at_us=at_us,
            whole_us=at_us if before is None else before.whole_us,
        )

    def encode(self) -> bytes:
        """Return the bytes that a store keeps."""
        return msgspec.json.encode(self)


_decoder = msgspec.json.Decoder(OnlineTable)


def decode_table(body: bytes) -> OnlineTable:
    """Read what `OnlineTable.encode` wrote.

    Raises:
        IntegrityError: It is nothing of the kind, or of a format that this version does not know.
    """
    try:
        table = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise IntegrityError(
            "an online table does not say what its rows mean",
            remedy="Materialise the view again: everything in it can be made again.",
        ) from error
    if table.format != FORMAT:
        raise IntegrityError(
            f"the online table {table.view!r} has format {table.format}, not {FORMAT}",
            remedy="Materialise the view again with this version of Towpath.",
        )
    return table

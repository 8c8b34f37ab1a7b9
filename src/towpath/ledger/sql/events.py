"""The append-only log, kept as rows with the Merkle tree's complete subtrees beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError, UsageError
from towpath.ledger import merkle
from towpath.ledger.checkpoints import entry_bytes, sign_checkpoint
from towpath.ledger.records import Checkpoint, Event
from towpath.ledger.signers import settle_signer
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.ledger.contract import StoredEntry
    from towpath.ledger.merkle import Span, Subtree
    from towpath.ledger.sql.session import Record, Session

_events = tables.events
_nodes = tables.log_nodes
_head = tables.log_head
_checkpoints = tables.checkpoints
# What every transaction executes is put together once.
_READ_HEAD = sa.select(_head.c.size, _head.c.peaks)
_ADD_EVENTS, _ADD_NODES = sa.insert(_events), sa.insert(_nodes)
_STORED = sa.text(
    "SELECT seq, at, type, subject, actor, payload, leaf FROM events"
    " WHERE seq >= :first AND seq < :end ORDER BY seq LIMIT :most"
)
_FAR = 2**63 - 1  # the largest number of a row
_MOVE_HEAD = sa.update(_head).values(size=sa.bindparam("to_size"), peaks=sa.bindparam("to_peaks"))


class SqlEvents:
    """See `Events`. Entries are buffered and written together, at the latest at commit."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._size = -1
        self._peaks: list[bytes] = []
        self._new_events: list[dict[str, object]] = []
        self._new_nodes: list[dict[str, object]] = []

    def append(self, type: str, subject: str, /, **payload: object) -> Event:
        """See `Events.append`."""
        self._session.require_writable()
        self._load()
        at = self._session.wall.now()
        # What is hashed and returned is what a reader will decode, not what was passed in.
        kept: dict[str, Any] = msgspec.json.decode(canonical_json(payload))
        entry: dict[str, Any] = {
            "seq": self._size,
            "at": at,
            "type": type,
            "subject": subject,
            "actor": self._session.actor,
            "payload": kept,
        }
        leaf = merkle.hash_leaf(entry_bytes(**entry))
        self._peaks, completed = merkle.append_leaf(self._size, self._peaks, leaf)
        self._size += 1
        self._new_events.append({**entry, "leaf": leaf})
        for (level, position), node in completed:
            self._new_nodes.append({"level": level, "position": position, "hash": node})
        return Event(**entry, leaf=leaf.hex())

    def flush(self) -> None:
        """Write what was appended since the last time."""
        if not self._new_events:
            return
        self._session.write(_ADD_EVENTS, self._new_events)
        if self._new_nodes:
            self._session.write(_ADD_NODES, self._new_nodes)
        head = {"to_size": self._size, "to_peaks": b"".join(self._peaks)}
        self._session.write(_MOVE_HEAD, [head])
        self._new_events, self._new_nodes = [], []

    def read(
        self,
        *,
        after: int = -1,
        limit: int | None = 1000,
        types: Sequence[str] | None = None,
        subject: str | None = None,
        newest_first: bool = False,
    ) -> list[Event]:
        """See `Events.read`."""
        self.flush()
        query = sa.select(_events).limit(limit)
        if newest_first:
            query = query.order_by(_events.c.seq.desc())
            if after != -1:
                query = query.where(_events.c.seq < after)
        else:
            query = query.order_by(_events.c.seq).where(_events.c.seq > after)
        if types is not None:
            query = query.where(_events.c.type.in_(types))
        if subject is not None:
            query = query.where(_events.c.subject == subject)
        return [_event(row) for row in self._session.rows(query)]

    def size(self) -> int:
        """See `Events.size`."""
        self._load()
        return self._size

    def root(self, size: int | None = None) -> str:
        """See `Events.root`."""
        size = self._checked(size)
        return self._roots([(0, size)])[0]

    def inclusion(self, seq: int, size: int | None = None) -> list[str]:
        """See `Events.inclusion`."""
        size = self._checked(size)
        if not 0 <= seq < size:
            raise UsageError(f"the log's first {size} entries have no entry {seq}")
        return self._roots(merkle.inclusion_spans(seq, size))

    def consistency(self, old_size: int, new_size: int | None = None) -> list[str]:
        """See `Events.consistency`."""
        new_size = self._checked(new_size)
        if not 0 <= old_size <= new_size:
            raise UsageError(f"{old_size} is not a size the log had before {new_size}")
        return self._roots(merkle.consistency_spans(old_size, new_size))

    def checkpoint(self) -> Checkpoint:
        """See `Events.checkpoint`."""
        self._session.require_writable()
        signer = settle_signer(self, self._session.keyring)
        size = self.size()
        same = sa.select(_checkpoints).where(_checkpoints.c.size == size)
        for stored in self._session.mappings(same):
            return Checkpoint(**stored)
        made = sign_checkpoint(signer, size=size, root=self.root(), at=self._session.wall.now())
        self._session.write(
            sa.insert(_checkpoints).values(
                size=made.size,
                root=made.root,
                at=made.at,
                key_id=made.key_id,
                signature=made.signature,
            )
        )
        return made

    def checkpoints(self, limit: int | None = 100) -> list[Checkpoint]:
        """See `Events.checkpoints`."""
        query = sa.select(_checkpoints).order_by(_checkpoints.c.size.desc()).limit(limit)
        return [Checkpoint(**row) for row in self._session.mappings(query)]

    def stored(
        self, first: int, end: int | None = None, *, most: int | None = None
    ) -> list[StoredEntry]:
        """See `Events.stored`."""
        self.flush()
        bounds = {
            "first": first,
            "end": _FAR if end is None else end,
            "most": _FAR if most is None else most,
        }
        rows = self._session.connection.execute(_STORED, bounds).all()
        return [(*row[:6], bytes(row[6])) for row in rows]

    def nodes(self, level: int, first: int, end: int) -> dict[int, bytes]:
        """See `Events.nodes`."""
        self.flush()
        query = sa.select(_nodes.c.position, _nodes.c.hash).where(
            _nodes.c.level == level, _nodes.c.position >= first, _nodes.c.position < end
        )
        return {row.position: bytes(row.hash) for row in self._session.rows(query)}

    def peaks(self, size: int | None = None) -> list[bytes]:
        """See `Events.peaks`."""
        self.flush()
        if size is None:
            self._load()
            return list(self._peaks)
        parts = merkle.subtrees((0, self._checked(size)))
        known = self._hashes(parts)
        return [known[part] for part in parts]

    def _load(self) -> None:
        if self._size >= 0:
            return
        row = self._session.first(_READ_HEAD)
        if row is None:
            raise IntegrityError("the log has lost its head row")
        self._size = row.size
        packed = bytes(row.peaks)
        self._peaks = [
            packed[start : start + merkle.HASH_BYTES]
            for start in range(0, len(packed), merkle.HASH_BYTES)
        ]

    def _checked(self, size: int | None) -> int:
        current = self.size()
        if size is None:
            return current
        if not 0 <= size <= current:
            raise UsageError(f"the log has {current} entries, not {size}")
        return size

    def _roots(self, spans: Sequence[Span]) -> list[str]:
        """Return the root of each span, all nodes read in two queries."""
        self.flush()
        parts = [merkle.subtrees(span) for span in spans]
        known = self._hashes([part for group in parts for part in group])
        return [merkle.fold([known[part] for part in group]).hex() for group in parts]

    def _hashes(self, wanted: Sequence[Subtree]) -> dict[Subtree, bytes]:
        leaves = [position for level, position in wanted if level == 0]
        inner = [part for part in wanted if part[0] > 0]
        found: dict[Subtree, bytes] = {}
        if leaves:
            query = sa.select(_events.c.seq, _events.c.leaf).where(_events.c.seq.in_(leaves))
            for row in self._session.rows(query):
                found[0, row.seq] = bytes(row.leaf)
        if inner:
            # One look-up by key for each: SQLite scans the table for a list of pairs.
            each = [
                sa.and_(_nodes.c.level == level, _nodes.c.position == position)
                for level, position in inner
            ]
            query = sa.select(_nodes).where(sa.or_(*each))
            for row in self._session.rows(query):
                found[row.level, row.position] = bytes(row.hash)
        missing = [part for part in wanted if part not in found]
        if missing:
            raise IntegrityError(f"the log has lost {len(missing)} nodes of its tree")
        return found


def _event(row: Record) -> Event:
    return Event(
        seq=row.seq,
        at=row.at,
        type=row.type,
        subject=row.subject,
        actor=row.actor,
        payload=row.payload,
        leaf=bytes(row.leaf).hex(),
    )

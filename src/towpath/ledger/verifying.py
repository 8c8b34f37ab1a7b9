"""Checks the whole log against what was signed about it, and says where it stops being true.

Each row is hashed again from its columns as they lie, the tree is built anew from the hashes, and
compared with the stored nodes, the head, every signed checkpoint, and statements that were anchored
elsewhere. The rows are read in pieces of one complete subtree, so memory is constant and time linear:
about five hashes, one row and one node an entry.

What finds what: a changed row no longer has its leaf; one who recomputes leaf and tree contradicts the
next checkpoint; one who drops the checkpoints too, or signs new ones, contradicts an anchor, or lacks
the key. Without an anchor and without a key that was kept elsewhere, whoever owns database *and* keys can
rewrite everything, and no algorithm would tell.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from towpath.core.clock import from_micros
from towpath.core.errors import IntegrityError
from towpath.ledger import merkle
from towpath.ledger.checkpoints import verify_checkpoint
from towpath.ledger.records import Checkpoint, Event
from towpath.ledger.reordering import moved_from
from towpath.ledger.signers import KEY_EVENTS, KeyHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from towpath.ledger.contract import Ledger, StoredEntry, Transaction

_LEVEL = 13  # a piece is one complete subtree of so many levels: 8,192 entries
_PIECE = 1 << _LEVEL
_BEFORE_ALL = -(2**63)
_FINDINGS_MOST = 100

Trouble = Literal[
    "edited", "reordered", "removed", "inserted", "tail", "rewritten", "tree", "checkpoint", "key"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFinding:
    """Something in the log that is not what was signed.

    Attributes:
        trouble: `edited`, `reordered` or `removed`: the entry at `position`. `inserted`: rows from
            there on lie behind the log's head, or before its beginning. `tail`: entries from there on were signed once, and are
            gone. `rewritten`: some entry from `position` to before `until` is not what was signed; the
            tree was made to fit. `tree`: a stored node or the head is wrong, no entry. `checkpoint`: a
            signature does not hold. `key`: a key signs that the log's own history of keys does not name.
        position: The first entry concerned.
        until: The entry before which the trouble ends, where it is a stretch.
        said_by: What contradicts it: `row`, `tree`, `checkpoint`, or an anchor's name.
    """

    trouble: Trouble
    position: int
    detail: str
    until: int | None = None
    said_by: str = "row"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCheck:
    """The outcome of checking a log.

    Attributes:
        size: Entries that the log had when the check began, and `root` of its tree.
        since: The entry from which on rows were read; before it only the tree was checked.
        statements: Checkpoints and anchored statements that were compared.
        keys: Ids of the keys that signed it, oldest first.
        pinned: Whether a key from elsewhere vouched for them; otherwise they vouch for themselves.
        findings: What is wrong, by position; at most a hundred.
    """

    size: int
    root: str
    since: int
    statements: int
    keys: tuple[str, ...]
    pinned: bool
    findings: tuple[LogFinding, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A checkpoint, and who says so: `checkpoint` for a stored one, else an anchor's name."""

    checkpoint: Checkpoint
    said_by: str = "checkpoint"


class _Entry(msgspec.Struct, frozen=True):
    """An entry as it is hashed; fields in the order of canonical JSON."""

    actor: str
    at: Any
    payload: msgspec.Raw
    seq: int
    subject: str
    type: str


def verify_log(
    ledger: Ledger,
    *,
    since: Checkpoint | None = None,
    anchored: Iterable[Statement] = (),
    trusted_pem: bytes | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> LogCheck:
    """Check a ledger's log. Reads in short transactions, beside writers; writes nothing.

    Args:
        ledger: Whose log.
        since: A checkpoint that the caller has verified and kept: rows before it are not read again,
            but the tree must still contain it. An edit of an older row is then found by a full check
            alone.
        anchored: What was stated about it elsewhere.
        trusted_pem: Public keys that the caller kept elsewhere; one of them must be among the log's.
        progress: Is told entries done and entries altogether.
    """
    begun = time.monotonic()
    check = _Check(ledger, since, list(anchored))
    for size in check.pieces():
        if progress is not None:
            progress(size, check.size)
    check.conclude(trusted_pem)
    found = sorted(check.findings, key=lambda one: one.position)[:_FINDINGS_MOST]
    return LogCheck(
        size=check.size,
        root=merkle.fold(check.peaks).hex(),
        since=check.since,
        statements=check.compared,
        keys=tuple(one.key_id for one in check.history.keys),
        pinned=trusted_pem is not None,
        findings=tuple(found),
        seconds=time.monotonic() - begun,
    )


@dataclass(slots=True)
class _Check:
    """One check under way: the tree so far, and what was found."""

    ledger: Ledger
    start: Checkpoint | None
    anchored: list[Statement]
    size: int = 0
    since: int = 0
    compared: int = 0
    peaks: list[bytes] = field(default_factory=list)
    history: KeyHistory = field(default_factory=KeyHistory)
    findings: list[LogFinding] = field(default_factory=list)
    _head: list[bytes] = field(default_factory=list)
    _statements: list[Statement] = field(default_factory=list)
    _bad: dict[int, StoredEntry] = field(default_factory=dict)
    _agreed: int = 0
    _contradicted: bool = False

    def pieces(self) -> Iterator[int]:
        """Check piece by piece; yield how far it is."""
        self._begin()
        first = self.since
        self._compare(first)
        while first < self.size:
            end = min(self.size, (first // _PIECE + 1) * _PIECE)
            with self.ledger.read() as tx:
                self._piece(tx, first, end)
            first = end
            yield end

    def _begin(self) -> None:
        with self.ledger.read() as tx:
            self.size, self._head = tx.events.size(), tx.events.peaks()
            stored = [Statement(checkpoint=one) for one in tx.events.checkpoints(None)]
            outside = [
                *tx.events.stored(_BEFORE_ALL, 0, most=1),
                *tx.events.stored(self.size, most=1),
            ]
            if self.start is not None:
                self._resume(tx, self.start)
        for row in outside:
            self._find("inserted", row[0], "rows lie where the log has no entries")
        for one in [*stored, *self.anchored]:
            size = one.checkpoint.size
            if size > self.size:
                detail = f"{size:,} entries were signed, and {self.size:,} are there"
                self._find("tail", self.size, detail, until=size, said_by=one.said_by)
            elif size >= self.since:
                self._statements.append(one)
        self._statements.sort(key=lambda one: one.checkpoint.size, reverse=True)

    def _resume(self, tx: Transaction, start: Checkpoint) -> None:
        """Take up the tree where the caller verified it last."""
        if start.size > self.size:
            detail = f"{start.size:,} entries were verified before, and {self.size:,} are there"
            self._find("tail", self.size, detail, until=start.size, said_by="before")
            return
        try:
            self.peaks = tx.events.peaks(start.size)
        except IntegrityError as error:
            self._find("tree", 0, error.message, until=start.size, said_by="before")
            return
        if merkle.fold(self.peaks).hex() != start.root:
            detail = "the tree no longer holds what was verified before"
            self._find("rewritten", 0, detail, until=start.size, said_by="before")
        self.since = self._agreed = start.size
        for event in tx.events.read(types=KEY_EVENTS, limit=None):
            if 0 <= event.seq < start.size:
                path = tx.events.inclusion(event.seq, start.size)
                leaf = _leaf_of(tx.events.stored(event.seq, event.seq + 1)[0]).hex()
                if merkle.verify_inclusion(
                    leaf=leaf, seq=event.seq, size=start.size, path=path, root=start.root
                ):
                    self._take_key(event)
                else:
                    self._find("edited", event.seq, "the announcement of a key was changed")

    def _piece(self, tx: Transaction, first: int, end: int) -> None:
        """Check the rows of [first, end), which lie within one complete subtree."""
        rows = tx.events.stored(first, end)
        clean = self._complete(rows, first, end)
        made: dict[int, dict[int, bytes]] = {}
        seq = first
        for row in rows:
            leaf = _leaf_of(row)
            if leaf != row[6]:
                clean = False
                self._bad[row[0]] = row
            elif row[2] in KEY_EVENTS:
                self._take_key(_event_of(row))
            if clean:
                self.peaks, completed = merkle.append_leaf(seq, self.peaks, leaf)
                for (level, position), node in completed:
                    made.setdefault(level, {})[position] = node
                seq += 1
                if self._statements and self._statements[-1].checkpoint.size == seq:
                    self._compare(seq)
        if clean:
            self._match_nodes(tx, made)
            return
        # What follows is checked from the stored tree on: one bad row is one finding.
        for size in range(seq + 1, end + 1):
            if self._statements and self._statements[-1].checkpoint.size == size:
                self.peaks = _stored_peaks(tx, size)
                self._compare(size)
        self.peaks = _stored_peaks(tx, end)

    def _complete(self, rows: Sequence[StoredEntry], first: int, end: int) -> bool:
        if len(rows) == end - first:
            return True
        there = {row[0] for row in rows}
        for seq in range(first, end):
            if seq not in there:
                self._find("removed", seq, "its row is gone")
        return False

    def _match_nodes(self, tx: Transaction, made: dict[int, dict[int, bytes]]) -> None:
        for level, nodes in made.items():
            stored = tx.events.nodes(level, min(nodes), max(nodes) + 1)
            for position, node in nodes.items():
                if stored.get(position) != node:
                    first, end = position << level, (position + 1) << level
                    detail = f"the node over entries {first:,} to {end - 1:,} is not their hash"
                    self._find("tree", first, detail, until=end, said_by="tree")
                    return  # all above it are wrong too

    def _compare(self, size: int) -> None:
        """Hold the statements about a log of `size` entries to the tree."""
        root = merkle.fold(self.peaks).hex()
        while self._statements and self._statements[-1].checkpoint.size == size:
            one = self._statements.pop()
            self.compared += 1
            if self._is_signed(one) and one.checkpoint.root != root and not self._contradicted:
                self._contradicted = True  # and so are all later ones
                detail = "what is there is not what was signed, though the tree was made to fit"
                self._find(
                    "rewritten", self._agreed, detail, until=max(size, 1), said_by=one.said_by
                )
            elif one.checkpoint.root == root:
                self._agreed = size

    def _is_signed(self, one: Statement) -> bool:
        stated, key = one.checkpoint, self.history.at(one.checkpoint.size)
        if key is None or key.key_id != stated.key_id:
            names = "names none" if key is None else f"names {key.key_id}"
            detail = f"the key {stated.key_id} signed {stated.size:,} entries; the log {names}"
            self._find("key", stated.size, detail, said_by=one.said_by)
            return False
        if not verify_checkpoint(stated, key.public_key_pem):
            detail = f"the statement about {stated.size:,} entries does not carry its signature"
            self._find("checkpoint", stated.size, detail, said_by=one.said_by)
            return False
        return True

    def _take_key(self, event: Event) -> None:
        problem = self.history.add(event)
        if problem is not None:
            self._find("key", event.seq, problem)

    def conclude(self, trusted_pem: bytes | None) -> None:
        """Find what only the whole shows."""
        origins = moved_from(self._bad, _leaf_of)
        for seq in self._bad:
            origin = origins.get(seq)
            if origin is None:
                self._find("edited", seq, "its content is not what its leaf is the hash of")
            else:
                self._find("reordered", seq, f"it holds what was entry {origin:,}")
        if self.peaks != self._head and not self.findings:
            detail = "the head's hashes are not those of the entries"
            self._find("tree", self.size, detail, said_by="tree")
        if trusted_pem is not None and self.size:
            held = [one for one in self.history.keys if _is_among(one.public_key_pem, trusted_pem)]
            if not held:
                names = ", ".join(one.key_id for one in self.history.keys) or "it names none"
                self._find("key", 0, f"none of the log's keys ({names}) is one that you trust")

    def _find(
        self,
        trouble: Trouble,
        position: int,
        detail: str,
        *,
        until: int | None = None,
        said_by: str = "row",
    ) -> None:
        if len(self.findings) < 10 * _FINDINGS_MOST:
            self.findings.append(
                LogFinding(
                    trouble=trouble, position=position, detail=detail, until=until, said_by=said_by
                )
            )


def _leaf_of(row: StoredEntry, seq: int | None = None) -> bytes:
    """Hash a row as `checkpoints.entry_bytes` lays it out; `seq` instead of its own, if given."""
    entry = _Entry(
        row[4],
        from_micros(row[1]),
        msgspec.Raw(row[5].encode()),
        row[0] if seq is None else seq,
        row[3],
        row[2],
    )
    return merkle.hash_leaf(_encode(entry))


def _event_of(row: StoredEntry) -> Event:
    return Event(
        seq=row[0],
        at=from_micros(row[1]),
        type=row[2],
        subject=row[3],
        actor=row[4],
        payload=msgspec.json.decode(row[5]),
        leaf=row[6].hex(),
    )


def _stored_peaks(tx: Transaction, size: int) -> list[bytes]:
    try:
        return tx.events.peaks(size)
    except IntegrityError:  # its nodes went with its rows
        return []


def _is_among(pem: bytes, trusted_pem: bytes) -> bool:
    return pem.strip() in trusted_pem


_encode = msgspec.json.Encoder().encode


__all__ = ["LogCheck", "LogFinding", "Statement", "Trouble", "verify_log"]

"""Which version a text names: by number, by tag, or by a moment of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.catalogue import require_readable
from towpath.assets.datasets.lines import require_living
from towpath.core.clock import parse_time
from towpath.core.errors import InvalidName, NotFound
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version

_KIND = "dataset:"


def find_version(tx: Transaction, text: str) -> Version:
    """See `DatasetHistory.find`."""
    name, at, which = text.removeprefix(_KIND).partition("@")
    line = Ref("dataset", name)
    if line.branch is not None and not at:
        require_living(tx, line)
    if not at:
        return tx.versions.get(line)
    if which.isdecimal():
        return tx.versions.get(line.at(int(which)))
    tagged = tx.versions.by_alias("dataset", name, which)
    if tagged is not None:
        return tagged
    moment = _moment(which)
    if moment is not None:
        return version_as_of(tx, line, moment)
    tx.versions.get(line)  # a name that does not exist is the likelier mistake
    known = tx.versions.aliases("dataset", name)
    remedy = "" if known else f"Make it: towpath dataset tag {name}@VERSION {which}."
    raise NotFound.named(f"tag of data set {name!r} called", which, known, remedy=remedy)


def version_as_of(tx: Transaction, line: Ref, moment: datetime) -> Version:
    """See `DatasetHistory.as_of`."""
    found = tx.versions.latest("dataset", line.name, at=moment)
    if found is not None:
        return found
    first = tx.versions.get(line)
    raise NotFound(
        f"data set {line.name!r} had no version at {moment.isoformat()}",
        remedy=f"It has versions up to {first.ref}; see towpath dataset versions {line.name}.",
        dataset=line.name,
    )


def point_tag(tx: Transaction, ref: Ref, tag: str) -> Version:
    """See `DatasetHistory.tag`."""
    if tag.isdecimal() or _moment(tag) is not None:
        raise InvalidName(
            f"{tag!r} can't be a tag: it reads as a version's number or as a time",
            remedy="Call it by what it is for, such as 'golden' or 'audit-2026'.",
            tag=tag,
        )
    version = require_readable(tx.versions.get(ref))
    tx.versions.set_alias("dataset", version.ref.name, tag, version.ref.version)
    return tx.versions.get(version.ref)


def remove_tag(tx: Transaction, name: str, tag: str) -> None:
    """See `DatasetHistory.untag`."""
    known = tx.versions.aliases("dataset", name)
    if tag not in known:
        tx.versions.get(Ref("dataset", name))
        raise NotFound.named(f"tag of data set {name!r} called", tag, known)
    tx.versions.set_alias("dataset", name, tag, None)


def _moment(text: str) -> datetime | None:
    try:
        return parse_time(text)
    except InvalidName:
        return None

"""Assets and versions as rows; every change of one leaves its event."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.core.digests import digest_json
from towpath.core.errors import Conflict, NotFound
from towpath.core.refs import Ref, check_name
from towpath.ledger.records import Asset, Revision, Version
from towpath.ledger.sql.given import among, numbered, rows_of
from towpath.ledger.sql.labels import labels_of, set_labels
from towpath.ledger.sql.upserts import put_all
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from towpath.ledger.sql.events import SqlEvents
    from towpath.ledger.sql.graph import SqlGraph
    from towpath.ledger.sql.session import Record, Session

_assets = tables.assets
_versions = tables.versions
_revisions = tables.revisions
_aliases = tables.aliases
_tags = tables.version_tags
_WORDS = {"dataset": "data set"}
_FIRST = {
    "dataset": "None has a version yet. Add one: towpath dataset add NAME FILE.",
    "model": "There is none yet. A pipeline makes one: towpath run.",
}
_LAST_CHARACTER = "\x7f"
_NO_TAGS: Mapping[str, str] = MappingProxyType({})
_JOINED = sa.select(_versions, _assets.c.kind, _assets.c.name, _assets.c.project).select_from(
    _versions.join(_assets, _versions.c.asset == _assets.c.id)
)
_ASKED = numbered("refs")
_NUMBERED = _JOINED.join(
    _ASKED,
    sa.and_(
        _assets.c.kind == _ASKED.c.kind,
        _assets.c.name == _ASKED.c.name,
        _versions.c.number == _ASKED.c.number,
    ),
)
_SAID = sa.union_all(
    sa.select(
        *(_tags.c.version, _tags.c.key, _tags.c.value, sa.true().label("is_tag")),
    ).where(among(_tags.c.version, "ids")),
    sa.select(
        *(_aliases.c.version, _aliases.c.alias, sa.cast(sa.null(), sa.Text), sa.false()),
    ).where(among(_aliases.c.version, "ids")),
).order_by("key")
"""What was said of some versions, tags and aliases in one round trip."""
_REVISE = (
    sa.update(_versions)
    .where(_versions.c.id == sa.bindparam("which"))
    .values(
        digest=sa.bindparam("to_digest"),
        body=sa.bindparam("to_body"),
        revision=sa.bindparam("to_revision"),
        updated_at=sa.bindparam("at"),
    )
)
_KEEP_REVISION = sa.insert(_revisions)


class SqlVersions:
    """See `Versions`."""

    def __init__(self, session: Session, events: SqlEvents, graph: SqlGraph) -> None:
        self._session = session
        self._events = events
        self._graph = graph

    def declare(
        self,
        kind: str,
        name: str,
        *,
        project: str,
        description: str = "",
        tags: Mapping[str, str] = _NO_TAGS,
    ) -> Asset:
        """See `Versions.declare`."""
        ref = Ref(kind, name)
        check_name(project, "project name")
        row = self._asset_row(kind, name)
        if row is None:
            self._session.require_writable()
            at = self._session.wall.now()
            values = {"kind": kind, "name": name, "project": project}
            values |= {"description": description, "created_at": at}
            made = self._session.write(sa.insert(_assets).values(values).returning(_assets.c.id))
            asset_id, changed = made.one().id, True
        elif row.project != project:
            raise Conflict(
                f"the {kind} {name!r} belongs to project {row.project!r}, not {project!r}",
                remedy="Choose another name, or change it in the project that owns it.",
                kind=kind,
                name=name,
            )
        else:
            asset_id, changed = row.id, row.description != description
            if changed:
                self._session.write(
                    sa.update(_assets)
                    .where(_assets.c.id == asset_id)
                    .values(description=description)
                )
        changed |= set_labels(self._session, tables.asset_tags, asset_id, tags)
        if changed:
            self._events.append(
                "asset.declared",
                str(ref),
                project=project,
                description=description,
                tags=dict(tags),
            )
        return self._asset(self._asset_row(kind, name))

    def assets(
        self, kind: str | None = None, *, project: str | None = None, prefix: str = ""
    ) -> list[Asset]:
        """See `Versions.assets`."""
        query = sa.select(_assets).order_by(_assets.c.kind, _assets.c.name)
        if kind is not None:
            query = query.where(_assets.c.kind == kind)
        if project is not None:
            query = query.where(_assets.c.project == project)
        if prefix:
            # Names are ASCII and sorted by bytes, so a range does it, and an index serves it.
            query = query.where(_assets.c.name >= prefix)
            query = query.where(_assets.c.name < prefix + _LAST_CHARACTER)
        rows = self._session.rows(query)
        tags = labels_of(self._session, tables.asset_tags, [row.id for row in rows])
        return [self._asset(row, tags.get(row.id, {})) for row in rows]

    def commit(
        self,
        kind: str,
        name: str,
        *,
        digest: str,
        body: Mapping[str, object],
        state: str = "ready",
        expected: int | None = None,
        made_by: str | None = None,
        tags: Mapping[str, str] = _NO_TAGS,
    ) -> Version:
        """See `Versions.commit`."""
        self._session.require_writable()
        asset = self._asset_row(kind, name)
        if asset is None:
            raise self._unknown_asset(kind, name)
        latest = sa.select(sa.func.coalesce(sa.func.max(_versions.c.number), 0).label("number"))
        row = self._session.first(latest.where(_versions.c.asset == asset.id))
        assert row is not None
        if expected is not None and expected != row.number:
            raise Conflict(
                f"the latest version of {kind} {name!r} is {row.number}, not {expected}",
                remedy="Read it again, and retry on top of it.",
                latest=row.number,
                expected=expected,
            )
        ref, at = Ref(kind, name, row.number + 1), self._session.wall.now()
        values = {"asset": asset.id, "number": ref.version, "digest": digest, "body": dict(body)}
        values |= {"revision": 1, "state": state, "made_by": made_by}
        values |= {"created_at": at, "updated_at": at}
        made = self._session.write(sa.insert(_versions).values(values).returning(_versions.c.id))
        version_id = made.one().id
        self._keep_revision(version_id, 1, digest, "commit")
        set_labels(self._session, tables.version_tags, version_id, tags)
        self._events.append(
            "version.committed",
            str(ref),
            project=asset.project,
            digest=digest,
            body=digest_json(body),
            state=state,
            made_by=made_by,
        )
        if made_by is not None:
            self._graph.link(ref, "made", Ref("run", made_by))
        return self.get(ref)

    def get(self, ref: Ref) -> Version:
        """See `Versions.get`."""
        found = self.find(ref)
        if found is None:
            raise self._unknown_version(ref)
        return found

    def find(self, ref: Ref) -> Version | None:
        """See `Versions.find`."""
        row = self._row(ref)
        return None if row is None else self._load([row])[0]

    def some(self, refs: Sequence[Ref]) -> dict[Ref, Version]:
        """See `Versions.some`."""
        rows = self._numbered(refs)
        return {version.ref: version for version in self._load(list(rows.values()))}

    def latest(
        self,
        kind: str,
        name: str,
        *,
        states: Sequence[str] | None = None,
        at: datetime | None = None,
    ) -> Version | None:
        """See `Versions.latest`."""
        query = _JOINED.where(_assets.c.kind == kind, _assets.c.name == name)
        if states is not None:
            query = query.where(_versions.c.state.in_(states))
        if at is not None:
            query = query.where(_versions.c.created_at <= at)
        row = self._session.first(query.order_by(_versions.c.number.desc()).limit(1))
        return None if row is None else self._load([row])[0]

    def list(
        self,
        kind: str | None = None,
        name: str | None = None,
        *,
        project: str | None = None,
        states: Sequence[str] | None = None,
        below: int | None = None,
        limit: int | None = 1000,
    ) -> list[Version]:
        """See `Versions.list`."""
        query = _JOINED
        for column, value in (
            (_assets.c.kind, kind),
            (_assets.c.name, name),
            (_assets.c.project, project),
        ):
            if value is not None:
                query = query.where(column == value)
        if states is not None:
            query = query.where(_versions.c.state.in_(states))
        if below is not None:
            query = query.where(_versions.c.number < below)
        # Numbers follow commits inside one asset, where an index has them; row ids over all of them.
        newest = _versions.c.id if kind is None or name is None else _versions.c.number
        return self._load(self._session.rows(query.order_by(newest.desc()).limit(limit)))

    def revise(self, ref: Ref, *, digest: str, body: Mapping[str, object], reason: str) -> Version:
        """See `Versions.revise`."""
        row = self._required(ref)
        numbered = Ref(row.kind, row.name, row.number)
        return self.revise_all({numbered: (digest, body)}, reason=reason)[0]

    def revise_all(
        self, contents: Mapping[Ref, tuple[str, Mapping[str, object]]], *, reason: str
    ) -> list[Version]:
        """See `Versions.revise_all`."""
        self._session.require_writable()
        rows = self._numbered(contents)
        if missing := next((ref for ref in contents if ref not in rows), None):
            raise self._unknown_version(missing)
        at = self._session.wall.now()
        changes: list[dict[str, object]] = []
        kept: list[dict[str, object]] = []
        for ref, (digest, body) in contents.items():
            row, number = rows[ref], rows[ref].revision + 1
            now = {"which": row.id, "to_digest": digest, "to_body": dict(body)}
            changes.append({**now, "to_revision": number, "at": at})
            kept.append(
                {
                    "version": row.id,
                    "revision": number,
                    "digest": digest,
                    "reason": reason,
                    "at": at,
                }
            )
            self._events.append(
                "version.revised",
                str(ref),
                revision=number,
                before=row.digest,
                after=digest,
                body=digest_json(body),
                reason=reason,
            )
        if changes:
            self._session.write(_REVISE, changes)
            self._session.write(_KEEP_REVISION, kept)
        revised = self.some(list(contents))
        return [revised[ref] for ref in contents]

    def revisions(self, ref: Ref) -> list[Revision]:
        """See `Versions.revisions`."""
        row = self._row(ref)
        if row is None:
            raise self._unknown_version(ref)
        query = sa.select(_revisions).where(_revisions.c.version == row.id)
        return [
            Revision(
                ref=Ref(row.kind, row.name, row.number),
                revision=kept.revision,
                digest=kept.digest,
                reason=kept.reason,
                at=kept.at,
            )
            for kept in self._session.rows(query.order_by(_revisions.c.revision))
        ]

    def set_state(
        self, ref: Ref, state: str, *, reason: str, expect: Sequence[str] = ()
    ) -> Version:
        """See `Versions.set_state`."""
        row = self._required(ref)
        if row.state == state:
            return self._load([row])[0]
        if expect and row.state not in expect:
            raise Conflict(
                f"{ref} is {row.state}, not {' or '.join(expect)}",
                remedy="Read it again and decide on what it is now.",
                state=row.state,
            )
        self._update(row.id, state=state)
        self._events.append("version.moved", str(ref), before=row.state, after=state, reason=reason)
        return self.get(ref)

    def tag(self, ref: Ref, tags: Mapping[str, str]) -> None:
        """See `Versions.tag`."""
        row = self._required(ref)
        if set_labels(self._session, tables.version_tags, row.id, tags):
            self._events.append("version.tagged", str(ref), tags=dict(tags))

    def set_alias(self, kind: str, name: str, alias: str, number: int | None) -> None:
        """See `Versions.set_alias`."""
        self._session.require_writable()
        check_name(alias, "alias")
        asset = self._asset_row(kind, name)
        if asset is None:
            raise self._unknown_asset(kind, name)
        before = self.by_alias(kind, name, alias)
        if (before.ref.version if before else None) == number:
            return
        if number is None:
            held = sa.and_(_aliases.c.asset == asset.id, _aliases.c.alias == alias)
            self._session.write(sa.delete(_aliases).where(held))
        else:
            row = self._required(Ref(kind, name, number))
            values = {"asset": asset.id, "alias": alias, "version": row.id}
            put_all(self._session, _aliases, [values])
        self._events.append("alias.moved", str(Ref(kind, name)), alias=alias, version=number)

    def by_alias(self, kind: str, name: str, alias: str) -> Version | None:
        """See `Versions.by_alias`."""
        query = _JOINED.join(_aliases, _aliases.c.version == _versions.c.id).where(
            _assets.c.kind == kind, _assets.c.name == name, _aliases.c.alias == alias
        )
        row = self._session.first(query)
        return None if row is None else self._load([row])[0]

    def aliases(self, kind: str, name: str) -> dict[str, int]:
        """See `Versions.aliases`."""
        query = sa.select(_aliases.c.alias, _versions.c.number).select_from(
            _aliases.join(_versions, _aliases.c.version == _versions.c.id).join(
                _assets, _aliases.c.asset == _assets.c.id
            )
        )
        query = query.where(_assets.c.kind == kind, _assets.c.name == name)
        rows = self._session.rows(query.order_by(_aliases.c.alias))
        return {row.alias: row.number for row in rows}

    # -- rows ---------------------------------------------------------------------------------

    def _asset_row(self, kind: str, name: str) -> Record | None:
        query = sa.select(_assets).where(_assets.c.kind == kind, _assets.c.name == name)
        return self._session.first(query)

    def _asset(self, row: Record | None, tags: Mapping[str, str] | None = None) -> Asset:
        assert row is not None
        if tags is None:
            tags = labels_of(self._session, tables.asset_tags, [row.id]).get(row.id, {})
        return Asset(
            kind=row.kind,
            name=row.name,
            project=row.project,
            description=row.description,
            created_at=row.created_at,
            tags=dict(tags),
        )

    def _row(self, ref: Ref) -> Record | None:
        query = _JOINED.where(_assets.c.kind == ref.kind, _assets.c.name == ref.name)
        if ref.version is not None:
            query = query.where(_versions.c.number == ref.version)
        return self._session.first(query.order_by(_versions.c.number.desc()).limit(1))

    def _numbered(self, refs: Iterable[Ref]) -> dict[Ref, Record]:
        """Return the rows of many numbered versions, of those that there are."""
        rows = self._session.rows(_NUMBERED, refs=rows_of(refs))
        return {Ref(row.kind, row.name, row.number): row for row in rows}

    def _required(self, ref: Ref) -> Record:
        """Return the row of one numbered version, to be changed."""
        self._session.require_writable()
        row = self._row(ref)
        if row is None:
            raise self._unknown_version(ref)
        return row

    def _load(self, rows: Sequence[Record]) -> list[Version]:
        tags: dict[int, dict[str, str]] = {}
        names: dict[int, list[str]] = {}
        for said in self._session.rows(_SAID, ids=[row.id for row in rows]):
            if said.is_tag:
                tags.setdefault(said.version, {})[said.key] = said.value
            else:
                names.setdefault(said.version, []).append(said.key)
        return [
            Version(
                ref=Ref(row.kind, row.name, row.number),
                project=row.project,
                digest=row.digest,
                body=row.body,
                revision=row.revision,
                state=row.state,
                made_by=row.made_by,
                created_at=row.created_at,
                updated_at=row.updated_at,
                tags=tags.get(row.id, {}),
                aliases=tuple(names.get(row.id, ())),
            )
            for row in rows
        ]

    def _update(self, version_id: int, **values: object) -> None:
        values["updated_at"] = self._session.wall.now()
        changes = sa.update(_versions).where(_versions.c.id == version_id).values(**values)
        self._session.write(changes)

    def _keep_revision(self, version_id: int, revision: int, digest: str, reason: str) -> None:
        values = {"version": version_id, "revision": revision, "digest": digest, "reason": reason}
        self._session.write(_KEEP_REVISION, [{**values, "at": self._session.wall.now()}])

    def _unknown_asset(self, kind: str, name: str) -> NotFound:
        query = sa.select(_assets.c.name).where(_assets.c.kind == kind)
        known = [row.name for row in self._session.rows(query)]
        return NotFound.named(
            _WORDS.get(kind, kind), name, known, remedy="" if known else _FIRST.get(kind, "")
        )

    def _unknown_version(self, ref: Ref) -> NotFound:
        if self._asset_row(ref.kind, ref.name) is None:
            return self._unknown_asset(ref.kind, ref.name)
        numbers = [str(v.ref.version) for v in self.list(ref.kind, ref.name, limit=20)]
        return NotFound(
            f"there is no {ref}",
            remedy=f"It has versions {', '.join(reversed(numbers))}."
            if numbers
            else "It has no version yet.",
            ref=str(ref),
        )

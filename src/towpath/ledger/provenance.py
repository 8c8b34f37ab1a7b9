"""What the ledger promises about provenance: versions, the runs that made them, and the graph of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from towpath.core.refs import Ref
    from towpath.ledger.records import (
        Asset,
        EndedRun,
        Lineage,
        Metric,
        Near,
        NewRun,
        Reach,
        Relation,
        Revision,
        Run,
        RunPart,
        RunStatus,
        Version,
    )


class Versions(Protocol):
    """Assets and their immutable, numbered versions."""

    def declare(
        self,
        kind: str,
        name: str,
        *,
        project: str,
        description: str = "",
        tags: Mapping[str, str] = {},
    ) -> Asset:
        """Create the asset, or update its description and tags. Event: `asset.declared` if changed.

        Raises:
            Conflict: The name is taken by another project.
        """
        ...

    def assets(
        self, kind: str | None = None, *, project: str | None = None, prefix: str = ""
    ) -> list[Asset]:
        """Return assets ordered by kind and name; with `prefix`, those whose names begin with it."""
        ...

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
        tags: Mapping[str, str] = {},
    ) -> Version:
        """Add the next version of a declared asset. Event: `version.committed`.

        With `made_by`, links the version to its run (`made`). `expected` is the number the writer
        believes is the latest (0 for none): compare-and-swap; None commits after whatever is there.

        Raises:
            NotFound: The asset is not declared.
            Conflict: `expected` is not the latest any more.
        """
        ...

    def get(self, ref: Ref) -> Version:
        """Return a version; without a number the latest. Raises `NotFound` naming what exists."""
        ...

    def find(self, ref: Ref) -> Version | None:
        """Like `get`, with None for what does not exist."""
        ...

    def some(self, refs: Sequence[Ref]) -> dict[Ref, Version]:
        """Return those of some numbered versions that there are, in a handful of statements."""
        ...

    def latest(
        self,
        kind: str,
        name: str,
        *,
        states: Sequence[str] | None = None,
        at: datetime | None = None,
    ) -> Version | None:
        """Return the highest-numbered version, of those in `states` and committed by `at` if given."""
        ...

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
        """Return versions, newest first; with `below` those of a smaller number only."""
        ...

    def revise(self, ref: Ref, *, digest: str, body: Mapping[str, object], reason: str) -> Version:
        """Replace the content of a version after an erasure: same number, next revision.

        Event: `version.revised` with both digests. `reason` carries no personal data.
        """
        ...

    def revise_all(
        self, contents: Mapping[Ref, tuple[str, Mapping[str, object]]], *, reason: str
    ) -> list[Version]:
        """Revise many versions, each named by its number: to a digest and a body.

        As `revise` for each, in the order given, in as many statements as for one.

        Raises:
            NotFound: One of them does not exist; none is revised then.
        """
        ...

    def revisions(self, ref: Ref) -> list[Revision]:
        """Return the history of one version's content, oldest first."""
        ...

    def set_state(
        self, ref: Ref, state: str, *, reason: str, expect: Sequence[str] = ()
    ) -> Version:
        """Move a version to another state. Event: `version.moved`. No-op when it is there already.

        Raises:
            Conflict: `expect` is given and the version is in none of those states.
        """
        ...

    def tag(self, ref: Ref, tags: Mapping[str, str]) -> None:
        """Set labels; an empty value removes one. Event: `version.tagged`."""
        ...

    def set_alias(self, kind: str, name: str, alias: str, number: int | None) -> None:
        """Point an alias at a version, or remove it with None. Event: `alias.moved`."""
        ...

    def by_alias(self, kind: str, name: str, alias: str) -> Version | None:
        """Return the version an alias points at."""
        ...

    def aliases(self, kind: str, name: str) -> dict[str, int]:
        """Return an asset's aliases, by name, and the numbers of the versions they point at."""
        ...


class Runs(Protocol):
    """Executions with parameters, metrics and tags, shaped for the MLflow tracking protocol."""

    def start(
        self,
        *,
        kind: str,
        name: str,
        project: str,
        run_id: str | None = None,
        parent: str | None = None,
        key: str | None = None,
        params: Mapping[str, object] = {},
        tags: Mapping[str, str] = {},
    ) -> Run:
        """Record that an execution began. Event: `run.started`. Idempotent for a given `run_id`."""
        ...

    def start_all(self, runs: Sequence[NewRun]) -> None:
        """Record that several executions began, in a handful of statements. Their ids are new.

        Events: one `run.started` each, as `start` appends.
        """
        ...

    def reuse_all(self, parent: str, runs: Sequence[NewRun]) -> None:
        """Record executions of which nothing had to be done: they begin and end finished, at once.

        What they stand for is in their tag `executed_by`, the run that did the work. Costs some 15 µs
        each. Event: one `run.reused` for all, of the run `parent`, that names each with its id.
        """
        ...

    def finish_all(self, ended: Sequence[EndedRun]) -> None:
        """Record how several executions ended, in a handful of statements; finished ones stay as is.

        Events: one `run.finished` each, as `finish` appends.
        """
        ...

    def finish(self, run_id: str, status: RunStatus, *, error: str | None = None) -> Run:
        """Record how it ended. Event: `run.finished`. A finished run stays as it is."""
        ...

    def log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        """Record parameters; text of at most 6,000 characters. One is written once.

        Raises:
            Conflict: The run has the parameter with another value.
        """
        ...

    def log_metrics(self, run_id: str, metrics: Iterable[Metric]) -> None:
        """Append points, without events. NaN and infinities are kept. Same point twice is one."""
        ...

    def log_all_metrics(self, metrics: Mapping[str, Sequence[Metric]]) -> None:
        """Append points of several runs, by run id, in a handful of statements. As `log_metrics`."""
        ...

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set labels of at most 8,000 characters; an empty value removes one."""
        ...

    def get(self, run_id: str) -> Run:
        """Return a run with its parameters, tags and latest metrics. Raises `NotFound`."""
        ...

    def some(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """Return those of some runs that there are, by id, in a handful of statements."""
        ...

    def list(
        self,
        *,
        project: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        status: RunStatus | None = None,
        parent: str | None = None,
        before: str | None = None,
        limit: int | None = 1000,
    ) -> list[Run]:
        """Return runs, newest first; with `before` those that come after that run in this order.

        Raises:
            NotFound: There is no run `before`.
        """
        ...

    def parts(self, parent: str, *, limit: int) -> list[RunPart]:
        """Return what a run consists of, newest first: one statement, some 5 µs for each.

        For pictures of thousands, where `list` would fetch every parameter, tag and metric as well.
        """
        ...

    def history(self, run_id: str, key: str, *, since_step: int | None = None) -> list[Metric]:
        """Return a metric's points by step, then time."""
        ...


class Graph(Protocol):
    """Who depends on what. Nodes need no declaration; linking twice is linking once."""

    def link(self, child: Ref, relation: Relation, parent: Ref) -> None:
        """Record that `child` depends on `parent`. Event: `edge.linked` when new.

        `made`: a version (child) was made by a run (parent). `used`: a run (child) used a version
        (parent). `includes`: a release (child) includes a model or service version (parent).
        `tuned`: a model version (child) was fine-tuned from another (parent).
        """
        ...

    def link_all(self, links: Iterable[tuple[Ref, Relation, Ref]]) -> None:
        """Record many edges, as (child, relation, parent), in a handful of statements. As `link`."""
        ...

    def trace(self, node: Ref, *, depth: int | None = None) -> Lineage:
        """Walk from `node` to everything it depends on: one recursive query.

        An artefact or version that several runs made is followed to all of them.
        """
        ...

    def impact(self, node: Ref, *, depth: int | None = None) -> Lineage:
        """Walk from `node` to everything that depends on it: one recursive query."""
        ...

    def near(self, nodes: Sequence[Ref], *, backwards: bool, most: int) -> dict[Ref, Near]:
        """Take one step from each of some nodes: towards what they depend on, or what depends on them.

        Costs a handful of statements, and one more for each node with more than `most` edges; a node
        with a million edges costs a count over an index, and `most` rows. Unknown nodes have none.
        """
        ...

    def reach(self, node: Ref, *, backwards: bool, most: int | None = None) -> Reach:
        """Count what is reached from `node`: one recursive query, in the database.

        Uses of a model that nothing was made from, by a gate, a monitor or a label queue, are left out.

        Args:
            node: Where to begin.
            backwards: Towards what it depends on; otherwise towards what depends on it.
            most: Stop counting there; None counts everything.
        """
        ...

"""The values that the ledger holds: plain, frozen, JSON-able."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 -- msgspec and Litestar resolve the annotations
from typing import Any, Literal, TypeAlias

from towpath.core.refs import Ref

Json: TypeAlias = dict[str, Any]
RunStatus = Literal["scheduled", "running", "finished", "failed", "killed"]
Relation = Literal["made", "used", "includes", "tuned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A named thing that has versions."""

    kind: str
    name: str
    project: str
    description: str = ""
    created_at: datetime
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One immutable version of an asset, at its current revision.

    Attributes:
        ref: `kind:name@number`.
        project: The project that the asset belongs to.
        digest: SHA-256 that stands for the content of the current revision.
        body: What the asset's kind keeps about it (a manifest digest, a signature, metrics, …).
        revision: 1 at commit; an erasure raises it and keeps the digests of the earlier ones.
        state: The kind's own word for where the version stands (`ready`, `candidate`, `approved`,
            `rejected`, `condemned`, `retired`, …). Versions are never removed from the ledger.
        made_by: Id of the run that made it, if a run did.
        tags: Free labels, changeable.
        aliases: Moving names that point at this version now.
    """

    ref: Ref
    project: str
    digest: str
    body: Json
    revision: int
    state: str
    made_by: str | None
    created_at: datetime
    updated_at: datetime
    tags: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What a version's content was from one moment on."""

    ref: Ref
    revision: int
    digest: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution: a pipeline, step, evaluation, deployment, monitor or erasure.

    Attributes:
        id: 32 hexadecimal digits, sortable by start.
        kind: `pipeline`, `step`, `evaluation`, `monitor`, `erasure`, …
        name: What was run.
        parent: Id of the run it is part of.
        key: The step's cache key, where it has one.
        error: Why it failed, one line, no personal data.
    """

    id: str
    kind: str
    name: str
    project: str
    status: RunStatus
    parent: str | None
    key: str | None
    started_at: datetime
    ended_at: datetime | None
    error: str | None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def ref(self) -> Ref:
        """The run's node in the graph."""
        return Ref("run", self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPart:
    """A run as one of many that a larger one consists of, without what is noted about it.

    Attributes:
        cached: Whether its tag `cached` says that nothing had to be done.
        seconds: How long it took, or has taken so far (wall time).
    """

    id: str
    kind: str
    name: str
    status: RunStatus
    cached: bool
    seconds: float

    @property
    def ref(self) -> Ref:
        """The run's node in the graph."""
        return Ref("run", self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be recorded together with others.

    Attributes:
        id: As `new_id` makes them, and not in use.
        parent: Id of the run it is part of.
        key: The step's cache key, where it has one.
    """

    id: str
    kind: str
    name: str
    project: str
    parent: str | None = None
    key: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """How a run ended, to be recorded together with others.

    Attributes:
        error: Why it failed, one line, no personal data.
    """

    id: str
    status: RunStatus
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One point of a metric: `step` is a whole number the run chooses, `at` its time."""

    key: str
    value: float
    step: int = 0
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the append-only log.

    Attributes:
        seq: Position in the log, from 0, without gaps, in commit order.
        type: `noun.verb`, for instance `version.committed`.
        subject: The reference (as text) of what it happened to; never a person.
        payload: Details. No personal data: people appear as keyed hashes.
        leaf: Hash of the entry in the RFC 9162 tree.
    """

    seq: int
    at: datetime
    type: str
    subject: str
    actor: str
    payload: Json
    leaf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A signed statement that the log's first `size` entries have this root."""

    size: int
    root: str
    at: datetime
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A row of desired state: what should be, what was last seen, and who is on it.

    Attributes:
        kind: Which reconciler it belongs to: `pipeline_run`, `service`, `rollout`, `monitor`, …
        spec: What is wanted. Changing it raises `generation` and makes the row due.
        phase: The reconciler's own word for where it is; `done` phases are `done`, `failed`.
        status: What the reconciler saw and decided last.
        due_at: Wall time from which a worker may claim it; None when nothing is left to do.
        fence: Rises with each claim; only the holder of the newest may advance it.
        priority: Of rows that compete for the same workers, higher goes first; see `Intents.due`.
    """

    kind: str
    name: str
    project: str
    spec: Json
    generation: int
    phase: str
    status: Json
    due_at: datetime | None
    owner: str | None
    fence: int
    created_at: datetime
    updated_at: datetime
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRows:
    """Intents of one project and priority that are due and that nobody holds.

    Attributes:
        rows: How many.
        since: When the one that has been due longest became due.
    """

    project: str
    priority: int
    rows: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What the step cache knows of one key.

    Attributes:
        key: The step's cache key.
        step: The step's name, for "why was this a miss".
        parts: The key's named components and their digests.
        state: `running` while somebody holds it, `done` once outputs are there.
        run_id: The run that computes or computed it.
        outputs: Output name to artefact description, once done.
    """

    key: str
    step: str
    parts: dict[str, str]
    state: Literal["running", "done"]
    run_id: str
    outputs: Json
    fence: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a finished execution left, without what its key was made of: enough to use it again."""

    key: str
    run_id: str
    outputs: Json
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A wish to compute a key: what `Cache.claim` takes, to be asked together with others."""

    key: str
    step: str
    parts: dict[str, str]
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """The outputs of a claimed key: what `Cache.fill` takes, to be recorded together with others."""

    key: str
    fence: int
    outputs: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A sealed Parquet file of a high-volume stream (decisions, labels), kept as a blob.

    Attributes:
        stream: `decisions/<service>`, `labels`, …
        partition: A span of event time and a bucket of subjects, as the stream cuts them.
        first_id: Smallest record id in it; with `last_id` it prunes a look-up by id.
        since: Earliest event time in it (inclusive); `until` the latest (inclusive).
    """

    stream: str
    partition: str
    digest: str
    rows: int
    size_bytes: int
    first_id: str
    last_id: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """`child` depends on `parent`: a run *used* a version, a version was *made* by a run."""

    child: Ref
    parent: Ref
    relation: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The part of the graph reached from one node, breadth first, the node itself included."""

    root: Ref
    nodes: tuple[Ref, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """One step of the graph from a node.

    Attributes:
        node: Where it was asked from.
        total: How many edges there are that way.
        edges: The newest of them, newest first.
    """

    node: Ref
    total: int
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How much of the graph is reached from a node, itself not counted.

    Attributes:
        kinds: How many nodes of each kind; runs of steps count as `step`, the others as `run`.
        complete: Whether that is all; otherwise there are more than were allowed to be counted.
    """

    kinds: dict[str, int]
    complete: bool

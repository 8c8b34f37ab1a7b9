"""What a pipeline run is made of: artefacts, progress, its result, and who judges its candidates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.core.errors import TowpathError

Verdict = Literal["pass", "fail", "inconclusive"]
StepStatus = Literal["done", "hit", "failed", "killed", "skipped"]
ProgressKind = Literal[
    "planned",
    "started",
    "hit",
    "waiting",
    "retrying",
    "metric",
    "done",
    "failed",
    "killed",
    "considering",
    "considered",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a step put out or took in: bytes in the blob store, and how to read them.

    A window of a data-set version is an artefact too (codec `selection/1`): its digest stands for the
    rows that the window selects, and `meta` holds `ref`, `manifest`, `since` and `until`, so that
    data are read in place and never copied only to be an input.

    Attributes:
        digest: SHA-256 of the bytes, or of the selected content. Equal digests mean equal content.
        type: The declared Python type, for instance `polars.DataFrame`.
        codec: Name and version of the format, for instance `table/1`. `load_artifact` reads it.
        size_bytes: Stored size; 0 for a selection, whose bytes belong to the data set.
        rows: Row count of a table, else None.
        meta: What the codec needs besides, JSON-able.
    """

    digest: str
    type: str
    codec: str
    size_bytes: int
    rows: int | None = None
    meta: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def ref(self) -> Ref:
        """The node in the graph: the data-set version of a selection, else `artifact:<digest>`."""
        return Ref.parse(self.meta["ref"]) if "ref" in self.meta else Ref("artifact", self.digest)

    @property
    def is_table(self) -> bool:
        """Whether it holds rows: `load_artifact` gives a `pl.DataFrame`."""
        return self.codec.partition("/")[0] in ("table", "selection")


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRequest:
    """A model that a pipeline proposes, with everything that a judge needs to weigh it.

    Attributes:
        run_id: The pipeline's run; the model version is made by it.
        project: The project that proposes it.
        pipeline: The pipeline's name.
        name: The model's name in the registry.
        model: The package (codec `model/1`; `digest` is the package's).
        training: The tables that the step which made the model read, in argument order.
        test: The rows held back, for challenger and champion alike.
        code: The version of the project's code that ran.
        datasets: Every data-set version the pipeline read, sorted.
        params: The pipeline's parameters, as given or defaulted.
        lock: Digest of the blob that lists the installed distributions.
        metrics: What the making step logged last, by name.
        parent: The model version that it was fine-tuned from, if it was.
        rivals: How many candidates of one pool may be weighed on these test rows, this one included;
            bounds are taken that much more strictly.
    """

    run_id: str
    project: str
    pipeline: str
    name: str
    model: Artifact
    training: tuple[Artifact, ...]
    test: Artifact
    code: Ref
    datasets: tuple[Ref, ...]
    params: Mapping[str, Any]
    lock: str
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    parent: Ref | None = None
    rivals: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateOutcome:
    """What the judge decided.

    Attributes:
        version: The registered model version; None where nothing was registered.
        verdict: The gates' joint verdict.
        evidence: One JSON-able entry per gate: `gate`, `verdict`, `summary`, `evidence`.
        report_markdown: The report for people.
    """

    version: Ref | None
    verdict: Verdict
    evidence: tuple[Mapping[str, Any], ...] = ()
    report_markdown: str = ""


class CandidateHandler(Protocol):
    """Registers and judges what `candidate(...)` proposes. `towpath.build.gates` implements it."""

    def consider(self, request: CandidateRequest) -> CandidateOutcome:
        """Register the model, weigh it, and say how it did.

        Idempotent: the same package, test rows and champion give the same version again. A verdict
        other than `pass` is an outcome, not an error; errors mean that it could not be weighed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One thing that just happened in a run, for whoever watches. Never persisted.

    Attributes:
        kind: `planned` once, then per step `hit`, or `started` … `done`/`failed`/`killed`;
            `waiting` while another run computes the same key; `retrying` after an attempt that left
            no result; `metric` as steps log; `considering` and `considered` around each candidate.
        step: The step's name in the graph, unique in the run; empty for the run as a whole.
        done: Steps that are finished, hits included.
        total: Steps in the graph.
        seconds: How long the step took, once it is over.
        detail: Why it missed the cache, which metric, what failed; one line.
    """

    kind: ProgressKind
    run_id: str
    step: str
    done: int
    total: int
    seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """How one step of a run went.

    Attributes:
        name: Unique in the run: the function's name, numbered when it is called more than once.
        status: `hit` came from the cache; `killed` was stopped because another step failed;
            `skipped` was never started, because of a failure or because its branch was not taken.
        run_id: Id of the step's own run; None for a skipped one.
        seconds: Wall time from claim to recorded result; 0 for a hit.
        why: Why it was executed rather than taken from the cache, or why it failed.
        log: Digest of the blob with its captured output, where it printed anything.
    """

    name: str
    status: StepStatus
    run_id: str | None = None
    seconds: float = 0.0
    why: str = ""
    log: str | None = None

    @property
    def cached(self) -> bool:
        """Whether the result came from the cache."""
        return self.status == "hit"


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineResult:
    """How a run ended. A step that fails is a result, so that what did finish is reported too.

    Attributes:
        run_id: The pipeline's run in the ledger.
        status: `refused` when everything ran and a gate said anything but `pass`; `cancelled` when
            somebody stopped it from elsewhere.
        steps: In the order in which the pipeline called them.
        outputs: What the pipeline function returned, by position or key, candidates left out.
        model: The model version that the (last) candidate became.
        verdict: Its joint verdict.
        report_markdown: Its report.
        error: What failed, when `status` is `failed`.
        seconds: Wall time of the whole run.
    """

    run_id: str
    status: Literal["finished", "refused", "failed", "cancelled"]
    steps: tuple[StepReport, ...]
    outputs: Mapping[str, Artifact]
    model: Ref | None = None
    verdict: Verdict | None = None
    report_markdown: str = ""
    error: TowpathError | None = None
    seconds: float = 0.0

"""Models: versions, their gates' evidence, and what stands behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.base import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """A gate's verdict and what it rests on.

    Attributes:
        gate: The gate's name.
        verdict: `pass`, `fail` or `inconclusive`.
        summary: One sentence.
        metric: What was measured; empty for gates that measure nothing.
        estimate: The point estimate; never what decides.
        lower: Lower confidence bound.
        upper: Upper confidence bound.
        threshold: What the bound is held against.
        direction: `at_least` or `at_most`: on which side of the threshold the bound must lie.
        rows: Sample size.
        evidence: Everything the gate recorded.
    """

    gate: str
    verdict: str
    summary: str
    metric: str
    estimate: float | None
    lower: float | None
    upper: float | None
    threshold: float | None
    direction: str
    rows: int | None
    evidence: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One model version, as lists show it.

    Attributes:
        state: `candidate`, `approved`, `rejected`, `condemned`, `retired` or `deleted`.
        verdict: What the gates said together.
        traffic: Share of live traffic it takes now, over all services (0 to 1 each, the largest).
    """

    ref: str
    number: int
    state: str
    flavour: str
    task: str
    verdict: str
    metrics: dict[str, float]
    digest: str
    made_by: str | None
    created_at: datetime
    traffic: float
    aliases: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """A model, its newest version and the one that serves."""

    name: str
    project: str
    description: str
    versions: int
    latest: ModelVersion | None
    live: ModelVersion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetail(ModelSummary):
    """A model with its newest versions."""

    history: list[ModelVersion]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyMember:
    """A version in a family of fine-tuned ones.

    Attributes:
        parent: The version that it was fine-tuned from; None for one that was trained from scratch.
    """

    ref: str
    parent: str | None
    depth: int
    state: str
    metrics: dict[str, float]
    traffic: float
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersionDetail(ModelVersion):
    """One model version whole.

    Attributes:
        parent: The version that it was fine-tuned from, if it was.
        family: Everything it descends from and everything that descends from that, itself included,
            children below their parents; empty for a version without kin.
        signature: Inputs and outputs in Open Inference Protocol terms.
        champion: The version it was compared with.
        datasets: Data-set versions it was trained and tested on.
        attestation: Key id and signature over the package and its metadata.
    """

    model: str
    project: str
    pipeline: str
    parent: str | None
    family: list[FamilyMember]
    signature: Json
    params: dict[str, str]
    code: str
    datasets: list[str]
    champion: str | None
    gates: list[GateResult]
    package: str
    execution: str
    lock: str
    attestation: Json
    has_report: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A Markdown document: a gate report or a model card."""

    ref: str
    title: str
    markdown: str

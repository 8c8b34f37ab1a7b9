"""Recorded models asked again what they answered."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import structlog

from towpath.assets.models import load_package, load_predictor, verify_attestation
from towpath.core.errors import IntegrityError, NotFound
from towpath.operate.decisions import DecisionFilter
from towpath.operate.decisions.columns import decision_of
from towpath.trace.explaining.bits import compare_fields
from towpath.trace.explaining.environments import compare_environments
from towpath.trace.explaining.recorded import DELETED, find_recorded, with_version
from towpath.trace.explaining.replays import Replay, Replays

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from towpath.assets.models import Package, Predictor
    from towpath.ledger.contract import Ledger
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.decisions.records import Decision
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring
    from towpath.trace.explaining.recorded import Recorded
    from towpath.trace.explaining.replays import FieldReplay, Impossible

_log = structlog.get_logger(__name__)
_SHOWN_MOST: Final = 100
_ROWS_MOST: Final = 10_000  # of one request, as the gateway takes them


class LedgerReplayer:
    """Implements `Replayer` over a ledger and a decision log."""

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, keyring: Keyring, decisions: DecisionLog
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._decisions = decisions

    def replay(self, decision_id: str, *, actor: str) -> Replay:
        """Ask the recorded package about the recorded inputs; see `Replayer.replay`."""
        recorded = find_recorded(self._ledger, self._decisions, decision_id)
        with self._ledger.write(actor=actor) as tx:
            tx.events.append("decision.replayed", f"decision:{decision_id}")
        found = self._replayed(recorded, _Opened(self._blobs, self._keyring))
        _log.info("decision.replayed", decision=decision_id, verdict=found.verdict, actor=actor)
        return found

    def replay_many(
        self,
        service: str,
        *,
        actor: str,
        since: datetime | None = None,
        until: datetime | None = None,
        sample: int | None = None,
    ) -> Replays:
        """Replay a service's decisions; see `Replayer.replay_many`."""
        said = {"sample": sample, "since": None if since is None else since.isoformat()}
        with self._ledger.write(actor=actor) as tx:
            tx.events.append("decisions.replayed", f"service:{service}", **said)
        opened = _Opened(self._blobs, self._keyring)
        impossible: Counter[str] = Counter()
        different: list[Replay] = []
        replayed = equal = 0
        for decision in self._chosen(service, since, until, sample):
            found = self._replayed(with_version(self._ledger, decision), opened)
            if found.verdict == "impossible":
                impossible[str(found.why)] += 1
                continue
            replayed += 1
            if found.verdict == "equal":
                equal += 1
            elif len(different) < _SHOWN_MOST:
                different.append(found)
        _log.info("decisions.replayed", service=service, replayed=replayed, equal=equal)
        return Replays(
            service=service,
            replayed=replayed,
            equal=equal,
            impossible=dict(impossible),
            different=tuple(different),
        )

    def _chosen(
        self, service: str, since: datetime | None, until: datetime | None, sample: int | None
    ) -> Iterator[Decision]:
        """Yield the decisions that are asked about, newest recorded first, in bounded memory."""
        wanted: set[str] | None = None
        if sample is not None:
            ids = self._decisions.scan(service, since=since, until=until, columns=["decision_id"])
            every: list[str] = ids.collect().get_column("decision_id").to_list()
            wanted = set(nsmallest(sample, every, key=_draw))
        for page in self._decisions.pages(service, since=since, until=until, signals=()):
            for row in page.iter_rows(named=True):
                if wanted is None or row["decision_id"] in wanted:
                    yield decision_of(row)

    def _replayed(self, recorded: Recorded, opened: _Opened) -> Replay:
        decision, version = recorded.decision, recorded.version
        said: dict[str, Any] = {
            "decision_id": decision.decision_id,
            "service": decision.service,
            "model": decision.model,
            "package": version.body.get("package"),
        }
        if why := _impossible(recorded):
            reason = _reason(why, recorded)
            return Replay(**said, verdict="impossible", form=None, why=why, reason=reason)
        try:
            package, predictor = opened.of(recorded)
        except NotFound:
            reason = _reason("model-deleted", recorded)
            return Replay(
                **said, verdict="impossible", form=None, why="model-deleted", reason=reason
            )
        said["form"] = form_of(package)
        said["environment"] = compare_environments(version, self._blobs)
        fields = self._alone(recorded, predictor)
        if all(one.equal for one in fields):
            return Replay(**said, verdict="equal", fields=fields)
        together = self._together(recorded, predictor)
        if together is not None and all(one.equal for one in together):
            return Replay(**said, verdict="equal", fields=together, asked="with its request")
        return Replay(**said, verdict="different", fields=fields)

    def _alone(self, recorded: Recorded, predictor: Predictor) -> tuple[FieldReplay, ...]:
        answered = predictor.predict(recorded.columns)
        now = {name: float(values[0]) for name, values in answered.items()}
        return compare_fields(recorded.decision.outputs, now)

    def _together(self, recorded: Recorded, predictor: Predictor) -> tuple[FieldReplay, ...] | None:
        """Ask about the rows of the decision's request at once, None where it was alone in it.

        Rows of one request were recorded in one moment, after one latency, in the order of their ids.
        """
        decision = recorded.decision
        inputs = [f"input.{name}" for name in recorded.names]
        same = self._decisions.scan(
            decision.service,
            where=DecisionFilter(model=decision.model, arm=decision.arm, status="ok"),
            columns=["decision_id", "recorded", "latency_us", *inputs],
        )
        beside = (
            same.filter(
                (pl.col("recorded") == decision.recorded)
                & (pl.col("latency_us") == decision.latency_us)
            )
            .sort("decision_id")
            .head(_ROWS_MOST)
            .collect()
        )
        if beside.height < 2:
            return None
        columns = {
            name: beside.get_column(column).to_list()
            for name, column in zip(recorded.names, inputs, strict=True)
        }
        place = beside.get_column("decision_id").to_list().index(decision.decision_id)
        answered = predictor.predict(columns)
        now = {name: float(values[place]) for name, values in answered.items()}
        return compare_fields(decision.outputs, now)


class _Opened:
    """Packages that are open, each checked against its model version's signature."""

    def __init__(self, blobs: BlobStore, keyring: Keyring) -> None:
        self._blobs = blobs
        self._keyring = keyring
        self._open: dict[str, tuple[Package, Predictor]] = {}

    def of(self, recorded: Recorded) -> tuple[Package, Predictor]:
        """Return what answered a decision.

        Raises:
            NotFound: Its bytes are gone.
            IntegrityError: The version or the package is not what was signed.
        """
        model = recorded.decision.model
        if model not in self._open:
            verify_attestation(recorded.version, self._keyring.public_keys_pem)
            digest: str = recorded.version.body["package"]
            if digest != recorded.version.digest:
                raise IntegrityError(f"{model} names another package than its own", model=model)
            package = load_package(digest, self._blobs)
            self._open[model] = (package, load_predictor(digest, self._blobs))
        return self._open[model]


def form_of(package: Package) -> str:
    """Return which form of a package answers, and by what library."""
    execution = package.execution
    return f"compiled ({execution.library})" if execution.file else f"native ({package.library})"


def _impossible(recorded: Recorded) -> Impossible | None:
    if recorded.version.state == DELETED:
        return "model-deleted"
    if recorded.decision.status != "ok":
        return "failed-then"
    return "redacted" if recorded.lost else None


def _reason(why: Impossible, recorded: Recorded) -> str:
    if why == "redacted":
        lost = ", ".join(recorded.lost)
        return f"redacted when it was recorded: {lost}; what the model saw was never written"
    if why == "model-deleted":
        return f"the bytes of {recorded.decision.model} were deleted, as an erasure does with what learnt"
    return "the model failed at the time, so there is no answer to compare with"


def _draw(decision_id: str) -> bytes:
    return blake2b(decision_id.encode(), digest_size=8).digest()


__all__ = ["LedgerReplayer", "form_of"]

"""What regression cases promise: a model that once erred is never again released erring in the same way.

A *case* is one recorded input and what the answer to it must be. It belongs to a service, and every
release is held to it: the check of a release asks whether the model's own package, in the form that
serves, answered the recorded input as it must. That is exact and repeatable, as nothing is sampled or
estimated; gates weigh how good a model is on average, cases hold it to single answers.

Asking a model takes long and a release is one short transaction. So models are *held* to cases before,
and what came out is kept as a signed verdict, by case and package. A release looks verdicts up. One that
is missing, or that our key did not sign, keeps the model out just as one that says that it erred: nothing
passes because nobody looked.

What a case holds of a person, the recorded input and the answer they should have had, is sealed under a
key of its own; the ledger has the sealed bytes alone. Whoever erases destroys the key, and with it every
copy of them there ever was, in the log and in backups of the database too.
"""

from __future__ import annotations

import dataclasses
import math
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, cast

from towpath.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json

Operator = Literal["<", "<=", ">", ">=", "==", "!="]
CaseState = Literal["active", "retired", "erased"]
CaseVerdict = Literal["pass", "fail", "unanswerable", "unjudged"]
WaiverState = Literal["in force", "expired", "revoked", "forged"]

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBER: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SAID: Final = re.compile(
    r"\s*(?:(?P<output>[A-Za-z_]\w*)\s*)?(?P<operator><=|>=|==|!=|<|>)\s*"
    rf"(?P<value>{_NUMBER})\s*(?:(?:\+-|±)\s*(?P<within>{_NUMBER})\s*)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What one answer must be.

    Attributes:
        operator: `==` and `!=` are about the value and what lies `within` of it on either side; the
            others compare with the value itself.
        value: In the output's unit; finite.
        within: Likewise, 0 or more; 0 means that very number, to the last bit.
        output: The model's output; None for its first.
    """

    operator: Operator
    value: float
    within: float = 0.0
    output: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no answer could be held to.

        Raises:
            InvalidRequest: Value or bound is not finite, or the bound makes no sense here.
        """
        if not math.isfinite(self.value) or not math.isfinite(self.within) or self.within < 0:
            raise InvalidRequest(
                "what an answer must be is a finite number, and how far from it 0 or more"
            )
        if self.within and self.operator not in ("==", "!="):
            raise InvalidRequest(
                f"a bound on both sides goes with '==' and '!=', not with {self.operator!r}",
                remedy="Write, for instance: == 12.5 +- 3",
            )

    @classmethod
    def parse(cls, text: str) -> Expectation:
        """Read `>= 0.5`, `late < 0.3`, `== 12.5 +- 3` or `!= 0.73`.

        Raises:
            InvalidRequest: It reads otherwise.
        """
        found = _SAID.fullmatch(text)
        if found is None:
            raise InvalidRequest(
                f"{text[:80]!r} does not say what an answer must be",
                remedy="Write, for instance: '>= 0.5', 'late < 0.3', '== 12.5 +- 3' or '!= 0.73'.",
            )
        return cls(
            output=found["output"],
            operator=cast("Operator", found["operator"]),
            value=float(found["value"]),
            within=float(found["within"] or 0.0),
        )

    def holds(self, answer: float) -> bool:
        """Tell whether an answer is as it must be; what is no number never is."""
        if math.isnan(answer):
            return False
        if self.operator in ("==", "!="):
            return (abs(answer - self.value) <= self.within) == (self.operator == "==")
        return _COMPARE[self.operator](answer, self.value)

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        said = f"{self.operator} {self.value!r}" + (f" +- {self.within!r}" if self.within else "")
        return said if self.output is None else f"{self.output} {said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionCase:
    """One recorded input that every later model of a service must answer as it should have been.

    Attributes:
        name: `INCIDENT.N`, or as whoever kept it said. The version is `case:NAME@1`.
        service: Whose releases are held to it.
        incident: The incident that it was kept from.
        decision: The recorded decision; None when the subject was erased.
        model: The version that erred, as a reference.
        expectation: None when the subject was erased.
        subject: Keyed hash of whom it is about; None for nobody, or when they were erased.
        state: `retired` and `erased` cases hold nobody back.
        by: Who kept it.
    """

    name: str
    service: str
    incident: str
    decision: str | None
    model: str
    expectation: Expectation | None
    subject: str | None
    state: CaseState
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldModel:
    """What came of holding one model to one case.

    Attributes:
        package: Digest of the package that was asked: the form that serves.
        verdict: `unanswerable` where the model wants an input that was not recorded, or failed;
            `unjudged` where it was never asked, or our key did not sign what is said of it.
        waived: The waiver that lets it through all the same.
    """

    case: str
    model: str
    package: str
    verdict: CaseVerdict
    waived: str | None = None

    @property
    def passes(self) -> bool:
        """Whether it may be released as far as this case goes."""
        return self.verdict == "pass" or self.waived is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A signed statement that a model version may be released although it fails a case.

    Attributes:
        name: `CASE.wN`.
        model: The one version that it lets through, as a reference.
        package: Digest of that version's package: no other bytes get through.
        reason: In words, without anybody's data: it stays in the log.
        by: Who signed, by a handle.
        given_at: Wall time, UTC.
        expires_at: Likewise. What is in force by then stays there; it can't be released again.
        key_id: The signing key.
        signature: Base64, Ed25519 over everything above as canonical JSON, with what it is.
        revoked_by: Who took it back; None where nobody did.
    """

    name: str
    case: str
    model: str
    package: str
    reason: str
    by: str
    given_at: datetime
    expires_at: datetime
    key_id: str
    signature: str
    state: WaiverState = "in force"
    revoked_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """A case to be kept.

    Attributes:
        inputs: As the model saw them.
        subject: Keyed hash of whom the decision is about.
    """

    name: str
    service: str
    project: str
    incident: str
    decision: str
    model: Ref
    expectation: Expectation
    subject: str | None
    inputs: Mapping[str, object] = dataclasses.field(repr=False)


class RegressionCases(Protocol):
    """Keeps cases, holds models to them, and takes waivers. Thread-safe and process-safe.

    Events: `case.kept`, `case.judged` (a verdict), `case.retired`, `case.erased`, `waiver.signed`,
    `waiver.revoked`. None of them holds an input, an answer or an expectation.
    """

    def keep(
        self,
        new: NewCase,
        *,
        actor: str,
        against: Sequence[Ref] = (),
        also: Callable[[Transaction], object] | None = None,
    ) -> RegressionCase:
        """Keep a case: a version of kind `case`, with an edge to the model that erred.

        Args:
            new: The case.
            actor: Who keeps it.
            against: Model versions to hold to it at once, in the same transaction: those that serve.
            also: What else is recorded in that transaction.

        Raises:
            Conflict: There is one of that name.
            Withdrawn: Its subject has withdrawn.
            NotFound: One of the models does not exist, or its bytes are gone.
        """
        ...

    def list(
        self, service: str | None = None, *, states: Sequence[CaseState] = ("active",)
    ) -> Sequence[RegressionCase]:
        """Return cases, newest first. Opens each one's seal: some 50 µs."""
        ...

    def get(self, name: str) -> RegressionCase:
        """Return a case. Raises `NotFound`."""
        ...

    def retire(self, name: str, *, actor: str, reason: str) -> None:
        """Hold nobody to a case any more, for good; no-op where that is so already.

        Raises:
            NotFound: There is no such case.
        """
        ...

    def hold(self, service: str, model: Ref) -> Sequence[HeldModel]:
        """Ask a model version about every active case of a service that it was not asked about yet.

        Idempotent; verdicts that our key signed are not asked for again. A package is loaded once, and
        only where something is open; then each case costs one answer.

        Raises:
            NotFound: There is no such version, or its bytes are gone.
            IntegrityError: The version is not what was signed.
        """
        ...

    def hold_everywhere(self, model: Ref) -> Sequence[HeldModel]:
        """Do what `hold` does for every service that a model of that name is declared to answer."""
        ...

    def hold_all(self, models: Mapping[str, Ref]) -> None:
        """Do what `hold` does for models by service, before a release of them is asked for.

        One that can't be asked is passed over: the release says what is wrong with it, and keeps it out.
        """
        ...

    def standing(self, tx: Transaction, service: str, model: Ref) -> Sequence[HeldModel]:
        """Return how a model stands with each active case, from the ledger alone: what a release asks."""
        ...

    def waive(self, case: str, model: Ref, *, reason: str, lasts: timedelta, actor: str) -> Waiver:
        """Sign that a model version may be released although it fails a case, until some time is over.

        Raises:
            NotFound: There is no such case or model version.
            InvalidRequest: It lasts longer than 90 days or no time at all, or no reason is given.
        """
        ...

    def waivers(self, case: str | None = None) -> Sequence[Waiver]:
        """Return waivers with their state as of now, newest first."""
        ...

    def revoke(self, name: str, *, actor: str) -> Waiver:
        """Take a waiver back at once. Idempotent. Raises `NotFound`."""
        ...

    def about(self, subject_hash: str) -> Sequence[tuple[RegressionCase, Json]]:
        """Return the cases about a subject with their recorded inputs: for the access report alone."""
        ...

    def erase(self, subject_hash: str) -> int:
        """Destroy what cases hold of a subject, and return how many did; the cases hold nobody back then.

        Idempotent, and safe to kill anywhere: keys go first, then the ledger is told.
        """
        ...


__all__ = [
    "CaseState",
    "CaseVerdict",
    "Expectation",
    "HeldModel",
    "NewCase",
    "Operator",
    "RegressionCase",
    "RegressionCases",
    "Waiver",
    "WaiverState",
]

"""The declaration of a webhook: where to tell what."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from towpath.assets.sources.references import refuse_credentials
from towpath.core.errors import InvalidProject
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OF_PROJECT = (
    "alert.raised",
    "alert.persisted",
    "alert.acknowledged",
    "alert.snoozed",
    "alert.resolved",
    "version.committed",
    "run.started",
    "run.finished",
    "trigger.fired",
    "trigger.answered",
    "schedule.answered",
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Sends events of the ledger's log to an address, in their order, each at least once.

    An event is a CloudEvent 1.0, of the type `towpath.` and the log's own type; its
    id is the log's key and the entry's number, the same however often it is sent. No event of the log
    holds personal data. Each is signed as Standard Webhooks says: the headers `webhook-id`,
    `webhook-timestamp` and `webhook-signature` (HMAC-SHA-256, `v1,…`).

    Attributes:
        name: Unique among the project's webhooks.
        url: Where to. `${NAME}` is taken from the worker's environment.
        events: Types of the log's events, such as `alert.raised`; of the project's own things only.
        secret: What signs; a `${NAME}`, so that it is neither in the code nor in the ledger.
        private: Allow an address in the private network.
        mode: `structured` puts the whole event into the body, `binary` its attributes into headers, as
            Knative's brokers and most sinks prefer.
    """

    name: str
    _: KW_ONLY
    url: str
    events: Sequence[str] = ("alert.raised",)
    secret: str
    private: bool = False
    mode: Literal["structured", "binary"] = "structured"

    def __post_init__(self) -> None:
        """Refuse what can't be sent, or would give a secret away."""
        check_name(self.name, "webhook name")
        refuse_credentials(self.url, what=f"webhook {self.name!r}")
        if not self.url.startswith("${") and urlsplit(self.url).scheme not in ("http", "https"):
            raise InvalidProject(
                f"webhook {self.name!r} goes to {self.url!r}", remedy="Begin with https://."
            )
        if not (self.secret.startswith("${") and self.secret.endswith("}")):
            raise InvalidProject(
                f"webhook {self.name!r} spells its secret out",
                remedy="Name an environment variable, such as ${OPS_SECRET}.",
            )
        if self.mode not in ("structured", "binary"):
            raise InvalidProject(
                f"webhook {self.name!r} sends in mode {self.mode!r}",
                remedy="Use 'structured' or 'binary'.",
            )
        unknown = [one for one in self.events if one not in _OF_PROJECT]
        if unknown or not self.events or isinstance(self.events, str):
            raise InvalidProject(
                f"webhook {self.name!r} asks for {unknown or self.events!r}",
                remedy=f"Events are: {', '.join(_OF_PROJECT)}.",
            )

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec; keys of others are left alone."""
        return cls(**{one.name: spec[one.name] for one in fields(cls) if one.name in spec})

"""The declarations of channels that people read: e-mail, and chats that take Slack's webhooks."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast
from urllib.parse import urlsplit

from towpath.assets.sources.references import refuse_credentials
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EVENTS = ("alert.raised", "alert.persisted", "alert.resolved", "run.finished", "trigger.answered")
_SEVERITIES = ("info", "warning", "critical")
_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")


class Channel:
    """What channels have in common.

    Its dataclasses have these fields:

    * `name`: Unique among the project's channels.
    * `events`: Types of the log's events that it is told.
    * `severity`: Alerts of less are left out: `info`, `warning` or `critical`.
    * `after`: Escalation: only alerts that nobody has acknowledged, snoozed or resolved so long after.
    * `every`: At most one message in so much wall time; what comes meanwhile is told together.
    * `pages`: Address of Towpath's pages, for a link.
    """

    __slots__ = ()
    channel: ClassVar[str] = ""

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec; keys of others are left alone."""
        known = (one.name for one in fields(cast("Any", cls)))
        return cls(**{name: spec[name] for name in known if name in spec})

    def check_common(self) -> None:
        """Refuse what no channel can mean. Raises `InvalidProject` or `InvalidName`."""
        declared = cast("Any", self)
        name = check_name(declared.name, "channel name")
        unknown = [one for one in declared.events if one not in _EVENTS]
        if unknown or not declared.events or isinstance(declared.events, str):
            raise InvalidProject(
                f"channel {name!r} asks for {unknown or declared.events!r}",
                remedy=f"Events are: {', '.join(_EVENTS)}.",
            )
        if declared.severity not in _SEVERITIES:
            raise InvalidProject(
                f"channel {name!r} takes alerts from {declared.severity!r} on",
                remedy=f"Use one of {', '.join(_SEVERITIES)}.",
            )
        for span in (declared.after, declared.every):
            if span is not None:
                parse_duration(span)


@dataclass(frozen=True, slots=True)
class Email(Channel):
    """Tells people by e-mail.

    The connection is encrypted before anything is said: `smtps://` from the first byte, `smtp://` by
    STARTTLS, which a server that does not offer it is left for. Certificates are checked.

    Attributes:
        to: Who is told; addresses, or `${NAME}`.
        sender: The address it comes from, or `${NAME}`.
        server: `smtp://HOST:PORT` or `smtps://HOST:PORT`.
        user: A `${NAME}`; None where the server asks for none.
        password: A `${NAME}`.
        private: Allow a server in the private network.

    The others are those of `Channel`.
    """

    channel: ClassVar[str] = "email"

    name: str
    _: KW_ONLY
    to: Sequence[str]
    sender: str
    server: str
    user: str | None = None
    password: str | None = None
    private: bool = False
    events: Sequence[str] = ("alert.raised", "alert.resolved")
    severity: Literal["info", "warning", "critical"] = "warning"
    after: str | None = None
    every: str = "5m"
    pages: str = ""

    def __post_init__(self) -> None:
        """Refuse what can't be sent, or would give a credential away."""
        self.check_common()
        refuse_credentials(self.server, what=f"channel {self.name!r}")
        parts = urlsplit(self.server)
        if not self.server.startswith("${") and (
            parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.username
        ):
            raise InvalidProject(
                f"channel {self.name!r} sends by {self.server!r}",
                remedy="Write smtp://HOST:PORT or smtps://HOST:PORT; user= and password= apart.",
            )
        if isinstance(self.to, str) or not self.to:
            raise InvalidProject(f"channel {self.name!r} writes to nobody", remedy="Give to=[…].")
        for address in (*self.to, self.sender):
            if not (_ADDRESS.fullmatch(address) or _REFERENCE.fullmatch(address)):
                raise InvalidProject(f"channel {self.name!r} has the address {address!r}")
        if (self.user is None) != (self.password is None):
            raise InvalidProject(f"channel {self.name!r} has only one of user and password")
        for secret in (self.user, self.password):
            if secret is not None and not _REFERENCE.fullmatch(secret):
                raise InvalidProject(
                    f"channel {self.name!r} spells a credential out",
                    remedy="Name an environment variable, such as ${SMTP_PASSWORD}.",
                )


@dataclass(frozen=True, slots=True)
class Slack(Channel):
    """Tells a chat, by an incoming webhook in Slack's format; Mattermost and others take it too.

    Attributes:
        url: A `${NAME}`, since whoever has the address can write to the chat.
        private: Allow an address in the private network.

    The others are those of `Channel`.
    """

    channel: ClassVar[str] = "slack"

    name: str
    _: KW_ONLY
    url: str
    private: bool = False
    events: Sequence[str] = ("alert.raised", "alert.resolved")
    severity: Literal["info", "warning", "critical"] = "warning"
    after: str | None = None
    every: str = "5m"
    pages: str = ""

    def __post_init__(self) -> None:
        """Refuse what would give the address away."""
        self.check_common()
        if not _REFERENCE.fullmatch(self.url):
            raise InvalidProject(
                f"channel {self.name!r} spells its address out, which is a credential",
                remedy="Name an environment variable, such as ${SLACK_WEBHOOK}.",
            )


CHANNELS: dict[str, type[Email | Slack]] = {one.channel: one for one in (Email, Slack)}
"""By the word that a spec holds under `channel`."""


__all__ = ["CHANNELS", "Channel", "Email", "Slack"]

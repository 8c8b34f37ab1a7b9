"""One message to some people by SMTP: encrypted, checked, and only to a machine that it may reach."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from towpath.assets.sources.peers import Peers
from towpath.core.clock import SystemClock
from towpath.core.errors import Unavailable, UsageError

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from towpath.operate.webhooks.messages import Message

_TIMEOUT_S = 15.0
_PORTS = {"smtp": 587, "smtps": 465}


def compose(message: Message, *, sender: str, to: Sequence[str]) -> EmailMessage:
    """Return a message as an e-mail. Its id is the message's own, so that repetitions are told apart.

    Titles and lines come from declarations and figures; what would begin another header is a space.
    """
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = " ".join(f"Towpath {message.title}".split())
    mail["Date"] = format_datetime(SystemClock().now())
    mail["Message-ID"] = f"<{message.id}@towpath.invalid>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    mail.set_content(message.plain(), cte="quoted-printable")  # any server can carry that
    return mail


def send_mail(
    mail: EmailMessage,
    *,
    server: str,
    user: str | None,
    password: str | None,
    private: bool,
    context: ssl.SSLContext | None = None,
) -> None:
    """Hand an e-mail to a server, once.

    Args:
        mail: What `compose` returned.
        server: `smtp://HOST:PORT`, encrypted by STARTTLS, or `smtps://HOST:PORT`.
        user: With `password`, what the server asks for; told only over the encrypted connection.
        password: See `user`.
        private: Whether a server in the private network may be reached.
        context: Which certificates are trusted; the system's by default.

    Raises:
        Unavailable: It did not answer, offers no encryption, or asks for another try later.
        UsageError: The address leads into the private network, or the server refuses for good.
    """
    parts = urlsplit(server)
    host = parts.hostname or ""
    peers = Peers(server, private=private)
    context = context or ssl.create_default_context()
    kind = _Direct if parts.scheme == "smtps" else _Upgraded
    try:
        with kind(host, parts.port or _PORTS[parts.scheme], peers, context) as connection:
            if parts.scheme == "smtp":
                connection.starttls(context=context)
            if user is not None and password is not None:
                connection.login(user, password)
            connection.send_message(mail)
    except smtplib.SMTPResponseException as error:
        if 400 <= error.smtp_code < 500:
            raise Unavailable(f"{host} answered {error.smtp_code}") from error
        raise UsageError(
            f"{host} refused an e-mail with status {error.smtp_code}",
            remedy="Check the channel's sender, user and password.",
        ) from error
    except smtplib.SMTPRecipientsRefused as error:
        raise UsageError(
            f"{host} takes no e-mail for any of {len(error.recipients)} addresses",
            remedy="Check the channel's `to`.",
        ) from error
    except smtplib.SMTPNotSupportedError as error:
        raise Unavailable(
            f"{host} does not offer what an e-mail must be sent by: {type(error).__name__}",
            remedy="It must speak STARTTLS; or use smtps://.",
        ) from error
    except (OSError, smtplib.SMTPException) as error:  # ssl.SSLError is an OSError
        raise Unavailable(f"{host} took no e-mail: {type(error).__name__}") from error


class _Upgraded(smtplib.SMTP):
    """A connection that is looked at before a byte is sent on it, then upgraded by STARTTLS."""

    def __init__(self, host: str, port: int, peers: Peers, context: ssl.SSLContext) -> None:
        self._peers, self._context = peers, context
        super().__init__(host, port, timeout=_TIMEOUT_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        return _checked(super()._get_socket(host, port, timeout), host, self._peers)  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType] - the one hook that smtplib has for its connection; its own SMTP_SSL uses it


class _Direct(_Upgraded):
    """A connection that is encrypted from the first byte, looked at just before."""

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        plain = super()._get_socket(host, port, timeout)
        return self._context.wrap_socket(plain, server_hostname=host)


def _checked(connection: socket.socket, host: str, peers: Peers) -> socket.socket:
    number = str(connection.getpeername()[0])
    if peers.allows(number):
        return connection
    connection.close()
    raise UsageError(
        f"{host} is at {number}, inside a private network, and was not connected to",
        remedy="If that is meant, declare the channel with private=True.",
        host=host,
    )


__all__ = ["compose", "send_mail"]

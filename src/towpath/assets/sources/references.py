"""Credentials by name: a declaration says `${NAME}`, the environment says what that is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from towpath.core.errors import InvalidProject, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_WORDS = re.compile(
    r"(^|[-_.])(api[-_]?key|key|token|secret|password|passwd|pwd|signature|sig|credential|auth)"
    r"($|[-_.])|apikey|accesskey|secretkey|authorization",
    re.IGNORECASE,
)
_NAMES_ONLY = ("access_key_id",)  # says who, opens nothing


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Return the text with every `${NAME}` replaced.

    Raises:
        UsageError: A name is not set. Neither it nor any other error shows a value.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in environ:
            raise UsageError(
                f"the environment variable {name} is not set, and a source needs it",
                remedy=f"Set it where the ingest runs: export {name}=…",
                variable=name,
            )
        return environ[name]

    return _REFERENCE.sub(value, text)


def refuse_credentials(address: str, *, what: str) -> None:
    """Refuse an address that spells a password or a key out.

    Raises:
        InvalidProject: It does. Declarations are kept in the ledger and in the project's code.
    """
    parts = split(address)
    password = parts.netloc.rpartition("@")[0].partition(":")[2]
    spelled = [name for name, value in parse_qsl(parts.query) if is_secret(name, value)]
    if (password and not _REFERENCE.fullmatch(password)) or spelled:
        where = f"its parameter {spelled[0]!r}" if spelled else "its password"
        raise InvalidProject(
            f"the address of {what} spells {where} out",
            remedy="Name an environment variable in its place, such as ${WAREHOUSE_PASSWORD}.",
        )


def is_secret(name: str, value: str) -> bool:
    """Tell whether a parameter or header looks like a credential that is spelled out."""
    named = _SECRET_WORDS.search(name) is not None and name.lower() not in _NAMES_ONLY
    return named and bool(value) and _REFERENCE.search(value) is None


def shown(address: str) -> str:
    """Return an address as people may see it: user and query left out, references as they stand."""
    parts = split(address)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
    # The standard library drops the slashes of an empty host, which mean something to others.
    lost = "//" if not bare.netloc and f"{parts.scheme}:///" in address else ""
    return urlunsplit(bare).replace(":", f":{lost}", 1) if lost else urlunsplit(bare)


def shown_place(location: str) -> str:
    """Return a path or address as the ledger may have it: above a project, folders bear people's names."""
    if location.startswith("sqlite:////"):
        return f"sqlite:…/{shown(location).rpartition('/')[2]}"
    if "://" in location:
        return shown(location)
    return f"…/{location.rpartition('/')[2]}" if location.startswith(("/", "~", "..")) else location


def split(address: str) -> SplitResult:
    """Split an address.

    Raises:
        InvalidProject: It is not one.
    """
    try:
        parts = urlsplit(address)
        if not _REFERENCE.search(parts.netloc):  # one may stand where the port belongs
            parts.port  # noqa: B018 -- read for its check
    except ValueError as error:
        raise InvalidProject(f"{address!r} is not an address: {error}") from error
    return parts

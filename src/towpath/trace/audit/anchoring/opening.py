"""Addresses of anchors: `file:PATH`, `git:FOLDER` with `?push=REMOTE`, or `https://…`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from towpath.assets.sources.references import expand, refuse_credentials
from towpath.core.errors import InvalidSetting
from towpath.trace.audit.anchoring.files import FileAnchor
from towpath.trace.audit.anchoring.receivers import WebhookAnchor
from towpath.trace.audit.anchoring.repositories import GitAnchor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from towpath.trace.audit.anchoring.contract import Anchor

_REMOTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # a name, so no option and no address


def open_anchor(
    address: str,
    *,
    folder: Path,
    log: str,
    secret: str = "",
    private: bool = False,
    environ: Mapping[str, str],
) -> Anchor:
    """Return the anchor at an address; nothing is reached for yet.

    Args:
        address: `file:PATH`, `git:FOLDER`, `git:FOLDER?push=REMOTE` or `https://…`; `${NAME}` in
            it, and in `secret`, is taken from `environ`.
        folder: What relative paths are seen from.
        log: Names the log.
        secret: Signs what is sent to a web hook.
        private: Whether a web hook may be in the private network.
        environ: The environment.

    Raises:
        InvalidSetting: The address means nothing, or a web hook has no secret.
        InvalidProject: It spells a credential out.
        UsageError: A name in it is not set.
    """
    kind, _, rest = address.partition(":")
    if kind == "file" and rest:
        return FileAnchor(folder / rest)
    if kind == "git" and rest:
        path, _, query = rest.partition("?")
        asked = parse_qs(query)
        push = asked.pop("push", [None])[0]
        if not asked and (push is None or _REMOTE.fullmatch(push)):
            return GitAnchor(folder / path, push=push)
    if address.startswith("${") or (kind in ("http", "https") and urlsplit(address).hostname):
        refuse_credentials(address, what="an anchor")
        if not secret:
            raise InvalidSetting(
                "an anchor is a web hook, and anchor_secret is not set",
                remedy="Set it to ${NAME}, and NAME in the worker's environment.",
                key="anchor_secret",
            )
        return WebhookAnchor(
            expand(address, environ), secret=expand(secret, environ), private=private, log=log
        )
    raise InvalidSetting(
        f"the anchor {address!r} is none",
        remedy="Write file:PATH, git:FOLDER, git:FOLDER?push=REMOTE or https://HOST/PATH.",
        key="anchors",
    )

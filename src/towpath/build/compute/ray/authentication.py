"""Who may give orders to a cluster: only clusters that ask for a token are used.

Whoever reaches the port of a cluster without authentication runs code on all of its nodes, as has been
done to thousands of them (CVE-2023-48022, "ShadowRay"). So whether a cluster asks is tried out, by
knocking without a token, before anything of a project is sent there.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Literal

from towpath.core.errors import InvalidSetting, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

Door = Literal["locked", "open", "absent"]

_CONNECT_WITHIN_S = 5
_KNOCK_WITHIN_S = 60
_LOCKED, _ABSENT = 10, 11
# A process of its own: Ray reads its mode once, and keeps what it has read.
_KNOCK = f"""
import sys
from ray._raylet import GcsClient
from ray.exceptions import AuthenticationError
try:
    GcsClient(address=sys.argv[1]).internal_kv_keys(b"", None, timeout=10)
except AuthenticationError:
    sys.exit({_LOCKED})
except Exception as error:
    print(f"{{type(error).__name__}}: {{error}}", file=sys.stderr)
    sys.exit({_ABSENT})
"""
VARIABLES = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


def knock(address: str, *, token: bool) -> tuple[Door, str]:
    """Ask a cluster something. Costs a second or two.

    Args:
        address: `host:port` of its head.
        token: Whether to show the token that the environment names, or none.

    Returns:
        Whether it lets us in, and for an absent one what went wrong.
    """
    host, _, port = address.rpartition(":")
    try:  # at once, where Ray would try for half a minute
        socket.create_connection((host, int(port)), timeout=_CONNECT_WITHIN_S).close()
    except (OSError, ValueError) as error:
        return "absent", str(error)
    bare = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    shown = os.environ if token else bare | {"RAY_AUTH_MODE": "disabled"}
    try:
        knocked = subprocess.run(  # noqa: S603  our own words, by our own interpreter
            [sys.executable, "-c", _KNOCK, address],
            env=shown,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_KNOCK_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "absent", f"no answer within {_KNOCK_WITHIN_S} s"
    if knocked.returncode == _LOCKED:
        return "locked", ""
    if knocked.returncode == 0:
        return "open", ""
    said = knocked.stderr.strip().splitlines()
    return "absent", said[-1] if said else f"the question ended with {knocked.returncode}"


def require_lock(address: str, *, allow_unauthenticated: bool) -> bool:
    """Return whether a cluster asks for a token, and refuse one that does not.

    Raises:
        InvalidSetting: It does not, and nobody has said that this is fine.
        Unavailable: It does not answer.
    """
    door, why = knock(address, token=False)
    if door == "absent":
        raise Unavailable(
            f"the Ray cluster at {address} does not answer: {why}",
            remedy="Start it, or correct ray_address.",
            address=address,
        )
    if door == "open" and not allow_unauthenticated:
        raise InvalidSetting(
            f"the Ray cluster at {address} lets everybody in who reaches it",
            remedy="Start its nodes with RAY_AUTH_MODE=token. Where the network keeps strangers out, "
            "set ray_allow_unauthenticated = true.",
            address=address,
        )
    return door == "locked"


def use_token(path: Path | None, *, locked: bool) -> None:
    """Set in this process's environment how Ray is to present itself; before Ray is imported.

    Args:
        path: File that holds the token; None: where Ray looks by itself (`RAY_AUTH_TOKEN`,
            `RAY_AUTH_TOKEN_PATH`, `~/.ray/auth_token`).
        locked: Whether the cluster asks for one.

    Raises:
        InvalidSetting: The file can't be read, or others can read it too.
    """
    os.environ["RAY_AUTH_MODE"] = "token" if locked else "disabled"
    if path is None or not locked:
        return
    try:
        mode = path.stat().st_mode
        path.open("rb").close()
    except OSError as error:
        raise InvalidSetting(
            f"the Ray token file {path} can't be read: {error.strerror}",
            remedy="Correct ray_token_file.",
        ) from error
    if mode & 0o077:
        raise InvalidSetting(
            f"the Ray token file {path} can be read by others", remedy=f"Run: chmod 600 {path}"
        )
    os.environ.pop("RAY_AUTH_TOKEN", None)  # it would win over the file
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)


def require_entry(address: str) -> None:
    """Make sure that the token which `use_token` has set is the cluster's.

    Ray itself tries for half a minute, and does not say that it was the token.

    Raises:
        InvalidSetting: It is not, or there is none.
    """
    door, _ = knock(address, token=True)
    if door != "open":
        raise InvalidSetting(
            f"the Ray cluster at {address} does not accept our token",
            remedy="Set ray_token_file to the file that holds the cluster's token.",
            address=address,
        )


def make_token(path: Path) -> None:
    """Write a fresh token of 256 bits to a file that only we can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))

"""A branch of a git repository with one commit for each statement.

It goes by git's plumbing alone: blob, tree, commit, and one conditional move of the branch. No work tree
and no index are touched, so the repository may be bare, may be somebody's check-out, and no kill leaves a
half-made commit or a lock on the index behind.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

from towpath.core.errors import Unavailable, UsageError
from towpath.trace.audit.anchoring.contract import line_of, statements_of

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger import Checkpoint

BRANCH: Final = "towpath-anchors"
FILE: Final = "checkpoints.jsonl"
_TIMEOUT_S = 60.0
_NOTHING = "0" * 40
_WHO = {
    "GIT_AUTHOR_NAME": "towpath",
    "GIT_AUTHOR_EMAIL": "towpath@localhost",
    "GIT_COMMITTER_NAME": "towpath",
    "GIT_COMMITTER_EMAIL": "towpath@localhost",
    "GIT_TERMINAL_PROMPT": "0",
}


class GitAnchor:
    """See `Anchor`.

    Args:
        repository: Its folder.
        push: The remote to push the branch to after each statement; None pushes nowhere.
    """

    readable = True

    def __init__(self, repository: Path, *, push: str | None = None) -> None:
        self._repository = repository
        self._push = push

    def read(self) -> list[Checkpoint]:
        """See `Anchor.read`. A repository without the branch holds nothing."""
        return statements_of(self._text(self._head()).splitlines())

    def put(self, checkpoint: Checkpoint) -> None:
        """See `Anchor.put`. The branch moves only from where it was read."""
        head = self._head()
        text = self._text(head)
        kept = statements_of(text.splitlines())
        if not kept or kept[-1] != checkpoint:
            blob = self._git("hash-object", "-w", "--stdin", given=text + line_of(checkpoint))
            tree = self._git("mktree", given=f"100644 blob {blob}\t{FILE}\n".encode())
            parents = () if head is None else ("-p", head)
            message = f"Log of {checkpoint.size} entries: {checkpoint.root}\n"
            commit = self._git("commit-tree", tree, *parents, given=message.encode())
            self._git("update-ref", f"refs/heads/{BRANCH}", commit, head or _NOTHING)
        if self._push is not None:
            self._git("push", "--quiet", self._push, f"refs/heads/{BRANCH}")

    def _head(self) -> str | None:
        found = self._git("for-each-ref", "--format=%(objectname)", f"refs/heads/{BRANCH}")
        return found or None

    def _text(self, head: str | None) -> bytes:
        if head is None:
            return b""
        return self._run("cat-file", "blob", f"{head}:{FILE}")

    def _git(self, *arguments: str, given: bytes = b"") -> str:
        return self._run(*arguments, given=given).decode().strip()

    def _run(self, *arguments: str, given: bytes = b"") -> bytes:
        # Its hooks and its owner's variables are not this program's business.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        command = ["git", "-c", "core.hooksPath=/dev/null", "-C", str(self._repository), *arguments]
        try:
            done = subprocess.run(  # noqa: S603 -- a fixed program; arguments are ours or checked
                command,
                input=given,
                capture_output=True,
                check=False,
                timeout=_TIMEOUT_S,
                env={**environ, **_WHO},
            )
        except FileNotFoundError as error:
            raise UsageError(
                "an anchor needs git, which is not installed here", remedy="Install git."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise Unavailable(
                f"git {arguments[0]} in {self._repository} took over a minute"
            ) from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise Unavailable(
                f"git {arguments[0]} in {self._repository} failed: {said[-1] if said else '?'}",
                remedy="Mend the repository; the worker tries again by itself.",
            )
        return done.stdout

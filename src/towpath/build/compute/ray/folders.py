"""Private temporary folders that tell whose they are, so that those of the dead are found."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from towpath.build.compute import procfs


def make_folder(prefix: str) -> Path:
    """Make a folder for this process (0700), and remove those that processes now dead have left.

    Its path is short: sockets lie in it, and a socket's path ends at 107 bytes.

    Args:
        prefix: Tells such folders from others, and ends with a dash.
    """
    root = Path(tempfile.gettempdir())
    for left in root.glob(f"{prefix}*"):
        if left.stat(follow_symlinks=False).st_uid == os.getuid() and _is_orphan(left, prefix):
            shutil.rmtree(left, ignore_errors=True)
    pid = os.getpid()
    return Path(tempfile.mkdtemp(prefix=f"{prefix}{pid}.{procfs.started_ticks(pid)}-", dir=root))


def _is_orphan(folder: Path, prefix: str) -> bool:
    owner, _, started = folder.name.removeprefix(prefix).partition("-")[0].partition(".")
    return owner.isdecimal() and str(procfs.started_ticks(int(owner))) != started

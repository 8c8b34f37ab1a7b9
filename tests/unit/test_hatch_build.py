"""The build hook: fresh pages ask for nothing, stale ones are rebuilt or refused."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


hatch_build = load()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose pages were just built."""
    (tmp_path / "ui" / "src").mkdir(parents=True)
    (tmp_path / "ui" / "src" / "main.tsx").write_text("render()")
    (tmp_path / "ui" / "package-lock.json").write_text("{}")
    output = tmp_path / "src" / "towpath" / "server" / "static"
    output.mkdir(parents=True)
    (output / "index.html").write_text("<html>")
    ui = hatch_build.Ui(tmp_path)
    (output / hatch_build.DIGEST).write_text(ui.source_digest() + "\n")
    return tmp_path


def hook(root: Path) -> object:
    return hatch_build.UiBuildHook(str(root), {}, None, None, str(root), "wheel")


def test_fresh_pages_ask_for_nothing_and_run_nothing(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hatch_build.Ui, "build", lambda _: pytest.fail("built again"))
    assert hook(root).dependencies() == []
    hook(root).initialize("standard", {})


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "ui" / "src" / "main.tsx").write_text("render(2)"),
        lambda root: (root / "ui" / "src" / "new.tsx").write_text("new()"),
        lambda root: (root / "ui" / "src" / "main.tsx").rename(root / "ui" / "src" / "app.tsx"),
        lambda root: (root / "ui" / "package-lock.json").write_text('{"a": 1}'),
        lambda root: (root / "src/towpath/server/static/index.html").unlink(),
        lambda root: (root / "src/towpath/server/static" / hatch_build.DIGEST).unlink(),
    ],
    ids=["edited", "added", "renamed", "locked", "page-gone", "digest-gone"],
)
def test_any_change_makes_them_stale_and_asks_for_node(change: object, root: Path):
    change(root)
    assert hook(root).dependencies() == [hatch_build.NODE]


def test_what_npm_installs_does_not_count(root: Path):
    module = root / "ui" / "node_modules" / "vite"
    module.mkdir(parents=True)
    (module / "index.js").write_text("vite()")
    assert hatch_build.Ui(root).is_fresh()


def test_a_build_that_fails_leaves_them_stale_and_says_why(root: Path):
    (root / "ui" / "src" / "main.tsx").write_text("render(3)")
    (root / "ui" / "package-lock.json").write_text("not json")
    with pytest.raises(hatch_build.StaleUi, match="could not be built"):
        hatch_build.Ui(root).build()
    assert not hatch_build.Ui(root).is_fresh()

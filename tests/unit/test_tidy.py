"""The house stays clean: small modules, honest names, documented packages, nothing that leaks."""

import ast
import re
import subprocess
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "towpath"
MIGRATIONS = SOURCE / "storage" / "database" / "migrations"  # frozen once released
MODULES = sorted(path for path in SOURCE.rglob("*.py") if MIGRATIONS not in path.parents)
ROWS = ("storage", "ledger", "assets", "build", "operate", "trace")
MODULE_LINES_MOST = 500
FUNCTION_LINES_MOST = 70
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "stuff"}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_modules_hold_one_idea():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in MODULES
        if (lines := len(path.read_text().splitlines())) > MODULE_LINES_MOST
    }
    assert long == {}


def test_functions_fit_on_a_screen():
    long = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES_MOST:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = lines
    assert long == {}


def test_no_module_is_named_after_nothing():
    vague = [path for path in MODULES if path.stem in VAGUE or path.parent.name in VAGUE]
    assert vague == []


def test_packages_only_re_export():
    busy = []
    for path in MODULES:
        if path.name != "__init__.py" or path.parent == SOURCE:
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                busy.append(f"{path.relative_to(ROOT)}:{node.name}")
    assert busy == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_module_says_what_it_is(path: Path):
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


def test_no_lock_file_and_no_registry_address_is_committed():
    files = tracked()
    assert not [path for path in files if path.name == "uv.lock"]
    lock = ROOT / "ui" / "package-lock.json"
    if lock.exists():
        assert '"resolved"' not in lock.read_text()


def test_the_drawn_arrows_are_the_ones_in_the_code():
    drawn: dict[str, set[str]] = {}
    for line in (ROOT / "docs" / "ARCHITECTURE.md").read_text().splitlines():
        cells = re.findall(r"`([a-z]+\.[a-z]+)`", line)
        if line.startswith("| `") and len(cells) > 1:
            drawn[cells[0]] = set(cells[1:])
    found: dict[str, set[str]] = {}
    graph = grimp.build_graph("towpath", cache_dir=None)
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            here, there = module.split(".")[1:3], imported.split(".")[1:3]
            packages = all(
                (SOURCE / Path(*one)).is_dir() and len(one) == 2 for one in (here, there)
            )
            if packages and here[0] == there[0] and here[0] in ROWS and here != there:
                found.setdefault(".".join(here), set()).add(".".join(there))
    assert drawn == found

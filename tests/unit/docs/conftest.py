"""The documentation's pages, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of the documentation."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text()

    def blocks(self, language: str) -> list[tuple[int, str]]:
        """Return the blocks of a language, each with the line that its code begins on."""
        text = self.text
        return [
            (text.count("\n", 0, found.start(2)) + 1, found[2])
            for found in _BLOCK.finditer(text)
            if found[1] == language
        ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that wants a page once for each; `LANGUAGE_page` is one with such blocks."""
    pages = [Page(path=path) for path in PAGES]
    for name in metafunc.fixturenames:
        language, _, what = name.rpartition("_")
        if name == "page" or (what == "page" and language):
            wanted = [page for page in pages if not language or page.blocks(language)]
            metafunc.parametrize(name, wanted, ids=lambda page: page.name)

"""Names that a package imports when they are asked for are as true as any others."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import towpath

ROOT = Path(towpath.__file__).parent
PACKAGES = sorted(
    ".".join(("towpath", *file.parent.relative_to(ROOT).parts))
    for file in ROOT.rglob("__init__.py")
    if "= lazily(" in file.read_text()
)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_listed_and_can_be_had(name: str) -> None:
    package = importlib.import_module(name)
    assert set(package.__all__) <= set(dir(package))
    for public in package.__all__:
        assert getattr(package, public) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018 - it raises

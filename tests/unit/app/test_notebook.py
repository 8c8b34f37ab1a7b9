"""A notebook opens what the command line opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import towpath as tp
from towpath.cli.scaffold import scaffold
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_home_of_a_project_is_found_from_inside_it(tmp_path: Path):
    folder = scaffold("mine", tmp_path)
    with tp.home(folder / "data") as home:
        assert home.place.root == folder
        assert home.place.home == folder / ".towpath"


def test_a_setting_that_is_given_goes_first(tmp_path: Path):
    with tp.home(scaffold("mine", tmp_path), home=str(tmp_path / "elsewhere")) as home:
        assert home.place.home == tmp_path / "elsewhere"


def test_nothing_is_made_where_there_is_no_project(tmp_path: Path):
    with pytest.raises(UsageError, match="no project"):
        tp.home(tmp_path)
    assert list(tmp_path.iterdir()) == []

"""From a folder, the environment and the command line to where things are: the nearest word wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from towpath.app.home import open_home
from towpath.app.place import Place, resolve_place
from towpath.core.errors import InvalidProject, InvalidSetting


def resolve(folder: Path, environ: dict[str, str] | None = None, **flags: object) -> Place:
    return resolve_place(folder, flags=flags, environ=environ or {})


def test_without_a_settings_file_everything_is_below_the_folder(tmp_path: Path):
    place = resolve(tmp_path)
    assert place.root == tmp_path
    assert place.home == tmp_path / ".towpath"
    assert place.database_url == f"sqlite:///{tmp_path}/.towpath/towpath.db"
    assert place.blobs_url == f"file://{tmp_path}/.towpath/blobs"


def test_the_settings_file_is_found_from_below_and_its_paths_are_its_folders(tmp_path: Path):
    (tmp_path / "towpath.toml").write_text('home = "kept"\nproject = "flights:project"')
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    place = resolve(below)
    assert place.root == tmp_path
    assert place.home == tmp_path / "kept"
    assert place.settings.project == "flights:project"


def test_a_pyproject_counts_when_it_has_a_table_for_us(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text("[tool.towpath]\nserver_port = 1")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "pyproject.toml").write_text("[tool.other]\nserver_port = 2")
    assert resolve(tmp_path / "inner").settings.server_port == 1


def test_flag_over_environment_over_file_over_default(tmp_path: Path):
    (tmp_path / "towpath.toml").write_text("server_port = 1\ngateway_port = 1\ncpus = 1")
    environ = {"TOWPATH_GATEWAY_PORT": "2", "TOWPATH_CPUS": "2", "OTHER": "9"}
    settings = resolve(tmp_path, environ, cpus=3, host=None).settings
    assert (settings.server_port, settings.gateway_port, settings.cpus) == (1, 2, 3)
    assert settings.host == "127.0.0.1"


def test_stores_may_be_elsewhere(tmp_path: Path):
    place = resolve(tmp_path, database="postgresql+psycopg://db/x", blobs="s3://bucket/x")
    assert place.database_url == "postgresql+psycopg://db/x"
    assert place.blobs_url == "s3://bucket/x"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("servr_port = 1", "server_port"),
        ('server_port = "x"', "server_port"),
        ("replay = 3", "replay"),
    ],
)
def test_a_setting_that_is_wrong_is_named(tmp_path: Path, text: str, says: str):
    (tmp_path / "towpath.toml").write_text(text)
    with pytest.raises(InvalidSetting, match=says):
        resolve(tmp_path)


def test_a_settings_file_that_is_not_toml_is_named(tmp_path: Path):
    (tmp_path / "towpath.toml").write_text("home = ")
    with pytest.raises(InvalidProject, match=r"towpath\.toml is not TOML"):
        resolve(tmp_path)


def test_opening_a_home_makes_it_for_its_owner_alone_and_twice_is_fine(tmp_path: Path):
    place = resolve(tmp_path, home="some/home")
    for _ in range(2):
        with open_home(place) as home, home.ledger.read() as tx:
            assert tx.intents.list() == []
    assert place.home.stat().st_mode & 0o777 == 0o700

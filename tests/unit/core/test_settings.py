"""Settings: flag over environment over file over default, and no key is silently ignored."""

import pytest

from towpath.core.errors import InvalidSetting
from towpath.core.settings import Settings, resolve_settings


def test_defaults_stand_where_nothing_is_said():
    assert resolve_settings() == Settings()


def test_flag_beats_environment_beats_file():
    file = {"server_port": 1, "gateway_port": 1, "environment": "test"}
    environ = {"TOWPATH_SERVER_PORT": "2", "TOWPATH_GATEWAY_PORT": "2", "HOME": "/root"}
    settings = resolve_settings(flags={"server_port": 3}, environ=environ, file=file)
    assert (settings.server_port, settings.gateway_port) == (3, 2)
    assert settings.environment == "test"


def test_a_flag_that_was_not_given_changes_nothing():
    assert resolve_settings(flags={"home": None}, file={"home": "x"}).home == "x"


def test_an_unknown_key_suggests_the_nearest():
    with pytest.raises(InvalidSetting, match="Did you mean 'server_port'"):
        resolve_settings(file={"sever_port": 1})


def test_an_unknown_variable_is_named():
    with pytest.raises(InvalidSetting, match="TOWPATH_DATABSE"):
        resolve_settings(environ={"TOWPATH_DATABSE": "x"})


@pytest.mark.parametrize(
    ("key", "value"),
    [("server_port", "x"), ("server_port", True), ("replay", "maybe"), ("home", 1)],
)
def test_a_value_of_the_wrong_type_is_refused(key: str, value: object):
    with pytest.raises(InvalidSetting, match=key):
        resolve_settings(file={key: value})


@pytest.mark.parametrize(("text", "meant"), [("yes", True), ("0", False), ("true", True)])
def test_switches_are_read_as_people_write_them(text: str, meant: bool):
    assert resolve_settings(environ={"TOWPATH_REPLAY": text}).replay is meant


def test_a_list_is_read_from_a_file_and_from_the_environment():
    assert resolve_settings(file={"files": ["a.json", "b/*.sql"]}).files == ("a.json", "b/*.sql")
    assert resolve_settings(environ={"TOWPATH_FILES": "a.json, b/*.sql"}).files == (
        "a.json",
        "b/*.sql",
    )
    with pytest.raises(InvalidSetting, match="files"):
        resolve_settings(file={"files": [1]})


def test_a_choice_is_one_of_the_known():
    with pytest.raises(InvalidSetting, match="Use one of debug, info"):
        resolve_settings(file={"log_level": "loud"})

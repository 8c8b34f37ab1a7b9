"""What a gateway keeps to start without ledger and blob store, and whom it believes."""

from __future__ import annotations

import os
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from towpath.core.errors import IntegrityError
from towpath.gateway.routes.keeping import Known, LastKnown, Row
from towpath.storage.keys import FileKeyring

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def row(generation: int, begun: datetime = BEGUN, **spec: Any) -> Row:
    return Row(generation, begun, spec)


@pytest.fixture
def state(tmp_path: Path, keyring: FileKeyring) -> LastKnown:
    return LastKnown(tmp_path / "gateway", "production", keyring)


def test_it_is_read_back_as_it_was_by_another_process(
    state: LastKnown, tmp_path: Path, keyring: FileKeyring
):
    known = Known(
        route=row(3, services={"board": {}}),
        models={"model:late@1": {"package": "0", "metrics": {"x": 1e-300}}},
    )
    assert state.recall() is None
    state.remember(known, ["a", "b"])
    found = LastKnown(tmp_path / "gateway", "production", keyring).recall()
    assert (found.known.route, found.known.models) == (known.route, known.models)
    assert (found.subjects, found.known.position) == (["a", "b"], 2)
    assert 0 <= found.age_s < 60
    assert LastKnown(tmp_path / "gateway", "staging", keyring).recall() is None


def test_only_its_owner_may_look_and_nobody_may_change_it(
    state: LastKnown, tmp_path: Path, keyring: FileKeyring
):
    folder = tmp_path / "gateway"
    folder.mkdir(mode=0o755)
    state.remember(Known(route=row(1, services={"a": {}})), ["a"])
    path = folder / "production.state"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for one in (path, folder / "production.withdrawn"):
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
    path.write_bytes(path.read_bytes().replace(b'{"a":', b'{"b":'))
    with pytest.raises(IntegrityError, match="not written by this home"):
        state.recall()
    path.unlink()
    LastKnown(folder, "production", FileKeyring(tmp_path / "others")).remember(Known())
    with pytest.raises(IntegrityError):
        state.recall()


@pytest.mark.parametrize("change", [b"", b"a\n", b"a\nx\n", b"b\na\n"])
def test_nobody_takes_back_a_withdrawal_on_disk(state: LastKnown, tmp_path: Path, change: bytes):
    state.remember(Known(), ["a", "b"])
    journal = tmp_path / "gateway" / "production.withdrawn"
    journal.write_bytes(change)
    with pytest.raises(IntegrityError, match="not written by this home"):
        state.recall()
    journal.unlink()
    with pytest.raises(IntegrityError):
        state.recall()


def test_removing_what_is_not_believed_has_it_written_anew(
    state: LastKnown, tmp_path: Path, keyring: FileKeyring
):
    state.remember(Known(), ["a", "b"])
    (tmp_path / "gateway" / "production.state").unlink()
    LastKnown(tmp_path / "gateway", "production", keyring).remember(Known(), ["a", "b", "c"])
    assert state.recall().subjects == ["a", "b", "c"]


def test_what_is_new_alone_is_written(state: LastKnown, tmp_path: Path):
    subjects = [f"{number:032x}" for number in range(1000)]
    state.remember(Known(), subjects)
    journal = tmp_path / "gateway" / "production.withdrawn"
    before = journal.read_bytes()
    journal.write_bytes(b"x" * len(before))  # whoever read or wrote it again would tell
    state.remember(Known(), [*subjects, "ff"])
    assert journal.read_bytes() == b"x" * len(before) + b"ff\n"
    assert (tmp_path / "gateway" / "production.state").stat().st_size < 1000


def test_of_two_gateways_neither_takes_back_what_the_other_knows(
    state: LastKnown, tmp_path: Path, keyring: FileKeyring
):
    other = LastKnown(tmp_path / "gateway", "production", keyring)
    state.remember(Known(route=row(4), models={"m": {"v": 4}}), ["a", "b"])
    other.remember(Known(route=row(5), models={"m": {"v": 5}}), ["a"])
    found = state.recall()
    assert found.subjects == ["a", "b"]
    assert (found.known.route, found.known.models) == (row(5), {"m": {"v": 5}})
    other.remember(Known(route=row(5), models={"m": {"v": 5}}), ["a", "b", "c"])
    assert state.recall().subjects == ["a", "b", "c"]
    anew = Known(route=row(1, BEGUN + timedelta(days=1)))  # put anew: newer
    state.remember(anew, ["a", "b"])
    assert other.recall().known.route == anew.route
    assert other.recall().subjects == ["a", "b", "c"]


def test_a_database_that_was_put_back_takes_nobody_off(
    state: LastKnown, tmp_path: Path, keyring: FileKeyring
):
    state.remember(Known(), ["a", "b", "c"])
    LastKnown(tmp_path / "gateway", "production", keyring).remember(Known(), ["a", "d"])
    found = state.recall()
    assert sorted(found.subjects) == ["a", "b", "c", "d"]
    assert found.known.position != len(found.subjects)  # so whoever recalls it reads the list anew


def test_another_list_of_the_same_length_is_kept_too(state: LastKnown):
    state.remember(Known(), ["a", "b"])
    state.remember(Known(), ["a", "c"])  # the database was put back, and somebody else withdrew
    assert sorted(state.recall().subjects) == ["a", "b", "c"]


def test_its_age_is_since_the_ledger_last_said_so(state: LastKnown, tmp_path: Path):
    state.confirm()  # nothing is there to be confirmed
    state.remember(Known(route=row(1)))
    path = tmp_path / "gateway" / "production.state"
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
    assert 3590 < state.recall().age_s < 3700
    state.confirm()
    assert state.recall().age_s < 60


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_a_kill_while_it_is_written_leaves_the_one_before(state: LastKnown, at: str):
    state.remember(Known(route=row(1)), ["a"])
    pid = os.fork()
    if pid == 0:
        owner: Any = Path if at == "replace" else os
        setattr(owner, at, lambda *_: os.kill(os.getpid(), 9))
        state.remember(Known(route=row(2)), ["a", "torn"])
    os.waitpid(pid, 0)
    assert (state.recall().known.route, state.recall().subjects) == (row(1), ["a"])
    state.remember(Known(route=row(3)), ["a", "b"])
    assert (state.recall().known.route, state.recall().subjects) == (row(3), ["a", "b"])

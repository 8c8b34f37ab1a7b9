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
        suppression=row(2, hashes=["a"]),
        models={"model:late@1": {"package": "0", "metrics": {"x": 1e-300}}},
    )
    assert state.recall() is None
    state.remember(known)
    again, age_s = LastKnown(tmp_path / "gateway", "production", keyring).recall()
    assert again == known
    assert 0 <= age_s < 60
    assert LastKnown(tmp_path / "gateway", "staging", keyring).recall() is None


def test_only_its_owner_may_look_and_nobody_may_change_it(
    state: LastKnown, tmp_path: Path, keyring: FileKeyring
):
    folder = tmp_path / "gateway"
    folder.mkdir(mode=0o755)
    state.remember(Known(suppression=row(1, hashes=["a"])))
    path = folder / "production.state"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(path.read_bytes().replace(b'["a"]', b'["b"]'))
    with pytest.raises(IntegrityError, match="not written by this home"):
        state.recall()
    path.unlink()
    LastKnown(folder, "production", FileKeyring(tmp_path / "others")).remember(Known())
    with pytest.raises(IntegrityError):
        state.recall()


def test_of_two_gateways_neither_takes_back_what_the_other_knows(
    state: LastKnown, tmp_path: Path, keyring: FileKeyring
):
    other = LastKnown(tmp_path / "gateway", "production", keyring)
    ahead = Known(route=row(4), suppression=row(7, hashes=["a", "b"]), models={"m": {"v": 4}})
    behind = Known(route=row(5), suppression=row(6, hashes=["a"]), models={"m": {"v": 5}})
    state.remember(ahead)
    other.remember(behind)
    known, _ = state.recall()
    assert known.suppression == ahead.suppression
    assert (known.route, known.models) == (behind.route, behind.models)
    anew = Known(suppression=row(1, BEGUN + timedelta(days=1), hashes=["c"]))  # put anew: newer
    state.remember(anew)
    assert other.recall()[0].suppression == anew.suppression
    assert other.recall()[0].route == behind.route


def test_its_age_is_since_the_ledger_last_said_so(state: LastKnown, tmp_path: Path):
    state.confirm()  # nothing is there to be confirmed
    state.remember(Known(route=row(1)))
    path = tmp_path / "gateway" / "production.state"
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
    assert 3590 < state.recall()[1] < 3700
    state.confirm()
    assert state.recall()[1] < 60


def test_a_kill_while_it_is_written_leaves_the_one_before(state: LastKnown, tmp_path: Path):
    state.remember(Known(route=row(1)))
    pid = os.fork()
    if pid == 0:
        Path.replace = lambda *_: os.kill(os.getpid(), 9)  # type: ignore[assignment]
        state.remember(Known(route=row(2)))
    os.waitpid(pid, 0)
    assert state.recall()[0].route == row(1)
    state.remember(Known(route=row(3)))
    assert state.recall()[0].route == row(3)

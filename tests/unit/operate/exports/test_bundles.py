"""A bundle holds what a gateway needs and nothing else; a home that serves it answers the same."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from routed_service import route_board

from towpath.assets.models import load_predictor
from towpath.assets.models.attestation import verify_attestation
from towpath.core.errors import Conflict, CorruptBlob, IntegrityError, NotFound
from towpath.core.refs import Ref
from towpath.operate.exports import (
    install_bundle,
    write_bundle,
    write_context,
    write_model_archive,
)

if TYPE_CHECKING:
    from pathlib import Path

WITHIN_S = 30


@pytest.fixture
def routed(sqlite_ledger: Any, disk_blobs: Any, keyring: Any) -> tuple[Any, Any, str]:
    """A ledger whose route serves `board` with a champion and a challenger, the blobs, the package."""
    package = route_board(sqlite_ledger, disk_blobs, keyring)
    return sqlite_ledger, disk_blobs, package


def test_a_bundle_is_the_champion_alone_and_writing_it_is_an_event(
    routed: Any, tmp_path: Path, keyring: Any
) -> None:
    ledger, blobs, package = routed
    made = write_bundle(
        ledger, blobs, keyring, environment="production", service="board", folder=tmp_path / "b"
    )
    document = json.loads((tmp_path / "b" / "bundle.json").read_bytes())
    (arm,) = document["route"]["arms"]
    assert (arm["model"], arm["weight"], document["route"]["rollout"]) == (
        "model:late@1",
        1.0,
        None,
    )
    assert made.package == package
    assert {path.name for path in (tmp_path / "b" / "blobs").iterdir()} == set(made.files)
    with ledger.read() as tx:
        (event,) = tx.events.read(types=["model.exported"])
    assert event.subject == "model:late@1"
    with pytest.raises(NotFound, match="bord"):
        write_bundle(
            ledger, blobs, keyring, environment="production", service="bord", folder=tmp_path / "c"
        )


def test_a_home_of_bundles_serves_each_of_them_and_refuses_what_was_changed(
    routed: Any, tmp_path: Path, keyring: Any
) -> None:
    from towpath.ledger import open_ledger
    from towpath.storage.blobs import open_blobs
    from towpath.storage.database import open_database
    from towpath.storage.keys import FileKeyring

    source, blobs, package = routed
    write_bundle(
        source, blobs, keyring, environment="production", service="board", folder=tmp_path / "b"
    )
    with pytest.raises(Conflict, match="releases of its own"):
        install_bundle(tmp_path / "b", source, blobs, keyring, "production")
    other = FileKeyring(tmp_path / "other-keys")
    elsewhere = open_blobs(f"file://{tmp_path}/elsewhere", cache_dir=tmp_path / "cache")
    database = open_database(f"sqlite:///{tmp_path}/elsewhere.db")
    database.migrate()
    with closing(database), closing(open_ledger(database, other)) as ledger:
        for _ in range(2):
            installed = install_bundle(tmp_path / "b", ledger, elsewhere, other, "production")
        with ledger.read() as tx:
            route = tx.intents.get("route", "production")
            registered = tx.versions.get(Ref.parse(installed.model))
        assert (list(route.spec["services"]), route.generation) == (["board"], 1)
        verify_attestation(registered, other.public_key_pem)
        assert registered.body["origin"] == {"ref": "model:late@1", "key_id": keyring.key_id}
        assert load_predictor(installed.package, elsewhere).package == package
        manifest = tmp_path / "b" / "bundle.json"
        forged = manifest.read_text().replace(
            f'"package":"{package}"', '"package":"' + "0" * 64 + '"'
        )
        manifest.rename(tmp_path / "honest.json")
        manifest.write_text(forged)
        with pytest.raises(IntegrityError):
            install_bundle(tmp_path / "b", ledger, elsewhere, other, "production")
        (tmp_path / "honest.json").rename(manifest)
        (tmp_path / "b" / "blobs" / package).write_bytes(b"{}")
        with pytest.raises(CorruptBlob):
            install_bundle(tmp_path / "b", ledger, elsewhere, other, "production")
        with pytest.raises(NotFound, match="no bundle"):
            install_bundle(tmp_path, ledger, elsewhere, other, "production")
        (tmp_path / "bundle.json").write_text('{"towpath": "service-bundle", "format": 9}')
        with pytest.raises(IntegrityError, match="format 9"):
            install_bundle(tmp_path, ledger, elsewhere, other, "production")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answered(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_the_container_answers_sagemaker_from_what_its_archive_unpacks_to(
    routed: Any, tmp_path: Path, keyring: Any
) -> None:
    """Runs the entry point as `docker run IMAGE serve` would, but for Docker."""
    ledger, blobs, package = routed
    write_bundle(
        ledger, blobs, keyring, environment="production", service="board", folder=tmp_path / "b"
    )
    write_model_archive(tmp_path / "b", tmp_path / "model.tar.gz")
    write_context(tmp_path / "container", version="0.1.0", extras=["onnx"], python="3.11")
    dockerfile = (tmp_path / "container" / "Dockerfile").read_text()
    assert "'towpath[onnx]==0.1.0'" in dockerfile
    assert 'CMD ["serve"]' in dockerfile
    model = tmp_path / "opt-ml-model"
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        archive.extractall(model, filter="data")
    port = free_port()
    environ = {
        **os.environ,
        "TOWPATH_BUNDLE": str(model),
        "TOWPATH_HOME": str(tmp_path / "home"),
        "TOWPATH_HOST": "127.0.0.1",
        "SAGEMAKER_BIND_TO_PORT": str(port),
    }
    program = [sys.executable, str(tmp_path / "container" / "serve"), "serve"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(program, env=environ, cwd=tmp_path, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + WITHIN_S
        while not answered(f"{url}/ping"):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.05)
        csv = httpx.post(
            f"{url}/invocations",
            content="distance\n600\n400\n",
            headers={"content-type": "text/csv", "accept": "text/csv"},
        )
        asked = httpx.post(f"{url}/invocations", json={"instances": [{"distance": 600.0}]})
        expected = load_predictor(package, blobs).predict({"distance": [600.0, 400.0]})["late"]
        assert [float(one) for one in csv.text.split()] == expected.tolist()
        assert asked.json()["predictions"] == expected[:1].tolist()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0
    finally:
        process.kill()
        process.wait()

"""Releases and the way back, as a person types them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.assets.models import TensorSpec
from towpath.assets.models.attestation import attest
from towpath.core.digests import digest_bytes
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WEB, NEWER = "checkout-web@2.4.1", "checkout-web@2.5.0"


def program(version: str, *inputs: str) -> dict[str, Any]:
    sent = {name: {"datatype": "FP64"} for name in inputs}
    contract = {"service": "board", "inputs": sent, "outputs": {"late": "binary"}}
    return {"consumer": "checkout-web", "version": version, "contracts": [contract]}


@pytest.fixture
def released(project: Path, towpath: Callable[..., Any]) -> Path:
    """A service, a model that takes the distance, a later one that takes the wind too, two programs."""
    with open_home(resolve_place(project, flags={}, environ={})) as home, home.ledger.write() as tx:
        spec = {"environment": "production", "model": "late", "subject_field": None}
        tx.intents.put("service", "board", project="mine", spec={**spec, "durability": "ack"})
        tx.versions.declare("model", "late", project="mine")
        for number, inputs in enumerate((["distance"], ["distance", "wind"]), start=1):
            package = digest_bytes(str(number).encode())
            body = {
                "package": package,
                "files": {},
                "task": "binary",
                "signature": {
                    "inputs": [TensorSpec(name=n, datatype="FP64").to_json() for n in inputs],
                    "outputs": [TensorSpec(name="late", datatype="FP64").to_json()],
                },
            }
            signed = {
                **body,
                "attestation": attest(Ref("model", "late", number), body, home.keyring),
            }
            tx.versions.commit("model", "late", digest=package, body=signed, state="approved")
    files = []
    for version, inputs in (("2.4.1", ["distance"]), ("2.5.0", ["distance", "wind"])):
        path = project / f"{version}.json"
        path.write_text(json.dumps(program(version, *inputs)))
        files.append(str(path))
    assert towpath("service", "register", *files, "--project", "mine").code == 0
    done = towpath("release", "deploy", "board=late@1", "--service-version", WEB)
    assert done.code == 0, done.err
    return project


@pytest.mark.usefixtures("released")
def test_a_release_that_breaks_a_contract_is_refused_with_the_way_out(towpath: Callable[..., Any]):
    for verb in ("check", "deploy"):
        done = towpath("release", verb, "board=late@2", "--service-version", NEWER)
        assert done.code == 3
        assert f"model:late@2 takes the input 'wind' (FP64), which {WEB} does not send" in done.err
        assert f"--keep {WEB}" in done.err
    assert "REFUSED" in towpath("release", "check", "board=late@2").out
    assert len(json.loads(towpath("release", "list", "--json").out)) == 1


@pytest.mark.usefixtures("released")
def test_the_way_out_leads_to_two_releases_side_by_side(towpath: Callable[..., Any]):
    done = towpath(
        "release", "deploy", "board=late@2", "--service-version", NEWER, "--keep", WEB
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.out.startswith("release:production@2: board: model:late@2")
    listed = towpath("release", "list").out.splitlines()
    assert "default" in listed[1]
    assert WEB in listed[2]
    versions = {
        one["service_version"]: one
        for one in json.loads(towpath("service", "versions", "--json").out)
    }
    assert (versions[WEB]["release"], versions[NEWER]["release"]) == (1, 2)
    (changed, *_) = json.loads(towpath("release", "diff", "1", "2", "--json").out)
    assert (changed["before"], changed["after"]) == ("model:late@1", "model:late@2")
    assert towpath("release", "drain", "1").code == 0
    assert towpath("release", "drain", "1").code == 1


@pytest.mark.usefixtures("released")
def test_one_command_leads_back_unless_the_bytes_are_broken(towpath: Callable[..., Any]):
    done = towpath("release", "deploy", "board=late@2", "--drop", WEB, "--service-version", NEWER)
    assert done.code == 0, done.err
    back = towpath("release", "rollback")
    assert back.code == 3  # the packages of these models were never stored
    assert "release 1: there is no blob" in back.err
    assert "default" in towpath("release", "list").out.splitlines()[1]


@pytest.mark.usefixtures("released")
def test_what_serves_goes_to_the_next_environment_after_its_check(towpath: Callable[..., Any]):
    done = towpath("release", "promote", "canada", "--from", "production", "--json")
    assert json.loads(done.out)["release"] == "release:canada@1"
    assert towpath("release", "promote", "canada", "--from", "nowhere").code == 1


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("release deploy late@1", 2, "Write SERVICE=late@1"),
        ("release deploy bord=late@1", 1, "Did you mean 'board'?"),
        ("release deploy board=late", 2, "Write board=late@NUMBER"),
        ("release deploy board=late@1 --service-version web", 2, "not a version"),
        ("release deploy board=late@1 --service-version app@1", 1, "no service version 'app@1'"),
        ("release show 9", 1, "9"),
        ("service register nothing.json --project mine", 2, "can't be read"),
    ],
)
@pytest.mark.usefixtures("released")
def test_slips_are_told_apart(towpath: Callable[..., Any], line: str, code: int, said: str):
    done = towpath(*line.split())
    assert done.code == code
    assert said in done.err


def test_a_file_that_is_no_contract_registers_nothing(towpath: Callable[..., Any], released: Path):
    bad = released / "bad.json"
    bad.write_text(json.dumps({"consumer": "app", "version": "1", "contracts": [{"servce": "x"}]}))
    done = towpath("service", "register", str(bad), "--project", "mine")
    assert done.code == 2
    assert "a contract has a service" in done.err

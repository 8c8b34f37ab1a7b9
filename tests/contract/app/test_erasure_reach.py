"""An erasure reaches every copy that a home keeps of a person, wherever the home keeps it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from clinic import (
    LONGER,
    PEOPLE,
    SUBJECT,
    fill,
    habits,
    others,
    residue,
    scans,
)

from towpath.app.home import Home, open_home
from towpath.app.place import Place
from towpath.app.working import erasure_parts
from towpath.core.errors import Conflict, Withdrawn
from towpath.core.refs import Ref
from towpath.core.settings import Settings
from towpath.ledger.controllers import ControllerLoop
from towpath.trace.erasure import ErasureReconciler, verify_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.trace.erasure import Erasure
    from towpath.trace.erasure.copies import About, Copies

DEADLINE_S = 60.0


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("served", marks=[pytest.mark.postgres, pytest.mark.s3, pytest.mark.redis]),
    ]
)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    given = {}
    if request.param == "served":
        given = {
            "database": request.getfixturevalue("pg_url"),
            "blobs": request.getfixturevalue("s3_url"),
            "online": request.getfixturevalue("redis_url"),
        }
    place = Place(root=tmp_path, home=tmp_path / "home", settings=Settings(**given))
    with open_home(place) as opened:
        yield opened


def work(home: Home, erasure: str) -> Erasure:
    loop = ControllerLoop(home.ledger, [ErasureReconciler(erasure_parts(home))], owner="tests")
    deadline = time.monotonic() + DEADLINE_S
    while not (found := home.erasures.get(erasure)).done:
        assert found.phase != "blocked", found.reason
        assert time.monotonic() < deadline, f"still {found.phase}"
        loop.step()
    return found


def test_nothing_is_left_of_them_and_nothing_is_missing_of_others(
    home: Home, tmp_path: Path
) -> None:
    # One of the others has a name that begins like theirs.
    load = fill(home, tmp_path, PEOPLE)
    lines = [
        version.ref
        for name in ("visits", "visits~what-if", "visits.quarantine")
        for version in home.datasets.versions(name)
    ]
    before = {ref: home.datasets.scan(ref).collect() for ref in lines}
    there = [ref.name for ref, frame in before.items() if SUBJECT in frame["person"]]
    assert set(there) == {"visits", "visits~what-if", "visits.quarantine"}

    plan = home.erasures.plan("person", SUBJECT)
    assert {Ref.parse(one.ref).trunk for one in plan.datasets} == {
        "visits",
        "visits.quarantine",
        "scans",
    }
    assert {(one.kind, one.name): one.count for one in plan.copies} == {
        ("open_loads", "intake:nightly"): 4,
        ("publications", "towpath:clinic.visits"): len(
            home.publisher.publications("visits")[0].snapshots
        ),
        ("stored_files", "scans"): 2,
        ("feature_layouts", "habits"): 1,
        ("online_tables", "habits"): 1,
        ("label_tasks", "labelling"): 1,
    }
    assert {one.ref: one.rows for one in plan.datasets} == {
        str(ref): before[ref].height - others(before[ref]).height for ref in lines
    } | {"dataset:scans@1": 2}

    erasure = home.erasures.submit("person", SUBJECT)
    done = work(home, erasure)

    for ref, frame in before.items():
        left = home.datasets.scan(ref).collect()
        assert left.sort(left.columns).equals(others(frame).sort(frame.columns)), ref
    assert home.files.read(scans.ref).select("bytes").collect()["bytes"].n_unique() == 4
    online = home.online.get(habits, {"person": PEOPLE[:3]}).to_dict()["score"]
    assert online[0] == 52.0, "what others pushed stays"
    assert None not in online
    with pytest.raises(Withdrawn):
        home.online.get(habits, {"person": [SUBJECT]})
    assert home.labels.holdings(home.keyring.subject_hash("person", SUBJECT)) == 0
    with pytest.raises(Conflict):
        load.commit()

    certificate = home.erasures.certificate(erasure)
    assert verify_certificate(certificate, home.keyring.public_key_pem).valid
    said = json.loads(certificate)
    assert {one["kind"] for one in said["copies"]} == {one.kind for one in plan.copies}
    assert said["totals"]["rows"] == plan.rows == done.totals["rows"]
    assert done.totals["stored_files"] == 2
    beyond = " ".join(said["out_of_reach"])
    assert "scans were added from" in beyond
    assert "Iceberg tables clinic.visits" in beyond
    assert ("Redis" in beyond) == bool(home.settings.online)
    assert ("caches" in beyond) == bool(home.settings.blobs)
    assert SUBJECT not in certificate.decode()


def test_another_program_finds_nothing_either(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path, [one for one in PEOPLE if one != LONGER])
    assert residue(home), "it can find what is there"
    work(home, home.erasures.submit("person", SUBJECT))
    assert residue(home) == {}
    assert home.publisher.is_current(home.publisher.publications("visits")[0])


class Mortal:
    """A kind of copies that dies once before it erases, and once when it has."""

    def __init__(self, copies: Copies, deaths: list[str]) -> None:
        self._copies = copies
        self._deaths = deaths
        self.kind = copies.kind
        self.held, self.beyond = copies.held, copies.beyond

    def erase(self, about: About) -> None:
        self._die("before")
        self._copies.erase(about)
        self._die("after")

    def _die(self, when: str) -> None:
        if f"{when} {self.kind}" not in self._deaths:
            self._deaths.append(f"{when} {self.kind}")
            raise Dead


class Dead(Exception):
    """The worker is gone."""


def test_it_carries_on_from_wherever_a_worker_died(tmp_path: Path) -> None:
    place = Place(root=tmp_path, home=tmp_path / "home", settings=Settings())
    deaths: list[str] = []
    with open_home(place) as home:
        fill(home, tmp_path, [one for one in PEOPLE if one != LONGER])
        erasure = home.erasures.submit("person", SUBJECT)
        parts = erasure_parts(home)
        mortal = replace(parts, copies=[Mortal(copies, deaths) for copies in parts.copies])
        reconciler, deadline = ErasureReconciler(mortal), time.monotonic() + DEADLINE_S
        while not home.erasures.get(erasure).done:
            with home.ledger.write() as tx:
                held = tx.intents.claim(("erasure",), owner="mortal", lease_s=30)
            if held is None:  # it waits for something, a moment
                assert time.monotonic() < deadline
                continue
            try:
                reconciler.reconcile(held)
            except Dead:
                with home.ledger.write() as tx:
                    tx.intents.release("mortal")
        assert len(deaths) == 2 * len(parts.copies)
        assert residue(home) == {}
        assert home.erasures.get(erasure).totals["stored_files"] == 2

"""A model in production, as the people who run it see it: asked, explained, rolled out, gone back from."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpx
import polars as pl
import psutil
import pytest

from towpath.client import Client, Contract
from towpath.core.errors import GateRefused, TowpathError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WITHIN_S = 120.0
GATE_REFUSED = 3
EVENTS_TOKEN = "from the laboratory, and from nobody else"


class Production:
    """A project that is up, and the commands of the people around it."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.up: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.exports = 0
        request = json.loads((folder / "data" / "request.json").read_text())
        self.row = {one["name"]: one["data"][0] for one in request["inputs"]}

    def start(self) -> None:
        with (self.folder / "up.log").open("wb") as log:
            self.up = subprocess.Popen(
                [str(self.program), "up", "--server-port", "0", "--gateway-port", "0"],
                cwd=self.folder,
                env={**surroundings(), "TOWPATH_EVENTS_TOKEN": EVENTS_TOKEN},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        where = self.folder / ".towpath" / "run" / "up.json"
        self.eventually(where.exists, "a gateway")
        self.url = json.loads(where.read_text())["gateway"]
        self.eventually(self.answers, "a model that answers")

    def stop(self) -> None:
        if self.up is not None and self.up.poll() is None:
            self.up.send_signal(signal.SIGTERM)
            self.up.wait(WITHIN_S)

    def answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/v2/models/mine/ready", timeout=5).is_success
        return False

    def run(self, *words: object, exit_code: int = 0) -> str:
        done = subprocess.run(
            [str(self.program), *map(str, words)],
            cwd=self.folder,
            env=surroundings(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == exit_code, f"{words}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def ask(self, *words: object) -> Any:
        return json.loads(self.run(*words, "--json"))

    def model(self) -> str:
        """Return the model version that the default route answers with."""
        return httpx.get(f"{self.url}/v2/models/mine", timeout=30).json()["parameters"]["model"]

    def gateway(self) -> psutil.Process | None:
        """Return the process that answers predictions, if there is one now."""
        assert self.up is not None
        for one in psutil.Process(self.up.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "gateway" in one.cmdline():
                    return one
        return None

    def decisions(self) -> pl.DataFrame:
        """Return everything that was decided, as it is exported."""
        self.exports += 1
        target = self.folder / f"decisions-{self.exports}.parquet"
        self.run("decision", "export", "mine", "--out", target)
        return pl.read_parquet(target)

    def eventually(self, condition: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + WITHIN_S
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what} did not come about in {WITHIN_S:.0f} s"
            time.sleep(0.1)
        return found


def surroundings() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("TOWPATH_")}


@pytest.fixture(scope="module")
def production(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    folder = tmp_path_factory.mktemp("production")
    subprocess.run(
        [str(program), "init", "mine"], cwd=folder, env=surroundings(), check=True, timeout=WITHIN_S
    )
    project = folder / "mine" / "mine.py"
    text = project.read_text()
    assert "rollout=tp.Rollout(stages=[1.0])" in text
    project.write_text(text.replace("tp.Rollout(stages=[1.0])", "tp.Rollout(stages=[0.5])"))
    one = Production(program, folder / "mine")
    one.run("dataset", "add", "measurements", "data/measurements.csv")
    one.run("run", "train")
    one.run("apply")
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def client(production: Production) -> Iterator[Client]:
    with Client(production.url, timeout_s=WITHIN_S) as client:
        yield client


def test_an_answer_is_explained_as_it_was_given(production: Production, client: Client) -> None:
    given = client.predict("mine", production.row, key="explained")
    parameters = {"decision_id": given.decision_id}
    said = httpx.post(
        f"{production.url}/v2/models/mine/explain", json={"parameters": parameters}, timeout=60
    ).json()
    found = {one["name"]: one["data"] for one in said["outputs"]}
    assert said["parameters"]["scale"] == "log-odds"
    assert len(found["contributions"]) == len(said["parameters"]["columns"]) == len(production.row)
    assert sum(found["contributions"]) + found["base"][0] == pytest.approx(found["raw"][0])
    assert 1 / (1 + 2.718281828459045 ** -found["raw"][0]) == pytest.approx(given.value)


def test_a_release_is_held_to_what_programs_need(production: Production, tmp_path: Path) -> None:
    sends = {name: {"datatype": "FP64"} for name in production.row}
    fits = {"consumer": "ward-web", "version": "1.0.0", "contracts": [
        {"service": "mine", "inputs": sends, "outputs": {"malignant": "binary"}}]}  # fmt: skip
    breaks = {"consumer": "ward-web", "version": "2.0.0", "contracts": [
        {"service": "mine", "inputs": sends, "outputs": {"stage": None}}]}  # fmt: skip
    for number, declared in enumerate((fits, breaks)):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(declared))
        production.run("service", "register", file, "--project", "mine")
    production.run("release", "check", "--service-version", "ward-web@1.0.0")
    said = production.run(
        "release", "check", "--service-version", "ward-web@2.0.0", exit_code=GATE_REFUSED
    )
    assert "ward-web@2.0.0" in said
    assert "stage" in said
    production.run("release", "deploy", "--service-version", "ward-web@1.0.0")
    contracts = [Contract("mine", inputs=dict.fromkeys(production.row, float))]
    with Client(production.url, service_version="ward-web@1.0.0", contracts=contracts) as program:
        assert program.require().known
        given = program.predict("mine", production.row)
    shown = production.eventually(
        lambda: [one for one in production.ask("decision", "list", "mine")["decisions"]
                 if one["decision_id"] == given.decision_id],
        "the program's decision",
    )  # fmt: skip
    assert shown[0]["service_version"] == "ward-web@1.0.0"
    with (
        Client(production.url, contracts=[Contract("mine", inputs={"nobody": float})]) as other,
        pytest.raises(GateRefused),
    ):
        other.require()


def test_a_rollout_is_paused_resumed_and_promoted_and_gone_back_from(
    production: Production, client: Client
) -> None:
    before = production.model()
    releases = len(production.ask("release", "list"))
    production.run("run", "train", "--param", "strength=0.8")

    def running() -> Any:
        return [
            one for one in production.ask("rollout", "list") if one["status"].get("outcome") is None
        ]

    (rollout,) = production.eventually(running, "a rollout")
    name = rollout["name"]
    assert {client.predict("mine", production.row, key=str(at)).arm for at in range(64)} == {
        "champion",
        "challenger",
    }
    production.run("rollout", "pause", name, "--why", "night")
    production.eventually(
        lambda: production.ask("rollout", "show", name)["status"].get("paused"), "a pause"
    )
    production.run("rollout", "resume", name)
    production.run("rollout", "promote", name)
    production.eventually(lambda: production.model() != before, "a promotion")
    assert client.predict("mine", production.row).arm == "champion"

    production.run("release", "rollback")
    assert production.model() == before  # the command returns when the gateway follows
    assert len(production.ask("release", "list")) == releases + 1  # going back makes none


def test_what_customers_did_finds_its_decision(production: Production, client: Client) -> None:
    given = client.predict("mine", production.row, key="joined")
    assert given.decision_id is not None
    client.signal("biopsy", 2.0, decision_id=given.decision_id)
    client.signal("biopsy", 3.0, service="mine", key="joined")  # late, by key; the last one counts
    client.label(given.decision_id, 1.0)

    def joined() -> bool:
        rows = production.decisions().filter(pl.col("decision_id") == given.decision_id)
        wanted = {"label", "signal.biopsy"}
        return wanted <= set(rows.columns) and rows.select(*sorted(wanted)).rows() == [(1.0, 3.0)]

    production.eventually(joined, "the label and the signal")


def test_a_gateway_that_is_killed_loses_and_doubles_nothing(
    production: Production, client: Client
) -> None:
    answered: list[str] = []
    failures: list[str] = []
    done = threading.Event()

    def ask(caller: int) -> None:
        with Client(production.url, timeout_s=WITHIN_S) as mine:
            number = 0
            while not done.is_set():
                number += 1
                try:
                    given = mine.predict("mine", production.row, key=f"kill-{caller}-{number}")
                except TowpathError as error:
                    failures.append(f"{type(error).__name__}: {error.message}")
                else:
                    answered.append(str(given.decision_id))

    callers = [threading.Thread(target=ask, args=(caller,)) for caller in range(4)]
    for caller in callers:
        caller.start()
    try:
        for _ in range(2):
            _await_more(production, answered)
            victim = production.gateway()
            assert victim is not None
            victim.kill()
        _await_more(production, answered)
    finally:
        done.set()
        for caller in callers:
            caller.join(WITHIN_S)

    assert len(failures) <= 2 * len(callers), failures  # those under way, and no others

    def all_there() -> bool:
        ids = production.decisions()["decision_id"]
        assert ids.is_unique().all()
        return set(answered) <= set(ids)

    production.eventually(all_there, "every answered decision")


def _await_more(production: Production, answered: list[str]) -> None:
    enough = len(answered) + 50
    production.eventually(lambda: len(answered) > enough, "answers")


TRIGGER = """
    triggers=[tp.On(event="org.clinic.assayed", name="assayed", pipeline="train",
                    given={"strength": "data.strength"})],
    rollout=tp.Rollout(strategy="blue_green", bake="10s", require=[tp.rollouts.Errors(margin=0.2)],
                       min_rows=50),
"""


def test_an_event_from_outside_is_answered_by_a_run_its_gates_and_a_rollout_that_ends_by_itself(
    production: Production,
) -> None:
    project = production.folder / "mine.py"
    text = project.read_text()
    for line in (
        "rollout=tp.Rollout(stages=[0.5]),",
        'triggers=[tp.Retrain(on=["drift"], cooldown="7d")],',
    ):
        assert line in text
        text = text.replace(line, "")
    project.write_text(
        text.replace("    monitors=[tp.Drift()],", "    monitors=[tp.Drift()]," + TRIGGER)
    )
    production.run("apply")
    before = production.model()
    where = json.loads((production.folder / ".towpath" / "run" / "up.json").read_text())

    def send(number: int, strength: float) -> dict[str, Any]:
        """Send an event as Knative would, and return the run that answers it, once that has ended."""
        head = {"ce-specversion": "1.0", "ce-id": f"assay-{number}", "ce-source": "/clinic"}
        head |= {"ce-type": "org.clinic.assayed", "authorization": f"Bearer {EVENTS_TOKEN}"}
        url = f"{where['server']}/api/v1/events"
        assert httpx.post(url, headers=head, json={"strength": strength}, timeout=60).is_success

        def ended() -> Any:
            runs = production.ask("runs", "--kind", "pipeline")
            mine = [one for one in runs if one["params"].get("strength") == str(strength)]
            return [one for one in mine if one["status"] == "finished"]

        return production.eventually(ended, "the run that answers the event")[0]

    refused = send(1, 1e-9)  # learns next to nothing
    assert refused["tags"]["verdict"] == "fail"
    assert production.model() == before
    tried = [one["spec"]["challenger"] for one in production.ask("rollout", "list")]
    assert refused["tags"]["model"] not in tried

    with asking(production):  # the champion is measured up to the switch, the challenger after it
        passed = send(2, 0.7)
        assert passed["tags"]["verdict"] == "pass"
        model = passed["tags"]["model"]

        def outcome() -> Any:
            found = [
                one
                for one in production.ask("rollout", "list")
                if one["spec"]["challenger"] == model
            ]
            return found and found[0]["status"].get("outcome")

        assert production.eventually(outcome, "a rollout that ends by itself") == "promoted"
    production.eventually(lambda: production.model() == model, "the promoted model")
    assert passed["tags"]["reason"].startswith("trigger:")


@contextmanager
def asking(production: Production) -> Iterator[None]:
    """Ask for predictions, one after another, for as long as the block lasts."""
    done = threading.Event()

    def ask() -> None:
        with Client(production.url, timeout_s=WITHIN_S) as mine:
            while not done.is_set():
                mine.predict("mine", production.row)

    caller = threading.Thread(target=ask)
    caller.start()
    try:
        yield
    finally:
        done.set()
        caller.join(WITHIN_S)

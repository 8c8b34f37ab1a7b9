"""`apply` makes what is live equal to what is declared, on every ledger, and says what it changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

import towpath as tp
from towpath.app.applying import Change, apply, compare
from towpath.core.errors import Conflict, TowpathError
from towpath.core.refs import Ref
from towpath.ledger import Ledger
from towpath.operate.releases import LedgerReleases

CODE = Ref("code", "flights", 1)
NEXT_CODE = Ref("code", "flights", 2)
ENVIRONMENT = "production"


class Row(tp.Schema):
    """A row."""

    row_id: str
    size: float


rows = tp.Dataset("rows", schema=Row, key="row_id", description="Some rows.")


@tp.step
def fit(rows: object) -> object:
    """Make a model, in a test that never trains one."""
    return rows


@tp.pipeline
def train(window: str = "4 weeks"):
    """Train."""
    return fit(rows.all())


def project(name: str = "flights", **changes: object) -> tp.Project:
    declared = tp.Project(
        name,
        owner="ops@example.org",
        datasets=[rows],
        pipelines=[train],
        services=[tp.Service("board", model="late")],
        monitors=[tp.Drift(), tp.Performance("log_loss", maturity="6h")],
        triggers=[tp.Retrain(on=["drift"], params={"window": "8 weeks", "of": ("a", ("b",))})],
    )
    return replace(declared, **changes)


def made(changes: list[Change]) -> set[tuple[str, str, str]]:
    return {(one.action, one.kind, one.name) for one in changes}


def live(ledger: Ledger) -> dict[tuple[str, str], dict]:
    with ledger.read() as tx:
        kinds = ("project", "service", "monitor", "trigger")
        return {(kind, one.name): one.spec for kind in kinds for one in tx.intents.list(kind)}


def test_a_label_queue_lives_and_goes_with_its_declaration(ledger: Ledger):
    queue = tp.LabelQueue("review", service="board", labels=["no", "yes"])
    settings = {"code": CODE, "environment": ENVIRONMENT}
    apply(ledger, project(), **settings)
    changes = apply(ledger, project(labelling=[queue]), **settings)
    assert ("create", "label_queue", "review") in made(changes)
    assert apply(ledger, project(labelling=[queue]), **settings) == []
    with ledger.read() as tx:
        assert tx.intents.is_due(["label_queue"])
        row = tx.intents.get("label_queue", "review")
        assert (row.spec["labels"], row.spec["environment"]) == (
            [["no", 0], ["yes", 1]],
            ENVIRONMENT,
        )
        names = {asset.name for asset in tx.versions.assets("dataset")}
    assert {"review", "review.judgements"} <= names
    changes = apply(ledger, project(), **settings)
    assert ("remove", "label_queue", "review") in made(changes)


def test_a_consumer_s_version_is_registered_and_stays_when_the_next_is_declared(ledger: Ledger):
    settings = {"code": CODE, "environment": ENVIRONMENT}

    def web(version: str, **inputs: type) -> tp.Consumer:
        return tp.Consumer("web", version=version, contracts=[tp.Contract("board", inputs=inputs)])

    first = apply(ledger, project(consumers=[web("1.0", size=float)]), **settings)
    assert ("create", "consumer", "web@1.0") in made(first)
    assert apply(ledger, project(consumers=[web("1.0", size=float)]), **settings) == []
    with pytest.raises(Conflict, match="other contracts"):
        apply(ledger, project(consumers=[web("1.0", size=int)]), **settings)
    second = apply(ledger, project(consumers=[web("1.1", size=int)]), **settings)
    assert ("create", "consumer", "web@1.1") in made(second)
    with ledger.read() as tx:
        versions = [one.body["version"] for one in tx.versions.list("consumer", "web")]
    assert versions == ["1.1", "1.0"]


def test_a_new_project_is_created_whole(ledger: Ledger):
    wanted = compare(ledger, project(), code=CODE, environment=ENVIRONMENT)
    assert live(ledger) == {}, "comparing has changed something"

    changes = apply(ledger, project(), code=CODE, environment=ENVIRONMENT)
    assert changes == wanted
    assert made(changes) == {
        ("create", "project", "flights"),
        ("create", "service", "board"),
        ("create", "monitor", "board.drift"),
        ("create", "monitor", "board.performance"),
        ("create", "trigger", "flights.retrain"),
    }
    with ledger.read() as tx:
        assert tx.intents.is_due(["service"])
        assert not tx.intents.is_due(["project"]), "plain state is nobody's to claim"
        (declared,) = tx.versions.assets("dataset")
        assert (declared.name, declared.project) == ("rows", "flights")
        assert tx.versions.get(Ref("service", "board", 1)).body == live(ledger)["service", "board"]


def test_applied_again_nothing_changes(ledger: Ledger):
    apply(ledger, project(), code=CODE, environment=ENVIRONMENT)
    before = generations(ledger)
    assert compare(ledger, project(), code=CODE, environment=ENVIRONMENT) == []
    assert apply(ledger, project(), code=CODE, environment=ENVIRONMENT) == []
    assert generations(ledger) == before
    with ledger.read() as tx:
        assert len(tx.versions.list("service", "board")) == 1


def generations(ledger: Ledger) -> dict[tuple[str, str], int]:
    with ledger.read() as tx:
        return {(one.kind, one.name): one.generation for one in tx.intents.list()}


def test_a_change_names_the_fields_that_differ(ledger: Ledger):
    apply(ledger, project(), code=CODE, environment=ENVIRONMENT)
    changed = project(
        services=[tp.Service("board", model="later", durability="relaxed")],
        triggers=[tp.Retrain(on=["drift"], cooldown="9d")],
    )
    changes = {
        (one.kind, one.name): (one.action, one.fields)
        for one in apply(ledger, changed, code=NEXT_CODE, environment=ENVIRONMENT)
    }
    assert changes["service", "board"] == ("change", ("durability", "model"))
    assert changes["trigger", "flights.retrain"] == ("change", ("cooldown", "params"))
    assert changes["project", "flights"][0] == "change"
    assert "code" in changes["project", "flights"][1]
    assert not any(kind == "monitor" for kind, _ in changes)
    assert live(ledger)["service", "board"]["model"] == "later"
    with ledger.read() as tx:
        latest = tx.versions.latest("service", "board")
    assert latest is not None
    assert latest.ref.version == 2


def test_what_is_no_longer_declared_is_removed(ledger: Ledger):
    apply(ledger, project(), code=CODE, environment=ENVIRONMENT)
    smaller = project(monitors=[tp.Drift()], triggers=[])
    assert made(apply(ledger, smaller, code=CODE, environment=ENVIRONMENT)) == {
        ("change", "project", "flights"),
        ("remove", "monitor", "board.performance"),
        ("remove", "trigger", "flights.retrain"),
    }
    assert ("monitor", "board.performance") not in live(ledger)
    assert ("monitor", "board.drift") in live(ledger)


def test_another_projects_things_are_left_alone(ledger: Ledger):
    apply(ledger, project(), code=CODE, environment=ENVIRONMENT)
    other = project("trains", datasets=[], pipelines=[], services=[], monitors=[], triggers=[])
    assert made(apply(ledger, other, code=CODE, environment=ENVIRONMENT)) == {
        ("create", "project", "trains")
    }
    assert ("service", "board") in live(ledger)


@pytest.mark.parametrize(
    "theirs",
    [
        {"datasets": [], "pipelines": [], "triggers": [], "monitors": []},
        {"services": [], "pipelines": [], "triggers": [], "monitors": []},
    ],
    ids=["service", "dataset"],
)
def test_a_name_that_belongs_to_another_project_is_refused_and_nothing_is_written(
    ledger: Ledger, theirs: dict
):
    apply(ledger, project(), code=CODE, environment=ENVIRONMENT)
    before = live(ledger)
    with pytest.raises(TowpathError, match="flights") as caught:
        apply(ledger, project("trains", **theirs), code=CODE, environment=ENVIRONMENT)
    assert isinstance(caught.value, Conflict)
    assert live(ledger) == before


def test_a_service_that_is_no_longer_declared_is_no_longer_served(ledger: Ledger):
    apply(ledger, project(), code=CODE, environment=ENVIRONMENT)
    releases = LedgerReleases()
    with ledger.write() as tx:
        tx.versions.declare("model", "late", project="flights")
        for number in (1, 2):
            tx.versions.commit(
                "model",
                "late",
                digest=f"{number}",
                body={"package": f"p{number}"},
                state="approved",
            )
        served = Ref("model", "late", 1)
        releases.deploy(tx, environment=ENVIRONMENT, service="board", model=served, reason="test")
        spec = {"service": "board", "champion": "model:late@1", "challenger": "model:late@2"}
        tx.intents.put("rollout", "board.2", project="flights", spec=spec)

    apply(ledger, project(services=[]), code=CODE, environment=ENVIRONMENT)

    with ledger.read() as tx:
        assert releases.route(tx, ENVIRONMENT).services == {}
        assert tx.intents.get("rollout", "board.2").spec["ordered"] == "roll_back"

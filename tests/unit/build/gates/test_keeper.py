"""Candidates are scored, judged and registered; the same one only once."""

import dataclasses
from datetime import UTC, datetime, timedelta

import lightgbm
import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from towpath.assets.cases import HeldModel
from towpath.assets.models import Model, ModelRegistry, load_predictor, verify_attestation
from towpath.assets.models.reference import PREDICTION, Reference
from towpath.build.gates import Finding, GateKeeper, NonInferior, Quality
from towpath.build.gates.keeper import describe, joint_verdict
from towpath.build.gates.metrics import measure_all
from towpath.build.pipelines import CandidateRequest
from towpath.build.pipelines.formats import save_value
from towpath.core.clock import ManualClock
from towpath.core.errors import CorruptBlob, InvalidProject, NotFound
from towpath.core.ids import new_id
from towpath.core.refs import Ref

START = datetime(2013, 1, 1, tzinfo=UTC)
GATES = (Quality("roc_auc", at_least=0.6), NonInferior("log_loss", margin=0.02))


def table(rows, seed, *, turned=False):
    """Return flights whose lateness follows the wind; `turned` reverses that."""
    random = np.random.default_rng(seed)
    wind = random.normal(size=rows)
    push = -wind if turned else wind
    times = [START + timedelta(minutes=10 * at) for at in range(rows)]
    return pl.DataFrame(
        {
            "scheduled": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            "wind": wind,
            "origin": random.choice(["EWR", "JFK"], rows),
            "late": pl.Series(push + random.normal(size=rows) > 0.8).cast(pl.Int8),
        }
    )


def fit(rows):
    settings = {"n_estimators": 15, "num_leaves": 7, "verbose": -1, "n_jobs": 1, "random_state": 0}
    estimator = lightgbm.LGBMClassifier(**settings)
    return Model.fit(estimator, rows.select("wind", "origin"), rows["late"])


class Bench:
    """A ledger with one data set and one champion that tests may move."""

    def __init__(self, ledger, blobs, keyring):
        self.ledger, self.blobs, self.keyring = ledger, blobs, keyring
        self.registry = ModelRegistry(ledger, blobs, keyring)
        self.champion = None
        with ledger.write() as tx:
            tx.versions.declare("dataset", "flights", project="flights")
            body = {"rows": 3000, "time": "scheduled"}
            tx.versions.commit("dataset", "flights", digest="0" * 64, body=body)

    def keeper(self, gates=GATES, hold=None):
        return GateKeeper(
            self.ledger,
            self.blobs,
            self.registry,
            clock=ManualClock(START),
            gates=gates,
            champion_of=lambda _: self.champion,
            hold=hold,
        )

    def request(self, model, training, test):
        run = new_id()
        with self.ledger.write() as tx:
            tx.runs.start(kind="pipeline", name="train", project="flights", run_id=run)
        return CandidateRequest(
            run_id=run,
            project="flights",
            pipeline="train",
            name="late",
            model=save_value(model, Model, self.blobs),
            training=(save_value(training, pl.DataFrame, self.blobs),),
            test=save_value(test, pl.DataFrame, self.blobs),
            code=Ref("code", "flights", 1),
            datasets=(Ref("dataset", "flights", 1),),
            params={"window": "8 weeks"},
            lock="1" * 64,
        )

    def version(self, ref):
        with self.ledger.read() as tx:
            return tx.versions.get(ref)


@pytest.fixture
def bench(sqlite_ledger, disk_blobs, keyring):
    return Bench(sqlite_ledger, disk_blobs, keyring)


@pytest.fixture(scope="module")
def past():
    return table(3000, 1)


@pytest.fixture(scope="module")
def recent():
    return table(1500, 2)


@pytest.fixture(scope="module")
def flights(past, recent):
    return past, recent


@pytest.fixture(scope="module")
def model(past):
    return fit(past)


def test_a_good_first_candidate_is_approved(bench, model, past, recent):
    request = bench.request(model, past, recent)
    outcome = bench.keeper().consider(request)
    assert (outcome.verdict, outcome.version) == ("pass", Ref("model", "late", 1))
    version = bench.version(outcome.version)
    assert version.state == "approved"
    assert [one["verdict"] for one in version.body["gates"]] == ["pass", "pass"]
    assert version.body["metrics"]["roc_auc"] > 0.7
    verify_attestation(version, bench.keyring.public_key_pem)
    with bench.ledger.read() as tx:
        metrics = tx.runs.get(request.run_id).metrics
    assert metrics["test.roc_auc"] == version.body["metrics"]["roc_auc"]
    assert "| quality:roc_auc | pass |" in outcome.report_markdown
    assert "no champion" in outcome.report_markdown


def test_a_candidate_that_fails_is_rejected_and_says_why(bench, model, past, recent):
    gates = (Quality("roc_auc", at_least=0.95), NonInferior("log_loss", margin=0.02))
    outcome = bench.keeper(gates).consider(bench.request(model, past, recent))
    assert outcome.verdict == "fail"
    assert bench.version(outcome.version).state == "rejected"
    assert "# Candidate `late` fails" in outcome.report_markdown
    assert "wanted at least 0.95, on" in outcome.report_markdown


def test_a_candidate_is_judged_and_kept_in_the_form_that_will_serve(bench, past, recent):
    pytest.importorskip("skl2onnx")
    model = Model.fit(
        HistGradientBoostingClassifier(max_iter=15), past.select("wind", "origin"), past["late"]
    )
    request = bench.request(model, past, recent)
    version = bench.version(bench.keeper().consider(request).version)
    assert version.body["execution"].startswith("compiled (onnxruntime")
    assert "within" in bench.registry.card(version.ref)
    assert version.digest != request.model.digest
    assert bench.keeper().consider(request).version == version.ref  # the same is weighed once
    bench.registry.verify(version.ref)
    served = load_predictor(version.digest, bench.blobs).score(recent)
    assert version.body["metrics"] == measure_all(
        "binary", recent["late"].cast(pl.Float64).to_numpy(), served
    )
    graph = version.body["files"]["compiled.onnx"]
    assert graph in bench.registry.delete_bytes(version.ref)
    with pytest.raises(NotFound):
        bench.blobs.get(graph)


def test_a_worse_challenger_is_rejected_against_the_champion(bench, model, past, recent):
    bench.champion = bench.keeper().consider(bench.request(model, past, recent)).version
    other = table(3000, 5, turned=True)
    outcome = bench.keeper(GATES[1:]).consider(bench.request(fit(other), other, recent))
    assert (outcome.verdict, outcome.version) == ("fail", Ref("model", "late", 2))
    assert bench.version(outcome.version).body["champion"] == "model:late@1"
    assert "against model:late@1" in outcome.report_markdown


def test_the_same_candidate_is_weighed_once(bench, model, past, recent):
    first = bench.keeper().consider(bench.request(model, past, recent))
    again = bench.request(model, past, recent)
    assert bench.keeper().consider(again) == first
    with bench.ledger.read() as tx:
        assert len(tx.versions.list("model")) == 1
        assert Ref("run", again.run_id) not in tx.graph.trace(first.version).nodes
        assert "test.roc_auc" in tx.runs.get(again.run_id).metrics


def test_the_champion_proposed_again_stays_the_champion(bench, model, past, recent):
    bench.champion = bench.keeper().consider(bench.request(model, past, recent)).version
    assert bench.keeper().consider(bench.request(model, past, recent)).version == bench.champion


def test_other_rows_demands_or_champion_weigh_anew(bench, model, past, recent):
    versions = [bench.keeper().consider(bench.request(model, past, recent)).version]
    versions.append(bench.keeper().consider(bench.request(model, past, table(900, 9))).version)
    versions.append(bench.keeper(GATES[:1]).consider(bench.request(model, past, recent)).version)
    bench.champion = versions[1]
    versions.append(bench.keeper().consider(bench.request(model, past, recent)).version)
    assert [ref.version for ref in versions] == [1, 2, 3, 4]


def test_one_of_a_pool_is_weighed_more_strictly_and_the_report_says_so(bench, model, past, recent):
    alone = bench.keeper().consider(bench.request(model, past, recent))
    among = dataclasses.replace(bench.request(model, past, recent), rivals=5)
    outcome = bench.keeper().consider(among)
    assert outcome.version != alone.version
    assert alone.evidence[0]["evidence"]["confidence"] == 0.95
    assert outcome.evidence[0]["evidence"]["confidence"] == pytest.approx(0.99)
    assert "one of 5 candidates of a search" in outcome.report_markdown
    assert "candidates of a search" not in alone.report_markdown


def test_an_equal_model_may_replace_a_condemned_champion(bench, model, past, recent):
    bench.champion = bench.keeper().consider(bench.request(model, past, recent)).version
    with bench.ledger.write() as tx:
        tx.versions.set_state(bench.champion, "condemned", reason="erasure")
    outcome = bench.keeper().consider(bench.request(model, past, recent))
    assert (outcome.verdict, outcome.version) == ("pass", Ref("model", "late", 2))
    bench.registry.delete_bytes(bench.champion)
    bench.registry.verify(outcome.version)


def test_a_champion_whose_columns_are_gone_leaves_it_open(bench, model, past, recent):
    bench.champion = bench.keeper().consider(bench.request(model, past, recent)).version
    renamed = [rows.rename({"wind": "gust"}) for rows in (past, recent)]
    settings = {"n_estimators": 5, "verbose": -1, "n_jobs": 1}
    features = renamed[0].select("gust", "origin")
    other = Model.fit(lightgbm.LGBMClassifier(**settings), features, past["late"])
    outcome = bench.keeper().consider(bench.request(other, *renamed))
    assert outcome.verdict == "inconclusive"
    assert "could not be scored: the rows lack the model's columns" in outcome.report_markdown
    assert bench.version(outcome.version).state == "rejected"


def test_the_reference_counts_training_and_test(bench, model, past, recent):
    outcome = bench.keeper().consider(bench.request(model, past, recent))
    reference = Reference.decode(bench.blobs.get(bench.version(outcome.version).body["reference"]))
    assert [one.name for one in reference.columns] == ["wind", "origin", PREDICTION]
    assert reference.days
    assert reference.rows > 2500
    assert reference.loss("log_loss") is not None


def test_rows_without_an_outcome_are_left_out_and_counted(bench, model, past, recent):
    unknown = recent.with_columns(
        late=pl.when(pl.int_range(pl.len()) < 100).then(None).otherwise(pl.col("late")),
        wind=pl.when(pl.int_range(pl.len()) > 1495).then(None).otherwise(pl.col("wind")),
    )
    report = bench.keeper().consider(bench.request(model, past, unknown)).report_markdown
    assert "Judged on 1,400 rows" in report
    assert "100 rows were left out" in report
    assert "4 of the rows would be refused by the service" in report


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.drop("late"), "have no column 'late'"),
        (lambda rows: rows.drop("wind"), "have no column 'wind'"),
        (lambda rows: rows.with_columns(pl.col("late") * 2), "not always 0 or 1"),
    ],
)
def test_test_rows_that_can_not_judge_are_named(bench, model, flights, spoil, message):
    past, recent = flights
    with pytest.raises(InvalidProject, match=message):
        bench.keeper().consider(bench.request(model, past, spoil(recent)))
    with bench.ledger.read() as tx:
        assert tx.versions.list("model") == []


def test_a_damaged_package_is_not_registered(bench, model, past, recent):
    request = bench.request(model, past, recent)
    with bench.blobs.open_local(request.model.digest) as path:
        path.chmod(0o600)
        path.write_bytes(b"{}")
    with pytest.raises(CorruptBlob, match=request.model.digest):
        bench.keeper().consider(request)


def test_without_gates_every_candidate_passes(bench, model, past, recent):
    outcome = bench.keeper(()).consider(bench.request(model, past, recent))
    assert outcome.verdict == "pass"
    assert "the project asks for nothing" in outcome.report_markdown


def test_a_candidate_is_held_to_regression_cases_and_told_that_it_stays(bench, model, past, recent):
    def hold(ref):
        said = {"model": str(ref), "package": "p"}
        return (
            HeldModel(case="late.1.1", verdict="fail", **said),
            HeldModel(case="late.2.1", verdict="fail", waived="late.2.1.w1", **said),
            HeldModel(case="late.3.1", verdict="pass", **said),
        )

    request = bench.request(model, past, recent)
    outcome = bench.keeper((), hold).consider(request)
    assert "| late.1.1 | **fail** |" in outcome.report_markdown
    assert "| late.2.1 | **fail**, waived by late.2.1.w1 |" in outcome.report_markdown
    assert "1 of 3 cases are not passed" in outcome.report_markdown
    assert outcome.verdict == "pass"  # how good it is on average is another question
    assert "late.1.1" not in bench.keeper(()).consider(request).report_markdown


@pytest.mark.parametrize(
    ("verdicts", "joint"),
    [
        ([], "pass"),
        (["pass", "pass"], "pass"),
        (["pass", "inconclusive"], "inconclusive"),
        (["inconclusive", "fail", "pass"], "fail"),
    ],
)
def test_one_gate_is_enough_to_refuse(verdicts, joint):
    findings = [Finding(gate="g", verdict=one, summary="", evidence={}) for one in verdicts]
    assert joint_verdict(findings) == joint


def test_a_gate_is_described_by_its_fields():
    described = describe(NonInferior("log_loss", margin=0.01))
    assert described["type"] == "NonInferior"
    assert (described["metric"], described["margin"]) == ("log_loss", 0.01)

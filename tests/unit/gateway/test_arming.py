"""What must hold of a model before it takes traffic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from towpath.assets.models import load_package, load_predictor
from towpath.assets.models.attestation import attest
from towpath.core.errors import IntegrityError, NotFound, Overloaded, Unavailable
from towpath.core.refs import Ref
from towpath.gateway.routes.arming import ModelOpener
from towpath.gateway.routes.keeping import PackageCache
from towpath.gateway.routes.warming import warm_up
from towpath.gateway.workers.memory import MemoryWatch, resident_bytes
from towpath.operate.releases.route import Arm
from towpath.storage.keys import FileKeyring


def arm(package: str, number: int = 1) -> Arm:
    return Arm(arm="champion", release=1, model=f"model:late@{number}", package=package, weight=1.0)


class Away:
    """A store or ledger that can't be reached."""

    def __getattr__(self, name: str) -> Any:
        raise Unavailable(f"{name}: it is away")


@pytest.fixture
def cache(bench: Any, tmp_path: Any) -> PackageCache:
    return PackageCache(tmp_path / "state" / "packages", bench.blobs)


@pytest.fixture
def opener(bench: Any, cache: PackageCache) -> ModelOpener:
    return made(bench, cache)


def made(bench: Any, cache: PackageCache, **options: Any) -> ModelOpener:
    memory = options.pop("memory", None) or MemoryWatch()
    return ModelOpener(
        options.pop("ledger", bench.ledger),
        cache,
        bench.keyring,
        memory,
        load=lambda package: load_predictor(package, cache.local),
    )


def test_what_is_signed_whole_and_answers_is_opened(bench: Any, opener: ModelOpener) -> None:
    predictor = opener.open(arm(bench.packages[0]))
    assert predictor.package == bench.packages[0]


def forge(bench: Any, **changes: Any) -> Arm:
    """Put a version into the ledger as whoever may write there, but not sign, could."""
    package = bench.packages[0]
    body = {"package": package, "files": dict(load_package(package, bench.blobs).files)}
    ref = Ref("model", "late", 3)
    signer = changes.pop("signer", bench.keyring)
    signed = body | {"attestation": attest(ref, body, signer)} | changes
    with bench.ledger.write() as tx:
        tx.versions.commit("model", "late", digest=package, body=signed, state="approved")
    return arm(package, 3)


def test_unsigned_and_forged_versions_are_refused(bench: Any, opener: ModelOpener) -> None:
    unsigned = forge(bench, attestation=None)
    with pytest.raises(IntegrityError, match="model:late@3 carries no signature"):
        opener.open(unsigned)


def test_a_version_that_was_changed_after_it_was_signed_is_refused(
    bench: Any, opener: ModelOpener
) -> None:
    with pytest.raises(IntegrityError, match="signature of model:late@3 does not fit"):
        opener.open(forge(bench, verdict="pass"))


def test_a_stranger_s_signature_is_refused(bench: Any, opener: ModelOpener, tmp_path: Any) -> None:
    stranger = FileKeyring(tmp_path / "stranger")
    with pytest.raises(IntegrityError, match="does not fit"):
        opener.open(forge(bench, signer=stranger))


def test_a_route_that_names_another_package_than_was_signed_is_refused(
    bench: Any, opener: ModelOpener
) -> None:
    with pytest.raises(IntegrityError, match="names another package for model:late@1"):
        opener.open(arm(bench.packages[1]))


def test_a_model_that_nobody_registered_is_refused(bench: Any, opener: ModelOpener) -> None:
    with pytest.raises(NotFound, match="not in the registry"):
        opener.open(arm(bench.packages[0], 9))


def test_a_forged_model_never_takes_traffic(served: Any) -> None:
    forged = served.service()
    forged["arms"][0] |= {"package": served.packages[1]}
    served.route(board=forged)
    served.eventually(lambda: served.reported().get("broken") == ["board"], "a refusal")
    answer = served.infer(600.0).json()
    assert answer["model_version"] == "1"
    assert answer["outputs"][0]["data"][0] > 0.5  # the model that was in force before


def test_packages_are_kept_here_and_checked_when_they_are_read(
    bench: Any, cache: PackageCache, tmp_path: Any
) -> None:
    opener = made(bench, cache)
    wanted = arm(bench.packages[0])
    opener.open(wanted)
    assert (tmp_path / "state" / "packages").stat().st_mode & 0o777 == 0o700
    away = PackageCache(tmp_path / "state" / "packages", Away())  # type: ignore[arg-type]
    assert made(bench, away).open(wanted).package == bench.packages[0]
    (file,) = load_package(bench.packages[0], bench.blobs).files.values()
    with away.local.open_local(file) as path:
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(Unavailable):
        made(bench, away).open(wanted)
    made(bench, cache).open(wanted)  # from the store again, in place of what was spoilt
    assert made(bench, away).open(wanted).package == bench.packages[0]


def test_what_no_arm_needs_is_let_go_of(bench: Any, cache: PackageCache) -> None:
    opener = made(bench, cache)
    first, second = arm(bench.packages[0]), arm(bench.packages[1], 2)
    opener.open(first)
    opener.open(second)
    assert len(set(cache.local.walk())) == 4
    opener.keep_only([second])
    assert set(opener.bodies) == {"model:late@2"}
    assert set(cache.local.walk()) == {
        bench.packages[1],
        *load_package(bench.packages[1], bench.blobs).files.values(),
    }


def test_without_the_ledger_signatures_of_before_are_checked_again(
    bench: Any, cache: PackageCache
) -> None:
    before = made(bench, cache)
    before.open(arm(bench.packages[0]))
    after = made(bench, cache, ledger=Away())
    with pytest.raises(Unavailable):
        after.open(arm(bench.packages[0]))
    after.bodies = dict(before.bodies)
    after.open(arm(bench.packages[0]))
    after.bodies["model:late@1"] = after.bodies["model:late@1"] | {"task": "regression"}
    with pytest.raises(IntegrityError):
        after.open(arm(bench.packages[0]))


# -- warm-up -----------------------------------------------------------------------------------------


class Model:
    """A model of one number whose answer to it is what the test says."""

    def __init__(self, bench: Any, answer: Any) -> None:
        real = load_predictor(bench.packages[0], bench.blobs)
        self.package, self.task, self.signature = real.package, real.task, real.signature
        self.seen: list[int] = []
        self._real, self._answer = real, answer

    def predict(self, inputs: Any) -> Any:
        self._real.read(inputs)  # refuses what is no row of its signature
        self.seen.append(len(inputs["distance"]))
        return {"late": self._answer(np.array(inputs["distance"], dtype=float))}


def test_a_model_answers_one_row_and_a_batch_before_anybody_waits(bench: Any) -> None:
    model = Model(bench, lambda values: values)
    warm_up(model, {})  # type: ignore[arg-type]
    assert set(model.seen) == {1, 32}
    rows = [
        {"distance": 5.0, "hour": 3},
        {"distance": 6.0, "hour": 4},
        {"distance": 1.0, "hour": 1},
    ]
    warm_up(model, {}, rows)  # type: ignore[arg-type]


def test_a_model_that_fails_its_warm_up_is_refused(bench: Any) -> None:
    for answer in (lambda _: 1 / 0, lambda values: values * np.nan, lambda values: values[:0]):
        with pytest.raises(IntegrityError, match="warm-up"):
            warm_up(Model(bench, answer), {})  # type: ignore[arg-type]


def test_a_declared_row_must_be_answered_and_a_made_up_one_need_not(bench: Any) -> None:
    model = Model(bench, lambda values: values)
    with pytest.raises(IntegrityError, match="refuses a row of its warm-up"):
        warm_up(model, {}, [{"distance": "far", "hour": 3}])  # type: ignore[arg-type]
    assert model.seen == []


def test_a_model_that_can_not_answer_leaves_the_one_before_in_force(served: Any) -> None:
    strict = served.service(0.0, 1.0, warm_up=[{"distance": "far", "hour": 3}])
    served.route(board=strict)
    served.eventually(lambda: served.reported().get("broken") == ["board"], "a refusal")
    assert served.infer().json()["parameters"]["arm"] == "champion"


# -- memory ------------------------------------------------------------------------------------------


def test_peaks_are_seen_and_forgotten() -> None:
    watch = MemoryWatch()
    watch.look()
    block = np.ones(64 << 20, dtype=np.uint8)
    del block
    seen = watch.look()
    assert seen.peak - seen.resident > 48 << 20
    again = watch.look()
    assert again.peak - again.resident < 16 << 20
    assert watch.status()["resident_peak_bytes"] >= seen.peak


def test_a_model_that_would_not_fit_is_not_even_fetched(bench: Any, cache: PackageCache) -> None:
    memory = MemoryWatch(hard_bytes=resident_bytes() + 1000)
    opener = made(bench, cache, memory=memory)
    with pytest.raises(Overloaded, match="does not fit"):
        opener.open(arm(bench.packages[0]))
    assert set(cache.local.walk()) == {bench.packages[0]}  # the manifest alone, to know


def test_a_model_that_turned_out_not_to_fit_is_refused_by_what_it_took(
    bench: Any, cache: PackageCache
) -> None:
    memory = MemoryWatch(hard_bytes=resident_bytes() + (40 << 20))
    hog: list[Any] = []
    opener = made(bench, cache, memory=memory)
    opener._load = lambda package: (
        hog.append(np.ones(80 << 20, dtype=np.uint8)) or load_predictor(package, cache.local)
    )
    with pytest.raises(Overloaded, match="does not fit"):
        opener.open(arm(bench.packages[0]))
    hog.clear()
    loads = len(hog)
    with pytest.raises(Overloaded, match="does not fit"):  # known now, and not tried again
        opener.open(arm(bench.packages[0]))
    assert len(hog) == loads
    memory.hard_bytes = 0
    assert opener.open(arm(bench.packages[0])).package == bench.packages[0]


def test_what_models_take_is_told(served: Any) -> None:
    def told(name: str) -> bool:
        return f"towpath_gateway_{name}{{" in served.get("/metrics").text

    for name in ("resident_bytes", "resident_peak_bytes", "model_bytes", "cpu_seconds"):
        served.eventually(lambda name=name: told(name), name)
    served.eventually(lambda: served.reported().get("resident_bytes", 0) > 1 << 20, "a report")

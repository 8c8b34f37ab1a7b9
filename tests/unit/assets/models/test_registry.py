"""Model versions from candidate to deleted."""

import dataclasses

import pytest

from towpath.assets.models import load_package, verify_attestation
from towpath.core.errors import Conflict, CorruptBlob, IntegrityError, NotFound
from towpath.core.refs import Ref
from towpath.storage.keys import FileKeyring


@pytest.mark.parametrize(
    ("verdict", "state"),
    [("pass", "approved"), ("fail", "rejected"), ("inconclusive", "rejected")],
)
def test_the_verdict_decides_the_state(registry, proposal, sqlite_ledger, verdict, state):
    version = registry.register(proposal(verdict=verdict))
    assert (version.ref, version.state) == (Ref("model", "late", 1), state)
    with sqlite_ledger.read() as tx:
        moves = tx.events.read(types=["version.committed", "version.moved"], subject="model:late@1")
        assert len(moves) == 2
        assert tx.versions.get(version.ref).body["signature"]["outputs"][0]["name"] == "late"


def test_a_version_is_made_by_its_run(registry, proposal, sqlite_ledger):
    registration = proposal()
    version = registry.register(registration)
    with sqlite_ledger.read() as tx:
        lineage = tx.graph.trace(version.ref)
    assert Ref("run", registration.run) in lineage.nodes
    assert Ref("dataset", "flights", 1) in lineage.nodes


def test_numbers_rise(registry, proposal):
    numbers = [registry.register(proposal(seed)).ref.version for seed in range(3)]
    assert numbers == [1, 2, 3]


def test_a_name_belongs_to_one_project(registry, proposal):
    registry.register(proposal())
    with pytest.raises(Conflict, match="belongs to the project 'flights'"):
        registry.register(proposal(1, project="trains"))


def test_a_package_that_is_not_there_is_not_registered(registry, proposal, sqlite_ledger):
    with pytest.raises(NotFound):
        registry.register(proposal(package="3" * 64))
    with sqlite_ledger.read() as tx:
        assert tx.versions.list("model") == []


def test_the_signature_covers_the_body_and_the_name(registry, proposal, keyring, tmp_path):
    version = registry.register(proposal())
    verify_attestation(version, keyring.public_key_pem)
    changed = [
        dataclasses.replace(version, body=version.body | {"metrics": {"roc_auc": 0.99}}),
        dataclasses.replace(version, body=version.body | {"verdict": "fail"}),
        dataclasses.replace(version, ref=Ref("model", "late", 2)),
        dataclasses.replace(version, body=version.body | {"attestation": None}),
        dataclasses.replace(version, body=version.body | {"attestation": {"signature": "é"}}),
    ]
    for forged in changed:
        with pytest.raises(IntegrityError):
            verify_attestation(forged, keyring.public_key_pem)
    stranger = FileKeyring(tmp_path / "other").public_key_pem
    with pytest.raises(IntegrityError):
        verify_attestation(version, stranger)


def test_the_signature_survives_the_ledger(registry, proposal, keyring, sqlite_ledger):
    odd = {"window": "8 weeks", "rate": 0.1 + 0.2, "tiny": 1e-300, "none": None, "é": ["ü", 3]}
    version = registry.register(proposal(params=odd))
    with sqlite_ledger.read() as tx:
        verify_attestation(tx.versions.get(version.ref), keyring.public_key_pem)


def test_verify_reads_every_byte(registry, proposal, disk_blobs):
    version = registry.register(proposal())
    assert registry.verify(version.ref).ref == version.ref
    (file,) = load_package(version.digest, disk_blobs).files.values()
    with disk_blobs.open_local(file) as path:
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(CorruptBlob, match=file):
        registry.verify(version.ref)


def test_what_was_weighed_before_is_found_again(registry, proposal):
    first = registry.register(proposal(conditions="a"))
    assert registry.weighed("late", "b", None) is None
    assert registry.weighed("late", "a", Ref("model", "late", 9)) is None
    again = registry.weighed("late", "a", None)
    assert again is not None
    assert again.ref == first.ref


def test_proposing_the_champion_again_is_not_a_new_model(registry, proposal):
    champion = registry.register(proposal(conditions="a")).ref
    again = registry.weighed("late", "a", champion)
    assert again is not None
    assert again.ref == champion


def test_a_condemned_version_is_never_found_again(registry, proposal, sqlite_ledger):
    first = registry.register(proposal(conditions="a"))
    with sqlite_ledger.write() as tx:
        tx.versions.set_state(first.ref, "condemned", reason="erasure")
    assert registry.weighed("late", "a", first.ref) is None


def test_deleting_leaves_no_byte_and_keeps_the_record(registry, proposal, disk_blobs):
    version = registry.register(proposal())
    gone = registry.delete_bytes(version.ref)
    body = version.body
    assert set(gone) == {*body["files"].values(), body["package"], body["reference"]}
    assert set(disk_blobs.walk()) == {body["report"]}
    assert "deleted" in registry.card(version.ref)
    with pytest.raises(NotFound):
        registry.verify(version.ref)
    assert registry.delete_bytes(version.ref) == ()


def test_deleting_spares_what_another_version_needs(registry, proposal):
    first, second = registry.register(proposal()), registry.register(proposal())
    assert first.digest == second.digest
    assert registry.delete_bytes(first.ref) == ()
    registry.verify(second.ref)
    assert len(registry.delete_bytes(second.ref)) == 3


def test_deleting_goes_on_after_a_crash(registry, proposal, disk_blobs, monkeypatch):
    version = registry.register(proposal())
    deleted = []

    def die_after_one(digest):
        if deleted:
            raise KeyboardInterrupt
        deleted.append(digest)
        return type(disk_blobs).delete(disk_blobs, digest)

    with monkeypatch.context() as patch:
        patch.setattr(registry._blobs, "delete", die_after_one, raising=False)
        with pytest.raises(KeyboardInterrupt):
            registry.delete_bytes(version.ref)
    assert len(registry.delete_bytes(version.ref)) == 2
    assert set(disk_blobs.walk()) == {version.body["report"]}


def test_the_card_says_what_the_ledger_knows(registry, proposal):
    version = registry.register(proposal())
    card = registry.card(version.ref)
    for part in (
        "# model:late@1",
        "State: **approved**",
        "probability that `late` is 1",
        "| `wind` | FP64 | no |",
        "dataset:flights@1, 1,200 rows",
        "window='8 weeks'",
        "| roc_auc | 0.71 |",
        "| quality:roc_auc | passed | 0.71 |",
        version.digest,
    ):
        assert part in card
    assert registry.report(version.ref) == "# Report\n"

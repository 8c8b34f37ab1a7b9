"""A home's keys sign, hash and seal, stay private, and can be destroyed."""

from __future__ import annotations

import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from towpath.core.errors import IntegrityError, NotFound, UsageError
from towpath.storage.keys import FileKeyring, verify_signature

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.storage.keys import Keyring


def test_a_signature_needs_only_the_public_key(keyring: Keyring) -> None:
    signature = keyring.sign(b"release 7")
    assert len(signature) == 64
    assert verify_signature(keyring.public_key_pem, b"release 7", signature)
    assert not verify_signature(keyring.public_key_pem, b"release 8", signature)
    assert not verify_signature(keyring.public_key_pem, b"release 7", bytes(64))


def test_what_is_no_public_key_is_refused() -> None:
    with pytest.raises(UsageError, match="public key"):
        verify_signature(b"nonsense", b"", bytes(64))


def test_the_keys_of_a_folder_stay_the_same(keyring: Keyring, tmp_path: Path) -> None:
    again = FileKeyring(tmp_path / "keys")
    assert again.key_id == keyring.key_id
    assert again.subject_hash("tailnum", "N1") == keyring.subject_hash("tailnum", "N1")
    other = FileKeyring(tmp_path / "other")
    assert other.key_id != keyring.key_id
    assert other.subject_hash("tailnum", "N1") != keyring.subject_hash("tailnum", "N1")


def test_a_subject_hash_depends_on_field_and_value(keyring: Keyring) -> None:
    hashes = [
        keyring.subject_hash(field, value)
        for field, value in (("a", "bc"), ("ab", "c"), ("a", "bd"), ("a", "bc "))
    ]
    assert len(set(hashes)) == 4
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in hashes)


def test_a_seal_opens_until_it_is_shredded(keyring: Keyring) -> None:
    sealed = keyring.seal("erasure-1", b"tailnum=N1")
    assert b"N1" not in sealed
    assert keyring.seal("erasure-1", b"tailnum=N1") == sealed
    assert keyring.unseal("erasure-1", sealed) == b"tailnum=N1"
    keyring.shred("erasure-1")
    keyring.shred("erasure-1")
    with pytest.raises(NotFound, match="erasure-1"):
        keyring.unseal("erasure-1", sealed)
    keyring.seal("erasure-1", b"tailnum=N1")
    with pytest.raises(IntegrityError):
        keyring.unseal("erasure-1", sealed)


@pytest.mark.parametrize("damage", [lambda s: s[:-1], lambda s: s[:-1] + b"\x00", lambda _: b""])
def test_a_changed_seal_is_noticed(keyring: Keyring, damage) -> None:
    sealed = keyring.seal("e", b"secret")
    with pytest.raises(IntegrityError, match="changed"):
        keyring.unseal("e", damage(sealed))


def test_a_seal_belongs_to_its_name(keyring: Keyring) -> None:
    sealed = keyring.seal("one", b"secret")
    keyring.seal("two", b"secret")
    with pytest.raises(IntegrityError):
        keyring.unseal("two", sealed)


def test_shredding_leaves_no_copy_of_the_key(keyring: Keyring, tmp_path: Path) -> None:
    keyring.seal("../../odd name", b"secret")
    (path,) = (tmp_path / "keys" / "seals").iterdir()
    held = path.open("rb")  # what a forgotten handle or a copied inode would still see
    with held:
        keyring.shred("../../odd name")
        assert held.read() == bytes(32)
    assert list((tmp_path / "keys" / "seals").iterdir()) == []


def test_only_the_owner_can_read_the_keys(keyring: Keyring, tmp_path: Path) -> None:
    keyring.seal("e", b"secret")
    for path in (tmp_path / "keys", *(tmp_path / "keys").rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_damaged_signing_key_is_not_replaced(keyring: Keyring, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.pem"
    path.write_bytes(b"-----BEGIN nothing")
    with pytest.raises(IntegrityError, match=r"signing\.pem"):
        FileKeyring(tmp_path / "keys")
    assert path.read_bytes() == b"-----BEGIN nothing"


def test_processes_that_start_together_share_the_keys(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from towpath.storage.keys import FileKeyring as Keyring; "
        "sys.stdin.read(1); keys = Keyring(pathlib.Path(sys.argv[1])); "
        "print(keys.key_id, keys.subject_hash('f', 'v'), keys.seal('s', b'x').hex())"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "raced")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert len({racer.communicate("x")[0] for racer in racers}) == 1
    assert all(racer.returncode == 0 for racer in racers)

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from towpath.assets.code import Bundle, BundledFile, CodeStore, environment_digest
from towpath.core.digests import canonical_json
from towpath.core.errors import (
    CorruptBlob,
    InfrastructureError,
    IntegrityError,
    InvalidProject,
    NotFound,
)
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

ENTRY = "flights:project"
KEPT = ["flights.py", "helpers/__init__.py", "helpers/clean.py", "towpath.toml"]


def paths(store: CodeStore, ref: Ref) -> list[str]:
    return [file.path for file in store.read(ref).files]


def laid_out(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_version_holds_the_code_and_nothing_else(store: CodeStore, folder: Path) -> None:
    version = store.snapshot(folder, "flights", ENTRY)

    assert str(version.ref) == "code:flights@1"
    assert paths(store, version.ref) == KEPT
    assert version.body["entry"] == ENTRY
    assert version.body["files"] == len(KEPT)
    assert version.body["lock"] == environment_digest()


def test_named_files_belong_to_it(store: CodeStore, folder: Path) -> None:
    version = store.snapshot(folder, "flights", ENTRY, files=["queries/*.sql"])

    assert paths(store, version.ref) == sorted([*KEPT, "queries/rows.sql"])


def test_a_pattern_that_matches_nothing_is_named(store: CodeStore, folder: Path) -> None:
    with pytest.raises(InvalidProject, match=r"no file of the project matches 'sql/\*\.txt'"):
        store.snapshot(folder, "flights", ENTRY, files=["sql/*.txt"])


def test_unchanged_code_is_the_same_version_and_changed_code_the_next(
    store: CodeStore, folder: Path
) -> None:
    first = store.snapshot(folder, "flights", ENTRY)
    os.utime(folder / "flights.py", (0, 0))
    (folder / "notes.txt").write_text("changed", encoding="utf-8")

    assert store.snapshot(folder, "flights", ENTRY).ref == first.ref

    (folder / "helpers" / "clean.py").write_text("def clean(x):\n    return -x\n", encoding="utf-8")
    assert store.snapshot(folder, "flights", ENTRY).ref == Ref("code", "flights", 2)


def test_the_same_code_has_the_same_bundle_wherever_it_lies(
    store: CodeStore, folder: Path, tmp_path: Path
) -> None:
    first = store.snapshot(folder, "flights", ENTRY)
    elsewhere = folder.rename(tmp_path / "elsewhere")

    assert store.snapshot(elsewhere, "other", ENTRY).body["bundle"] == first.body["bundle"]


def test_what_is_unpacked_is_what_was_kept(store: CodeStore, folder: Path) -> None:
    version = store.snapshot(folder, "flights", ENTRY)
    (folder / "flights.py").write_text("later = True\n", encoding="utf-8")

    unpacked = store.unpack(version.ref)

    assert laid_out(unpacked) == KEPT
    assert (unpacked / "flights.py").read_text(encoding="utf-8") == "project = None\n"
    assert store.unpack(version.ref) == unpacked
    assert unpacked.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", ["edited", "added", "removed", "linked"])
def test_a_folder_that_somebody_changed_is_replaced(
    store: CodeStore, folder: Path, damage: str, tmp_path: Path
) -> None:
    version = store.snapshot(folder, "flights", ENTRY)
    unpacked = store.unpack(version.ref)
    target = unpacked / "flights.py"
    match damage:
        case "edited":
            target.chmod(0o600)
            target.write_text("import evil\n", encoding="utf-8")
        case "added":
            (unpacked / "evil.py").write_text("", encoding="utf-8")
        case "removed":
            target.unlink()
        case _:
            (tmp_path / "same.py").write_bytes(target.read_bytes())
            target.unlink()
            target.symlink_to(tmp_path / "same.py")

    assert laid_out(store.unpack(version.ref)) == KEPT
    assert not target.is_symlink()
    assert target.read_text(encoding="utf-8") == "project = None\n"


def test_a_changed_blob_is_refused_and_nothing_is_left(
    store: CodeStore, folder: Path, disk_blobs: BlobStore, tmp_path: Path
) -> None:
    version = store.snapshot(folder, "flights", ENTRY)
    digest = store.read(version.ref).files[0].digest
    with disk_blobs.open_local(digest) as path:
        path.chmod(0o600)
        path.write_bytes(b"changed bytes!!")

    with pytest.raises(CorruptBlob, match=digest):
        store.unpack(version.ref)

    assert list((tmp_path / "code").iterdir()) == []


@pytest.mark.parametrize(
    "path",
    [
        "../evil.py",
        "/etc/passwd",
        "a/../../evil.py",
        "a\\..\\b.py",
        "./a.py",
        "a//b.py",
        "a\0b",
        "",
    ],
)
def test_a_bundle_that_leads_out_of_its_folder_is_refused(
    store: CodeStore, sqlite_ledger: Ledger, disk_blobs: BlobStore, tmp_path: Path, path: str
) -> None:
    file = BundledFile(path=path, digest=disk_blobs.put(b"x = 1"), size_bytes=5)
    ref = planted(sqlite_ledger, disk_blobs, Bundle(entry=ENTRY, files=(file,)))

    with pytest.raises(IntegrityError, match="not safe"):
        store.unpack(ref)

    assert not (tmp_path / "code").exists()


def test_a_bundle_with_a_file_inside_a_file_is_refused(
    store: CodeStore, sqlite_ledger: Ledger, disk_blobs: BlobStore
) -> None:
    digest = disk_blobs.put(b"x = 1")
    files = tuple(BundledFile(path=one, digest=digest, size_bytes=5) for one in ("a/b.py", "a"))
    ref = planted(sqlite_ledger, disk_blobs, Bundle(entry=ENTRY, files=files))

    with pytest.raises(IntegrityError, match="twice"):
        store.unpack(ref)


@pytest.mark.parametrize(
    "data", [b"not json", b'{"files": 3}', canonical_json({"format": 9, "entry": "", "files": []})]
)
def test_a_manifest_that_is_none_is_refused(
    store: CodeStore, sqlite_ledger: Ledger, disk_blobs: BlobStore, data: bytes
) -> None:
    ref = committed(sqlite_ledger, disk_blobs.put(data))

    with pytest.raises(IntegrityError):
        store.unpack(ref)


def test_a_link_out_of_the_project_is_named(store: CodeStore, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("x = 1", encoding="utf-8")
    (folder / "inside.py").symlink_to(tmp_path / "outside.py")

    with pytest.raises(InvalidProject, match=r"inside\.py is a link that leads out"):
        store.snapshot(folder, "flights", ENTRY)


def test_a_file_too_large_for_code_is_named(store: CodeStore, folder: Path) -> None:
    (folder / "table.py").write_bytes(b"#" * (10 * 1024 * 1024 + 1))

    with pytest.raises(InvalidProject, match=r"table\.py makes the project too large"):
        store.snapshot(folder, "flights", ENTRY)


def test_a_folder_without_code_is_refused(store: CodeStore, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(InvalidProject, match="no Python file"):
        store.snapshot(tmp_path / "empty", "flights", ENTRY)


def test_a_version_that_is_not_there_is_not_found(store: CodeStore) -> None:
    with pytest.raises(NotFound):
        store.unpack(Ref("code", "flights", 3))


def test_a_place_that_can_t_be_written_is_named(
    sqlite_ledger: Ledger, disk_blobs: BlobStore, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "blocked").write_text("a file where the folder should go", encoding="utf-8")
    store = CodeStore(sqlite_ledger, disk_blobs, tmp_path / "blocked" / "code")
    version = store.snapshot(folder, "flights", ENTRY)

    with pytest.raises(InfrastructureError, match="blocked"):
        store.unpack(version.ref)


def test_processes_that_unpack_at_once_agree(
    store: CodeStore, folder: Path, tmp_path: Path, sqlite_url: str
) -> None:
    version = store.snapshot(folder, "flights", ENTRY)
    script = (
        "import sys; from pathlib import Path\n"
        "from towpath.assets.code import CodeStore\n"
        "from towpath.core.refs import Ref\n"
        "from towpath.ledger import open_ledger\n"
        "from towpath.storage.blobs import open_blobs\n"
        "from towpath.storage.database import open_database\n"
        "from towpath.storage.keys import FileKeyring\n"
        "root, url = Path(sys.argv[1]), sys.argv[2]\n"
        "ledger = open_ledger(open_database(url), FileKeyring(root / 'keys'))\n"
        "store = CodeStore(ledger, open_blobs(f'file://{root}/blobs'), root / 'code')\n"
        "for _ in range(20): print(store.unpack(Ref('code', 'flights', 1)))\n"
    )
    command: list[Any] = [sys.executable, "-c", script, str(tmp_path), sqlite_url]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = {line for one in running for line in one.communicate()[0].splitlines()}

    assert [one.returncode for one in running] == [0, 0]
    assert told == {str(store.unpack(version.ref))}
    assert [one.name for one in (tmp_path / "code").iterdir()] == [version.body["bundle"]]


def planted(ledger: Ledger, blobs: BlobStore, bundle: Bundle) -> Ref:
    return committed(ledger, blobs.put(canonical_json(bundle)))


def committed(ledger: Ledger, manifest: str) -> Ref:
    with ledger.write() as tx:
        tx.versions.declare("code", "flights", project="flights")
        return tx.versions.commit("code", "flights", digest=manifest, body={"bundle": manifest}).ref

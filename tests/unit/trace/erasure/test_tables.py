"""A database that is no file of the home is searched through its own connection."""

from __future__ import annotations

from towpath.trace.erasure import HomeScanner

SUBJECT = "N14228"


def test_every_table_of_the_database_is_searched(tmp_path, database, ledger):
    (tmp_path / "empty").mkdir()
    scanner = HomeScanner(tmp_path / "empty", database=database)
    with ledger.write() as tx:
        run = tx.runs.start(kind="step", name="fit", project="flights")
    clean = scanner.scan(SUBJECT)
    assert clean.residue == ()
    assert clean.formats["table"] > 10
    with ledger.write() as tx:
        tx.runs.finish(run.id, "failed", error=f"no row for {SUBJECT}")
        tx.runs.set_tags(run.id, {"seat": f"{SUBJECT}X"})
    found = scanner.scan(SUBJECT)
    assert [residue.place for residue in found.residue] == ["database:events", "database:runs"]
    assert found.ambiguous == 1

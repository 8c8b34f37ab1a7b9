"""Commits and loads under rules: what is refused, what is set aside in step, what is warned of."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import polars as pl
import pytest
from judged_rides import BEGAN, RULES, Ride, rides, rows

from towpath.assets.checks import rules
from towpath.assets.datasets import Dataset, ParquetDatasetStore, Personal, Schema, Values
from towpath.assets.datasets.history.branching import begin_branch
from towpath.assets.datasets.quality import checks_of, marks_of, quarantine_of
from towpath.core.clock import ManualClock
from towpath.core.errors import Conflict, InvalidProject, NotFound, SchemaViolation
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from conftest import Home

RIDES = Ref("dataset", "rides")
QUARANTINE = Ref("dataset", "rides.quarantine")


# What a rule means does not hang on where things are kept.
embedded = pytest.mark.parametrize("home", ["embedded"], indirect=True)


def stored(home: Home, ref: Ref = RIDES) -> list[str]:
    return sorted(home.store.scan(ref).collect()["ride_id"].to_list())


def reasons(home: Home) -> dict[str, str]:
    found = home.store.scan(QUARANTINE).collect()
    return dict(zip(found["ride_id"], found["quarantine_reason"], strict=True))


# -- refused -----------------------------------------------------------------------------------------


def test_a_rule_that_refuses_stores_nothing_and_says_where(home: Home):
    with pytest.raises(SchemaViolation) as caught:
        home.store.commit(rides(), rows(0, 4, zone=["north", "east", "south", "west"]), project="p")
    assert str(caught.value) == (
        "column 'zone' of data set 'rides' is not one of north, south in 2 of 4 rows, first in "
        "row 1 (ride_id 'r001'), row 3 (ride_id 'r003'). Nothing was stored. Mend the rows, or the "
        "rule, and commit again."
    )
    assert caught.value.fields["rows"] == [1, 3]
    assert home.store.versions("rides") == []
    assert list(home.blobs.walk()) == []


@embedded
def test_what_another_rule_would_set_aside_is_not_stored_either_when_one_refuses(home: Home):
    home.store.commit(rides(), rows(0, 4), project="p")
    bad = rows(4, 4, zone="east", km=500.0)
    with pytest.raises(SchemaViolation):
        home.store.commit(rides(), bad, project="p")
    assert home.store.versions("rides.quarantine") == []
    assert [one.ref.version for one in home.store.versions("rides")] == [1]


@embedded
def test_the_schema_is_a_rule_that_refuses_unless_told_otherwise(home: Home):
    with pytest.raises(
        SchemaViolation, match="column 'zone' of data set 'rides' is missing in 1 of"
    ):
        home.store.commit(rides(), rows(0, 3, zone=["north", None, "south"]), project="p")


# -- set aside ---------------------------------------------------------------------------------------


def test_rows_set_aside_go_to_the_quarantine_in_the_same_transaction(home: Home):
    seen: list[tuple[str, str]] = []

    def also(tx, version):
        beside = tx.versions.latest("dataset", "rides.quarantine")
        seen.append((str(version.ref), str(beside.ref)))

    given = rows(0, 6, km=[1.0, 500.0, None, -1.0, 2.0, 3.0])
    version = home.store.commit(rides(), given, project="p", also=also)
    assert seen == [("dataset:rides@1", "dataset:rides.quarantine@1")]
    assert stored(home) == ["r000", "r002", "r004", "r005"]
    assert reasons(home) == dict.fromkeys(("r001", "r003"), "km is between 0 and 100")
    report = checks_of(version)
    assert (report.rows, report.quarantined, report.quarantine) == (6, 2, str(QUARANTINE.at(1)))
    assert {one.name: one.outcome for one in report.results}["km is between 0 and 100"] == (
        "quarantined"
    )
    # The rows are in the quarantine; the ledger needs none of their keys.
    assert all(one.sample == () for one in report.results if one.outcome == "quarantined")


def test_a_batch_that_is_sent_again_sets_nothing_aside_twice(home: Home):
    given = rows(0, 4, km=[1.0, 500.0, 2.0, 600.0])
    home.store.commit(rides(), given, project="p")
    again = home.store.commit(rides(), given, project="p")
    assert again.ref.version == 1
    assert [one.ref.version for one in home.store.versions("rides.quarantine")] == [1]
    assert home.store.commit(rides(), rows(2, 4, km=[2.0, 600.0, 1.0, 700.0]), project="p")
    assert len(reasons(home)) == 3


def test_the_quarantine_is_a_data_set_of_the_same_people(home: Home):
    home.store.commit(rides(), rows(0, 10, km=500.0), project="p")
    beside = quarantine_of(rides())
    assert (beside.subject, beside.subject_field) == ("rider", "rider")
    erased = home.store.erase("rider-3", "rides.quarantine")
    assert erased.rows_removed == 2
    assert "rider-3" not in home.store.scan(QUARANTINE).collect()["rider"]
    assert not any(b"rider-3" in home.blobs.get(one) for one in home.blobs.walk())


def test_who_has_withdrawn_is_neither_stored_nor_set_aside_nor_sampled(home: Home):
    home.suppress("rider-1")
    declared = (*RULES[:2], rules.Between("km", most=10, policy="warn"))
    given = rows(0, 10, km=[20.0, 500.0] * 5)
    version = home.store.commit(rides(*declared), given, project="p")
    assert version.body["suppressed_rows"] == 2
    for ref in (Ref("dataset", "rides"), QUARANTINE):
        assert "rider-1" not in home.store.scan(ref).collect()["rider"]
    hashed = home.keyring.subject_hash("rider", "rider-1")
    report = checks_of(version)
    assert report.rows == 8
    assert hashed not in str(report)


@embedded
def test_a_repeated_value_is_set_aside_whether_stored_or_given(home: Home):
    home.store.commit(rides(), rows(0, 4), project="p")
    given = rows(4, 4, receipt=["receipt 1", "receipt 5", "new", "new"])
    home.store.commit(rides(), given, project="p")
    assert stored(home) == [f"r{number:03}" for number in (0, 1, 2, 3, 5)]
    assert reasons(home) == dict.fromkeys(("r004", "r006", "r007"), "receipt is unique")


@embedded
def test_in_a_merge_a_value_may_move_from_the_row_that_gives_it_up(home: Home):
    home.store.commit(rides(), rows(0, 3), project="p")
    swapped = rows(0, 2, receipt=["receipt 1", "receipt 0"])
    version = home.store.commit(rides(), swapped, project="p", mode="merge")
    assert checks_of(version).quarantined == 0
    taken = rows(0, 1, receipt="receipt 2")
    assert (
        checks_of(home.store.commit(rides(), taken, project="p", mode="overwrite")).quarantined == 0
    )


@embedded
def test_what_the_schema_says_can_set_aside_too(home: Home):
    class Strict(Schema):
        ride_id: str
        zone: Annotated[str, Values("north", "south")]

    strict = Dataset(
        "strict", schema=Strict, key="ride_id", rules=[rules.Declared(policy="quarantine")]
    )
    given = pl.DataFrame(
        {"ride_id": ["a", "b", "c", "d", "d"], "zone": ["north", None, "east", "south", "south"]}
    )
    home.store.commit(strict, given, project="p")
    assert stored(home, strict.ref) == ["a"]
    aside = home.store.scan(quarantine_of(strict).ref).collect()
    assert aside["ride_id"].sort().to_list() == ["b", "c", "d"]
    with pytest.raises(SchemaViolation, match="has no column"):
        home.store.commit(strict, given.with_columns(more=1), project="p")


@embedded
def test_a_quarantine_that_would_swallow_too_much_refuses(home: Home):
    declared = rides(*RULES, rules.Quarantined(0.4))
    with pytest.raises(SchemaViolation, match="has 50% of its rows quarantined, not at most 40%"):
        home.store.commit(declared, rows(0, 4, km=[1.0, 500.0, 600.0, 2.0]), project="p")
    assert home.store.versions("rides.quarantine") == []


@embedded
def test_rows_are_numbered_as_given_when_some_are_set_aside(home: Home):
    home.store.commit(rides(), rows(0, 4), project="p")
    changed = rows(2, 3, km=[500.0, 1.0, 2.0])
    with pytest.raises(SchemaViolation, match=r"other values in 1 of 3 rows, first in row 1 \(r"):
        home.store.commit(rides(), changed, project="p")
    assert home.store.versions("rides.quarantine") == []


@embedded
def test_keys_to_delete_are_not_judged(home: Home):
    home.store.commit(rides(), rows(0, 4), project="p")
    gone = home.store.commit(rides(), rows(0, 2).select("ride_id"), project="p", mode="delete")
    assert gone.body["rows"] == 2


# -- warned of, and sampled --------------------------------------------------------------------------


@embedded
def test_a_warning_keeps_rows_and_samples_their_keys(home: Home):
    declared = rides(rules.Between("km", most=10, policy="warn"))
    version = home.store.commit(declared, rows(0, 12, km=50.0), project="p")
    (result,) = checks_of(version).warned
    assert version.body["rows"] == 12
    assert (result.broken, result.checked) == (12, 12)
    assert [(one.row, one.key) for one in result.sample] == [
        (number, {"ride_id": f"r{number:03}"}) for number in range(5)
    ]
    hashed = home.keyring.subject_hash("rider", "rider-0")
    assert result.sample[0].subject == hashed
    assert "rider-0" not in str(version.body)


def test_an_erasure_takes_samples_of_its_subject_out_of_reports(home: Home):
    declared = rides(rules.Between("km", most=10, policy="warn"))
    home.store.commit(declared, rows(0, 12, km=50.0), project="p")
    home.store.erase("rider-2", "rides")
    (revised,) = home.store.versions("rides")
    (result,) = checks_of(revised).warned
    assert [one.row for one in result.sample] == [0, 1, 3, 4]
    assert result.broken == 12


@embedded
def test_personal_keys_are_never_sampled(home: Home):
    class Card(Schema):
        card: Annotated[str, Personal()]
        size: int

    cards = Dataset(
        "cards", schema=Card, key="card", rules=[rules.Between("size", most=1, policy="warn")]
    )
    version = home.store.commit(cards, pl.DataFrame({"card": ["ann's"], "size": [2]}), project="p")
    assert checks_of(version).warned[0].sample[0].key == {}
    assert "ann" not in str(version.body)


@embedded
def test_freshness_goes_by_the_clock_that_is_given(home: Home):
    declared = rides(rules.Fresh("2h"))
    for age, outcome in ((timedelta(hours=1), "kept"), (timedelta(hours=3), "warned")):
        clock = ManualClock(BEGAN + timedelta(hours=9) + age)
        store = ParquetDatasetStore(home.ledger, home.blobs, home.keyring, clock=clock)
        version = store.commit(declared, rows(0, 10), project="p", mode="overwrite")
        report = store.check(declared)
        assert [one.outcome for one in report.results if one.rule == "Fresh"] == [outcome]
    assert version.ref.version == 1


# -- beside other data sets, and other writers -------------------------------------------------------


@embedded
def test_references_are_looked_up_in_the_other_data_sets_latest_version(home: Home):
    class Zone(Schema):
        zone: str

    zones = Dataset("zones", schema=Zone, key="zone")
    declared = rides(rules.References("zone", zones))
    with pytest.raises(NotFound, match="'zones' has no version that a rule of data set 'rides'"):
        home.store.commit(declared, rows(0, 2), project="p")
    home.store.commit(zones, pl.DataFrame({"zone": ["north"]}), project="p")
    with pytest.raises(SchemaViolation, match="is not a key of data set 'zones' in 1 of 2 rows"):
        home.store.commit(declared, rows(0, 2), project="p")
    home.store.commit(zones, pl.DataFrame({"zone": ["south"]}), project="p")
    version = home.store.commit(declared, rows(0, 2), project="p")
    assert checks_of(version).against == ("dataset:zones@2",)


def test_two_writers_never_both_keep_what_must_be_unique(home: Home):
    failures: list[Exception] = []

    def write(first: int) -> None:
        try:
            home.store.commit(rides(), rows(first, 3, receipt=["same", None, None]), project="p")
        except Conflict as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(10 * place,)) for place in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    kept = home.store.scan(Ref("dataset", "rides")).collect()
    aside = home.store.scan(QUARANTINE).collect()
    assert failures == []
    assert kept.filter(receipt="same").height == 1
    assert aside.height == 3
    assert kept.height == 9


# -- loads -------------------------------------------------------------------------------------------


def test_a_load_sets_rows_aside_piece_by_piece(home: Home):
    load = home.store.load(rides(), project="p", name="nightly")
    load.write(rows(0, 4, km=[1.0, 500.0, 2.0, 3.0]), position={"at": 4})
    load.write(rows(4, 4, receipt=["receipt 0", "b", "c", "d"]), position={"at": 8})
    version = load.commit()
    assert stored(home) == [f"r{number:03}" for number in (0, 2, 3, 5, 6, 7)]
    assert reasons(home) == {"r001": "km is between 0 and 100", "r004": "receipt is unique"}
    report = checks_of(version)
    assert (report.rows, report.quarantined, report.quarantine) == (8, 2, str(QUARANTINE.at(1)))


def test_a_load_that_is_taken_up_again_goes_on_judging(home: Home):
    first = home.store.load(rides(*RULES, rules.RowCount(7, 7)), project="p", name="n")
    first.write(rows(0, 4, km=[1.0, 500.0, 2.0, 3.0]), position={"at": 4})
    first.write(rows(4, 4, km=600.0))  # not positioned, so it is read again
    second = home.store.load(rides(*RULES, rules.RowCount(7, 7)), project="p", name="n")
    assert (second.position, second.rows) == ({"at": 4}, 3)
    second.write(rows(4, 4), position={"at": 8})
    report = checks_of(second.commit())
    assert (report.rows, report.quarantined) == (8, 1)
    assert list(reasons(home)) == ["r001"]


@embedded
def test_a_load_is_refused_as_soon_as_that_is_certain_or_at_the_end(home: Home):
    declared = rides(*RULES, rules.RowCount(at_least=9))
    load = home.store.load(declared, project="p", name="n")
    load.write(rows(0, 4), position={"at": 4})
    with pytest.raises(SchemaViolation, match="column 'zone'"):
        load.write(rows(4, 4, zone="east"))
    with pytest.raises(SchemaViolation, match="has 4 rows, not at least 9"):
        load.commit()
    load.write(rows(4, 5), position={"at": 9})
    assert load.commit().body["rows"] == 9


def test_a_load_that_is_discarded_leaves_nothing_aside(home: Home):
    load = home.store.load(rides(), project="p", name="n")
    load.write(rows(0, 4, km=500.0), position={"at": 4})
    load.discard()
    assert list(home.blobs.walk()) == []
    again = home.store.load(rides(), project="p", name="n")
    again.write(rows(4, 4), position={"at": 4})
    assert checks_of(again.commit()).quarantined == 0
    assert home.store.versions("rides.quarantine") == []


@embedded
def test_an_erasure_forgets_what_an_open_load_has_seen(home: Home):
    declared = rides(rules.Between("km", most=10, policy="warn"), *RULES[1:2])
    load = home.store.load(declared, project="p", name="n")
    load.write(rows(0, 10, km=50.0, receipt="same"), position={"at": 10})
    home.store.erase("rider-2", "rides")
    home.store.erase("rider-2", "rides.quarantine")
    with home.ledger.read() as tx:
        open_rows = tx.intents.list("dataset_load", limit=100)
    hashed = home.keyring.subject_hash("rider", "rider-2")
    assert hashed not in str([row.status for row in open_rows])
    with pytest.raises(Conflict):
        load.write(rows(10, 1), position={"at": 11})
    again = home.store.load(declared, project="p", name="n")
    assert (again.rows, again.position) == (0, None)


@embedded
def test_a_load_to_a_branch_is_judged_beside_the_branch(home: Home):
    home.store.commit(rides(), rows(0, 2), project="p")
    with home.ledger.write() as tx:
        begin_branch(tx, RIDES.at(1), "what-if", None)
    home.store.commit(rides(), rows(2, 1, receipt="taken"), project="p", branch="what-if")
    load = home.store.load(rides(), project="p", name="n", branch="what-if")
    load.write(rows(5, 2, receipt=["taken", "free"]))
    version = load.commit()
    assert str(version.ref) == "dataset:rides~what-if@3"
    assert checks_of(version).quarantine == "dataset:rides.quarantine@1"
    trunk = home.store.load(rides(), project="p", name="n")
    trunk.write(rows(8, 1, receipt="taken"))
    assert checks_of(trunk.commit()).quarantined == 0


# -- trying again, and checking only -----------------------------------------------------------------


def test_rows_leave_the_quarantine_when_todays_rules_let_them(home: Home):
    home.store.commit(rides(), rows(0, 4, km=[1.0, 110.0, 2.0, 900.0]), project="p")
    wider = rides(rules.Between("km", 0, 120, policy="quarantine"))
    done = home.store.retry_quarantine(wider, project="p")
    assert (done.version.ref.version, done.added, done.kept) == (2, 1, 1)
    assert stored(home) == ["r000", "r001", "r002"]
    assert list(reasons(home)) == ["r003"]
    again = home.store.retry_quarantine(wider, project="p")
    assert (again.version.ref.version, again.added, again.kept) == (2, 0, 1)


@embedded
def test_rows_whose_place_is_taken_by_others_stay_in_quarantine(home: Home):
    home.store.commit(rides(), rows(0, 2, km=[1.0, 110.0]), project="p")
    home.store.commit(rides(), rows(1, 1), project="p")
    with pytest.raises(SchemaViolation, match="repeats the key of a stored row"):
        home.store.retry_quarantine(rides(rules.Between("km", most=120)), project="p")
    assert list(reasons(home)) == ["r001"]


@embedded
def test_nothing_leaves_a_quarantine_that_is_not_there(home: Home):
    with pytest.raises(NotFound, match="'rides' has nothing in quarantine"):
        home.store.retry_quarantine(rides(), project="p")


@embedded
def test_checking_rows_stores_nothing_and_samples_what_would_be_set_aside(home: Home):
    home.store.commit(rides(), rows(0, 4), project="p")
    before = set(home.blobs.walk())
    report = home.store.check(
        rides(), rows(4, 4, km=[1.0, 500.0, 2.0, 3.0], receipt=["receipt 0", "b", "c", "d"])
    )
    assert {one.name: [sample.row for sample in one.sample] for one in report.results} == {
        "keeps what the schema declares": [],
        "km is between 0 and 100": [1],
        "receipt is unique": [0],
        "km is present in at least 80% of the rows": [],
        "zone is one of north, south": [],
    }
    assert set(home.blobs.walk()) == before
    assert [one.ref.version for one in home.store.versions("rides")] == [1]


@embedded
def test_stored_rows_are_checked_by_rules_that_came_later(home: Home):
    plain = Dataset("rides", schema=Ride, key="ride_id", time="began", subject="rider", buckets=2)
    home.store.commit(plain, rows(0, 4, km=[1.0, 500.0, 2.0, 3.0], receipt="same"), project="p")
    report = home.store.check(rides())
    broken = {one.name: one.broken for one in report.results if one.broken}
    assert broken == {"km is between 0 and 100": 1, "receipt is unique": 4}
    with pytest.raises(NotFound):
        home.store.check(Dataset("none", schema=Ride, key="ride_id"))


@embedded
def test_columns_that_came_later_are_missing_in_rows_of_before(home: Home):
    class Wider(Ride):
        tip: float | None

    home.store.commit(rides(), rows(0, 4), project="p")
    wider = Dataset(
        "rides",
        schema=Wider,
        key="ride_id",
        time="began",
        subject="rider",
        buckets=2,
        rules=[rules.Present("tip", policy="warn"), rules.Unique("tip", policy="quarantine")],
    )
    report = home.store.check(wider)
    assert [one.broken for one in report.results] == [0, 4, 0]
    version = home.store.commit(wider, rows(4, 1).with_columns(tip=1.0), project="p")
    assert version.body["rows"] == 5


# -- personal columns --------------------------------------------------------------------------------


@embedded
def test_columns_that_look_personal_are_marked_until_they_are_declared(home: Home):
    class Contact(Schema):
        name: str
        mail: str | None

    class Declared(Schema):
        name: str
        mail: Annotated[str | None, Personal()]

    contacts = Dataset("contacts", schema=Contact, key="name")
    mails = [f"person{number}@example.org" for number in range(20)]
    given = pl.DataFrame({"name": [f"c{number}" for number in range(20)], "mail": mails})
    first = home.store.commit(contacts, given, project="p")
    assert [(one.column, one.kind) for one in marks_of(first)] == [("mail", "e-mail address")]
    assert "example.org" not in str(first.body)
    more = pl.DataFrame(
        {"name": ["c99"], "mail": [None]}, schema={"name": pl.String, "mail": pl.String}
    )
    second = home.store.commit(contacts, more, project="p")
    assert marks_of(second) == marks_of(first)
    gone = home.store.commit(contacts, more.select("name"), project="p", mode="delete")
    assert marks_of(gone) == marks_of(first)
    replaced = home.store.commit(
        Dataset("contacts", schema=Declared, key="name"), given, project="p", mode="overwrite"
    )
    assert marks_of(replaced) == []


@embedded
def test_loads_are_looked_at_too(home: Home):
    class Contact(Schema):
        name: str
        mail: str

    load = home.store.load(Dataset("contacts", schema=Contact, key="name"), project="p", name="n")
    for piece in range(3):
        numbers = range(10 * piece, 10 * piece + 10)
        load.write(
            pl.DataFrame(
                {
                    "name": [f"c{number}" for number in numbers],
                    "mail": [f"person{number}@example.org" for number in numbers],
                }
            )
        )
    assert [one.column for one in marks_of(load.commit())] == ["mail"]


# -- declarations ------------------------------------------------------------------------------------


def test_rules_of_a_data_set_must_hang_together():
    with pytest.raises(InvalidProject, match="two of its rules are called 'km is at most 1'"):
        rides(rules.Between("km", most=1), rules.Between("km", most=1, policy="warn"))
    with pytest.raises(InvalidProject, match="is not a rule"):
        rides(lambda frame: frame["km"] > 0)
    with pytest.raises(InvalidProject, match=r"there is no column 'kms'.*Did you mean 'km'"):
        rides(rules.Present("kms"))

    class Clashing(Schema):
        quarantine_id: str

    with pytest.raises(InvalidProject, match="has a name that its quarantine needs"):
        Dataset(
            "x",
            schema=Clashing,
            key="quarantine_id",
            rules=[rules.Unique("quarantine_id", policy="quarantine")],
        )

"""What an online store promises, over every backend."""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING

import pytest

from towpath.core.errors import Conflict, InvalidName, InvalidSetting, NotFound
from towpath.storage.online import KEY_BYTES_MOST, Head, open_online

if TYPE_CHECKING:
    from towpath.storage.online import OnlineStore, Row

TABLE = "weather"


def row(key: str, at: int, text: str = "", *, created: int = 0) -> Row:
    return key.encode(), struct.pack(">QQ", at, created) + text.encode()


def publish(store: OnlineStore, *rows: Row, body: bytes = b"body", table: str = TABLE) -> Head:
    with store.begin(table) as draft:
        draft.write(rows)
        return draft.publish(body)


def texts(store: OnlineStore, *keys: str, table: str = TABLE) -> list[str | None]:
    (found,) = store.read([(table, [key.encode() for key in keys])])
    return [None if value is None else value[16:].decode() for value in found.values]


def put(store: OnlineStore, *rows: Row) -> int:
    return store.put(TABLE, rows)


def carried(store: OnlineStore) -> list[str]:
    return sorted(key.decode() for key, _ in store.carried(TABLE))


def test_a_table_that_does_not_exist_has_nothing(online: OnlineStore):
    assert online.head(TABLE) is None
    assert online.tables() == []
    assert online.count(TABLE) == 0
    assert online.read([(TABLE, [b"a", b"b"])])[0].generation is None
    assert texts(online, "a", "b") == [None, None]
    assert list(online.carried(TABLE)) == []
    assert online.drop(TABLE) is False


def test_a_published_draft_is_there_whole(online: OnlineStore, another: OnlineStore):
    head = publish(online, row("b", 2, "bee"), row("a", 1, "ay"), body=b"schema")
    for store in (online, another):
        assert store.head(TABLE) == head
        assert head.body == b"schema"
        assert texts(store, "a", "missing", "b", "a") == ["ay", None, "bee", "ay"]
        assert store.read([(TABLE, [b"a"])])[0].generation == head.generation
        assert store.tables() == [TABLE]
        assert store.count(TABLE) == 2


def test_values_and_keys_are_any_bytes(online: OnlineStore):
    every = bytes(range(256))
    rows = [
        (every[:KEY_BYTES_MOST], every * 40),
        (b"\x00", b"\x00" * 16),
        (b"\xff" * KEY_BYTES_MOST, b"\xff" * 5000),
    ]
    publish(online, *rows)
    (found,) = online.read([(TABLE, [key for key, _ in rows])])
    assert found.values == [value for _, value in rows]


def test_an_empty_draft_is_an_empty_table(online: OnlineStore):
    publish(online, row("a", 1))
    head = publish(online, body=b"empty")
    assert online.head(TABLE) == head
    assert online.count(TABLE) == 0
    assert texts(online, "a") == [None]
    assert online.tables() == [TABLE]


def test_drafts_are_written_in_pieces_and_in_any_order(online: OnlineStore):
    with online.begin(TABLE) as draft:
        draft.write([row(f"k{number:05}", 1, str(number)) for number in range(3000, 1500, -1)])
        draft.write([row(f"k{number:05}", 1, str(number)) for number in range(1500)])
        draft.write([])
        draft.write([row(f"k{number:05}", 1, str(number)) for number in range(3001, 4000)])
        draft.publish(b"")
    assert online.count(TABLE) == 3999
    assert texts(online, "k00000", "k01499", "k01501", "k03999") == ["0", "1499", "1501", "3999"]


def test_several_tables_answer_in_one_look_up(online: OnlineStore):
    publish(online, row("a", 1, "one"))
    publish(online, row("a", 1, "two"), table="flights")
    found = online.read([("flights", [b"a"]), ("nothing", [b"a", b"b"]), (TABLE, [b"b", b"a"])])
    assert [[value and value[16:] for value in one.values] for one in found] == [
        [b"two"],
        [None, None],
        [None, b"one"],
    ]
    assert online.tables() == ["flights", TABLE]


def test_a_draft_is_invisible_until_it_is_published(online: OnlineStore, another: OnlineStore):
    before = publish(online, row("a", 1, "old"), row("gone", 1))
    draft = online.begin(TABLE)
    draft.write([row("a", 5, "new")])
    assert texts(another, "a", "gone") == ["old", ""]
    assert another.head(TABLE) == before
    after = draft.publish(b"next")
    assert after.generation != before.generation
    assert texts(another, "a", "gone") == ["new", None]
    assert another.head(TABLE) == after


def test_a_discarded_draft_leaves_nothing(online: OnlineStore):
    with online.begin(TABLE) as draft:
        draft.write([row("a", 1)])
    draft.discard()
    assert online.head(TABLE) is None
    assert online.tables() == []
    head = publish(online, row("a", 1, "kept"))
    with online.begin(TABLE) as draft:
        draft.write([row("a", 2)])
    assert online.head(TABLE) == head
    assert texts(online, "a") == ["kept"]


def test_the_later_draft_overtakes_the_earlier(online: OnlineStore, another: OnlineStore):
    early = online.begin(TABLE)
    early.write([row("a", 1, "early")])
    late = another.begin(TABLE)
    with pytest.raises(Conflict):
        early.write([row("b", 1)])
    with pytest.raises(Conflict):
        early.publish(b"")
    early.discard()
    late.write([row("a", 1, "late")])
    late.publish(b"")
    assert texts(online, "a", "b") == ["late", None]


def test_a_published_draft_takes_no_more(online: OnlineStore):
    draft = online.begin(TABLE)
    draft.publish(b"")
    with pytest.raises(Conflict):
        draft.write([row("a", 1)])
    with pytest.raises(Conflict):
        draft.publish(b"")


def test_put_needs_a_table(online: OnlineStore):
    publish(online, row("a", 1), table="weathers")
    with pytest.raises(NotFound, match="weathers"):
        put(online, row("a", 1))


def test_a_late_row_does_not_replace_a_newer(online: OnlineStore):
    publish(online, row("a", 10, "drafted"), row("b", 10, "drafted", created=3))
    assert put(online, row("a", 9, "late"), row("b", 10, "earlier known", created=2)) == 0
    assert texts(online, "a", "b") == ["drafted", "drafted"]
    assert put(online, row("a", 10, "as new"), row("b", 10, "later known", created=4)) == 2
    assert texts(online, "a", "b") == ["as new", "later known"]
    assert put(online, row("a", 11, "first"), row("a", 12, "second"), row("a", 11, "third")) == 2
    assert texts(online, "a") == ["second"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (0, 1),
        (0x7F, 0x80),
        (0xFF, 0x100),
        (0x7FFF_FFFF, 0x8000_0000),
        (0xFFFF_FFFF, 0x1_0000_0000),
        (0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000),
        (0xFFFF_FFFF_FFFF_FFFE, 0xFFFF_FFFF_FFFF_FFFF),
    ],
)
def test_stamps_compare_as_unsigned_bytes(online: OnlineStore, older: int, newer: int):
    publish(online)
    assert put(online, row("event", newer, "newer"), row("event", older, "older")) == 1
    assert put(online, row("made", 5, "newer", created=newer)) == 1
    assert put(online, row("made", 5, "older", created=older)) == 0
    assert texts(online, "event", "made") == ["newer", "newer"]


def test_what_was_put_is_carried_into_the_next_generation(online: OnlineStore):
    publish(online, row("a", 1), row("b", 1), row("c", 1))
    put(online, row("a", 5, "put"), row("b", 5, "put"), row("new", 5, "put"))
    draft = online.begin(TABLE)
    draft.write([row("a", 4, "drafted"), row("b", 5, "drafted")])
    put(online, row("c", 6, "put meanwhile"))
    draft.publish(b"")
    assert texts(online, "a", "b", "c", "new") == ["put", "drafted", "put meanwhile", "put"]
    assert carried(online) == ["a", "c", "new"]
    publish(online, row("a", 9, "drafted"))
    assert texts(online, "a", "b", "c", "new") == ["drafted", None, "put meanwhile", "put"]
    assert carried(online) == ["c", "new"]


def test_what_is_not_to_be_kept_is_not_carried(online: OnlineStore):
    publish(online)
    put(online, row("stays", 5, "x"), row("goes", 5, "y"), row("drafted", 5, "z"))
    with online.begin(TABLE) as draft:
        draft.write([row("drafted", 6, "w")])
        draft.publish(b"", keep=lambda key, value: key != b"goes" and value[16:] == b"x")
    assert texts(online, "stays", "goes", "drafted") == ["x", None, "w"]
    publish(online)
    assert texts(online, "stays", "goes", "drafted") == ["x", None, None]


def test_what_is_put_for_another_generation_is_refused(online: OnlineStore):
    old = publish(online, row("a", 1, "one"))
    assert online.put(TABLE, [row("b", 1, "early")], generation=old.generation) == 1
    publish(online, row("a", 1, "two"))
    with pytest.raises(Conflict):
        online.put(TABLE, [row("c", 1, "late")], generation=old.generation)
    assert texts(online, "a", "b", "c") == ["two", "early", None]


def test_an_update_brings_newer_rows_and_the_body(online: OnlineStore, another: OnlineStore):
    head = publish(online, row("a", 5, "old"), row("b", 5, "old"), body=b"one")
    newer = [row("a", 6, "new"), row("b", 4, "late"), row("c", 1, "new")]
    assert online.update(TABLE, newer, generation=head.generation) == 2
    assert another.head(TABLE) == head
    assert online.update(TABLE, [], generation=head.generation, body=b"two") == 0
    assert another.head(TABLE) == Head(generation=head.generation, body=b"two")
    assert texts(another, "a", "b", "c") == ["new", "old", "new"]


def test_an_update_that_catches_up_is_what_is_drafted_next(online: OnlineStore):
    head = publish(online)
    put(online, row("a", 5, "put"), row("b", 5, "put"))
    online.update(TABLE, [row("a", 5, "source"), row("b", 4, "source")], generation=head.generation)
    assert texts(online, "a", "b") == ["source", "put"]
    assert carried(online) == ["b"]


def test_an_update_of_another_generation_is_refused(online: OnlineStore):
    old = publish(online, row("a", 1, "one"))
    publish(online, row("a", 1, "two"))
    with pytest.raises(Conflict):
        online.update(TABLE, [row("a", 9, "three")], generation=old.generation, body=b"")
    assert texts(online, "a") == ["two"]
    with pytest.raises(Conflict):
        online.update("nothing", [], generation=old.generation)


def test_an_update_overtakes_a_draft(online: OnlineStore):
    head = publish(online, row("a", 1))
    draft = online.begin(TABLE)
    online.update(TABLE, [row("a", 2, "updated")], generation=head.generation)
    with pytest.raises(Conflict):
        draft.publish(b"")
    assert texts(online, "a") == ["updated"]


def test_a_dropped_table_is_gone(online: OnlineStore, another: OnlineStore):
    publish(online, row("a", 1, "old"))
    put(online, row("b", 2, "old"))
    assert texts(another, "a") == ["old"]
    draft = online.begin(TABLE)
    assert online.drop(TABLE) is True
    assert another.head(TABLE) is None
    assert texts(another, "a", "b") == [None, None]
    assert online.tables() == []
    with pytest.raises(Conflict):
        draft.publish(b"")
    publish(online, row("c", 1, "fresh"))
    assert texts(another, "a", "b", "c") == [None, None, "fresh"]


def test_many_rows_come_back_as_they_were_written(online: OnlineStore):
    rows = [row(f"{number:07}", number, "x" * (number % 50)) for number in range(5000)]
    publish(online, *rows)
    (found,) = online.read([(TABLE, [key for key, _ in rows[::-7]])])
    assert found.values == [value for _, value in rows[::-7]]
    assert put(online, *[row(f"{number:07}", 9000, "put") for number in range(2000)]) == 2000
    assert online.count(TABLE) == 5000
    publish(online, *rows)
    assert texts(online, "0000000", "0001999", "0002000") == ["put", "put", "x" * (2000 % 50)]


def test_readers_see_one_generation_while_others_are_published(
    online: OnlineStore, another: OnlineStore
):
    keys = [f"{number:03}".encode() for number in range(200)]
    publish(online, *[row(key.decode(), 1, "0") for key in keys])
    seen: set[str] = set()
    torn: list[set[bytes | None]] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            (found,) = another.read([(TABLE, keys)])
            kinds = {value and value[16:] for value in found.values}
            if len(kinds) != 1 or None in kinds:
                torn.append(kinds)
            seen.add(str(found.generation))

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    generations = {
        publish(online, *[row(key.decode(), 1, str(turn)) for key in keys]).generation
        for turn in range(1, 40)
    }
    done.set()
    for reader in readers:
        reader.join()
    assert torn == []
    assert len(generations) == 39
    assert seen & generations


def test_nothing_put_is_lost_while_drafts_are_published(online: OnlineStore, another: OnlineStore):
    publish(online)
    done = threading.Event()

    def draft() -> None:
        while not done.is_set():
            publish(another, row("drafted", 1))

    drafter = threading.Thread(target=draft)
    drafter.start()
    for number in range(300):
        assert put(online, row(f"put-{number}", 1, str(number))) == 1
    done.set()
    drafter.join()
    keys = [f"put-{number}" for number in range(300)]
    assert texts(online, *keys) == [str(number) for number in range(300)]


def test_a_name_that_could_leave_the_folder_is_refused(online: OnlineStore):
    for name in ("../evil", "UPPER", "", "a/b"):
        with pytest.raises(InvalidName):
            online.begin(name)
        with pytest.raises(InvalidName):
            online.drop(name)


@pytest.mark.parametrize("url", ["lmdb://host/x", "lmdb:relative", "mysql://x", "redis://h:port/0"])
def test_a_url_that_names_no_store_is_refused(url: str):
    with pytest.raises(InvalidSetting):
        open_online(url)


def test_every_row_can_be_walked_whatever_it_is_there_for(online: OnlineStore) -> None:
    with online.begin("views") as draft:
        draft.write([row("=drafted", 1, "a")])
        draft.publish(b"body")
    online.put("views", [row("=put", 2, "b")])
    begun, first = online.begin("views"), online.begin("never-published")
    begun.write([row("=begun", 3, "c")])
    first.write([row("=first", 4, "d")])
    walked = {(table, key) for table, (key, _) in online.walk() if key}
    assert walked == {
        ("views", b"=drafted"),
        ("views", b"=put"),
        ("views", b"=begun"),
        ("never-published", b"=first"),
    }
    assert online.drafts() == ["never-published", "views"]
    assert online.tables() == ["views"]
    online.drop("never-published")
    begun.discard()
    assert online.drafts() == []
    assert {key for _, (key, _) in online.walk() if key} == {b"=drafted", b"=put"}
    online.drop("views")
    assert list(online.walk()) == []

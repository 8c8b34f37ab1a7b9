"""A Redis that is away, comes back, is full, is shared, or can't be spoken to at all."""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING

import pytest
import redis

from towpath.core.errors import InvalidSetting, StorageFull, Unavailable
from towpath.storage.online import open_online

if TYPE_CHECKING:
    from redis_process import RedisProcess

    from towpath.storage.online import OnlineStore

pytestmark = pytest.mark.redis
STAMP = struct.pack(">QQ", 5, 0)


def publish(store: OnlineStore, *keys: str) -> None:
    with store.begin("weather") as draft:
        draft.write([(key.encode(), STAMP) for key in keys])
        draft.publish(b"body")


def test_a_server_that_is_away_is_unavailable(store: OnlineStore):
    for act in (
        lambda: store.read([("weather", [b"a"])]),
        lambda: store.head("weather"),
        store.tables,
        lambda: store.begin("weather"),
        lambda: store.put("weather", [(b"a", STAMP)]),
        lambda: list(store.carried("weather")),
        lambda: store.drop("weather"),
    ):
        with pytest.raises(Unavailable, match="does not answer"):
            act()


def test_a_server_that_was_started_again_is_read_on(store: OnlineStore, server: RedisProcess):
    server.start()
    publish(store, "a", "b")
    assert store.read([("weather", [b"a"])])[0].values == [STAMP]
    server.kill()
    with pytest.raises(Unavailable):
        store.read([("weather", [b"a"])])
    server.start()
    assert store.read([("weather", [b"a"])])[0].values == [None]
    publish(store, "a")
    assert store.read([("weather", [b"a"])])[0].values == [STAMP]


def test_answers_are_not_mixed_up_after_a_refused_command(store: OnlineStore, server: RedisProcess):
    server.start()
    publish(store, "a")
    with redis.Redis(port=server.port) as client:
        client.set("towpath:{broken}:rows", "no hash")
    for _ in range(3):
        with pytest.raises(Exception, match="WRONGTYPE"):
            store.read([("weather", [b"a"]), ("broken", [b"a"]), ("weather", [b"a"])])
        assert store.read([("weather", [b"a"])])[0].values == [STAMP]


def test_a_full_server_is_said_to_be_full(store: OnlineStore, server: RedisProcess):
    server.command += ["--maxmemory", "2mb", "--maxmemory-policy", "noeviction"]
    server.start()
    publish(store, "a")
    with pytest.raises(StorageFull), store.begin("weather") as draft:
        for turn in range(100):
            draft.write([(f"{turn}.{n}".encode(), STAMP * 64) for n in range(1000)])
    assert store.read([("weather", [b"a"])])[0].values == [STAMP]


def test_namespaces_do_not_see_each_other(redis_url: str):
    one, two = (open_online(redis_url, namespace=name) for name in ("one", "two"))
    publish(one, "a")
    assert two.tables() == []
    assert two.read([("weather", [b"a"])])[0].values == [None]
    publish(two, "b")
    assert one.read([("weather", [b"a", b"b"])])[0].values == [STAMP, None]
    one.drop("weather")
    assert two.tables() == ["weather"]
    assert {table for table, _ in two.walk()} == {"weather"}
    assert list(one.walk()) == []
    one.close()
    two.close()


def test_a_server_without_memory_of_scripts_runs_them_all_the_same(
    store: OnlineStore, server: RedisProcess
):
    server.start()
    publish(store, "a")
    with redis.Redis(port=server.port) as client:
        client.script_flush()
    assert store.put("weather", [(b"b", STAMP)]) == 1
    with redis.Redis(port=server.port) as client:
        client.script_flush()
    publish(store, "c")
    assert store.read([("weather", [b"b", b"c"])])[0].values == [STAMP, STAMP]


def test_a_table_stays_closed_only_while_its_publisher_lives(
    store: OnlineStore, server: RedisProcess
):
    server.start()
    publish(store, "a")
    with redis.Redis(port=server.port) as client:
        client.set("towpath:{weather}:closed", "somebody dead", px=300)
        assert store.read([("weather", [b"a"])])[0].values == [STAMP]
        assert store.put("weather", [(b"b", STAMP)]) == 1
        assert not client.exists("towpath:{weather}:closed")


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(InvalidSetting, match=r"towpath\[redis\]"):
        open_online("redis://127.0.0.1:6379/0")

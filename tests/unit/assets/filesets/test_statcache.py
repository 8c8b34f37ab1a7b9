"""The stat cache never vouches for bytes that it has not seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath.assets.filesets.listing import SourceFile, Stat
from towpath.assets.filesets.statcache import StatCache, forget_digests, is_racy
from towpath.core.digests import digest_bytes

SECRET = b"s" * 16
NOW_NS = 1_800_000_000_123_456_789
OLD = Stat(size_bytes=3, mtime_ns=NOW_NS - 10**10, ctime_ns=NOW_NS - 10**10, inode=7, device=1)


def cache_at(folder: Path) -> StatCache:
    return StatCache(folder, fileset="scans", root=Path("/raw"), secret=SECRET)


def source(stat: Stat = OLD, path: str = "p1/a.png") -> SourceFile:
    return SourceFile(path=path, location=f"/raw/{path}", stat=stat)


def test_what_was_read_need_not_be_read_again(tmp_path: Path) -> None:
    cache = cache_at(tmp_path)
    assert cache.digest_of(source()) is None
    cache.remember(source(), digest_bytes(b"one"), read_from_ns=NOW_NS)
    cache.save()
    again = cache_at(tmp_path)
    assert again.digest_of(source()) == digest_bytes(b"one")
    assert again.digest_of(source(path="p1/b.png")) is None


@pytest.mark.parametrize(
    "change",
    [
        {"size_bytes": 4},
        {"mtime_ns": OLD.mtime_ns + 1},
        {"ctime_ns": OLD.ctime_ns + 1},
        {"inode": 8},
        {"device": 2},
    ],
)
def test_any_difference_makes_it_be_read_again(tmp_path: Path, change: dict[str, int]) -> None:
    cache = cache_at(tmp_path)
    cache.remember(source(), digest_bytes(b"one"), read_from_ns=NOW_NS)
    cache.save()
    fields = {name: getattr(OLD, name) for name in Stat._fields} | change
    again = cache_at(tmp_path)
    assert again.digest_of(source(Stat(**fields))) is None
    assert again.was_other(source(Stat(**fields)))
    assert not again.was_other(source())


@pytest.mark.parametrize(
    ("age_ns", "racy"),
    [(0, True), (10_000_000, True), (25_000_000, False), (-5_000_000_000, True)],
)
def test_times_of_the_tick_in_which_it_was_read_are_racy(age_ns: int, racy: bool) -> None:
    for name in ("mtime_ns", "ctime_ns"):
        fields = {one: getattr(OLD, one) for one in Stat._fields} | {name: NOW_NS - age_ns}
        assert is_racy(Stat(**fields), read_from_ns=NOW_NS) is racy


def test_times_in_whole_seconds_need_two_of_them() -> None:
    whole = NOW_NS // 10**9 * 10**9
    coarse = Stat(size_bytes=1, mtime_ns=whole, ctime_ns=whole, inode=1, device=1)
    assert is_racy(coarse, read_from_ns=whole + 1_900_000_000)
    assert not is_racy(coarse, read_from_ns=whole + 2_000_000_000)


@given(
    tick_ns=st.sampled_from([1, 1_000_000, 4_000_000, 10_000_000, 10**9, 2 * 10**9]),
    steps=st.lists(
        st.tuples(st.integers(0, 3 * 10**9), st.sampled_from(["write", "add", "write, add"])),
        min_size=2,
        max_size=12,
    ),
)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_write_is_never_missed_whatever_the_clocks_tick(
    tmp_path: Path, tick_ns: int, steps: list[tuple[int, str]]
) -> None:
    """A file of one length, on a file system that stamps writes with the last tick."""
    for left in tmp_path.iterdir():
        left.unlink()
    now_ns, written_ns, content = NOW_NS, NOW_NS, b"0"
    for number, (wait_ns, verbs) in enumerate(steps):
        now_ns += wait_ns
        if "write" in verbs:
            content, written_ns = str(number % 10).encode(), now_ns
        if "add" in verbs:
            stamp = written_ns // tick_ns * tick_ns
            stat = Stat(size_bytes=1, mtime_ns=stamp, ctime_ns=stamp, inode=1, device=1)
            cache = cache_at(tmp_path)
            found = cache.digest_of(source(stat))
            assert found in (None, digest_bytes(content))
            if found is None:
                cache.remember(source(stat), digest_bytes(content), read_from_ns=now_ns)
            cache.save()


def test_damage_is_a_miss(tmp_path: Path) -> None:
    cache = cache_at(tmp_path)
    cache.remember(source(), digest_bytes(b"one"), read_from_ns=NOW_NS)
    cache.save()
    path = next(tmp_path.iterdir())
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:40] + b"\0" + whole[41:], b"x" * 100):
        path.write_bytes(damaged)
        assert cache_at(tmp_path).digest_of(source()) is None
    path.write_bytes(whole)
    assert cache_at(tmp_path).digest_of(source()) is not None


def test_it_names_nobody_and_forgets_on_request(tmp_path: Path) -> None:
    cache = cache_at(tmp_path)
    cache.remember(source(), digest_bytes(b"one"), read_from_ns=NOW_NS)
    cache.remember(source(path="p2/a.png"), digest_bytes(b"two"), read_from_ns=NOW_NS)
    cache.save()
    path = next(tmp_path.iterdir())
    assert b"p1" not in path.read_bytes()
    assert "raw" not in path.name
    forget_digests(tmp_path, [digest_bytes(b"one")])
    assert bytes.fromhex(digest_bytes(b"one")) not in path.read_bytes()
    assert cache_at(tmp_path).digest_of(source(path="p2/a.png")) == digest_bytes(b"two")
    forget_digests(tmp_path / "nowhere", ["00"])


def test_files_that_are_gone_are_dropped(tmp_path: Path) -> None:
    cache = cache_at(tmp_path)
    cache.remember(source(), digest_bytes(b"one"), read_from_ns=NOW_NS)
    cache.save()
    later = cache_at(tmp_path)
    later.remember(source(path="p2/a.png"), digest_bytes(b"two"), read_from_ns=NOW_NS)
    later.save()
    assert cache_at(tmp_path).digest_of(source()) is None


def test_another_secret_or_folder_knows_nothing(tmp_path: Path) -> None:
    cache = cache_at(tmp_path)
    cache.remember(source(), digest_bytes(b"one"), read_from_ns=NOW_NS)
    cache.save()
    for root, secret in (("/other", SECRET), ("/raw", b"t" * 16)):
        other = StatCache(tmp_path, fileset="scans", root=Path(root), secret=secret)
        assert other.digest_of(source()) is None

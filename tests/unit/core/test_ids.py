"""Identifiers sort by time and say their version."""

from towpath.core.ids import new_id, uuid7


def test_identifiers_sort_by_the_time_in_them():
    ids = [uuid7(unix_ms=ms).hex for ms in range(0, 10**13, 10**11)]
    assert ids == sorted(ids)


def test_the_layout_is_version_7_of_rfc_9562():
    made = uuid7(unix_ms=0x0123456789AB)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == 0x0123456789AB


def test_two_are_never_equal():
    assert len({new_id() for _ in range(1000)}) == 1000

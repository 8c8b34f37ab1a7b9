"""The segment format: golden bytes, and what is left of a file that was torn anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import IntegrityError
from towpath.operate.decisions import Decision, Label, Record, Signal, encode_frame
from towpath.operate.decisions.frames import HEADER, check_header, decode_frames

DECISION = Decision(
    decision_id="0192f0c1-0000-7000-8000-000000000001",
    at_us=1_362_096_000_000_000,
    recorded_us=1_763_712_000_000_000,
    service="board",
    release="release:production@1",
    model="model:late@1",
    arm="champion",
    key="UA-1545",
    subject="ab" * 16,
    inputs={"distance": 500.5, "carrier": "UA", "wind": None},
    outputs={"late": 0.25},
    latency_us=120,
)
LABEL = Label(
    decision_id=DECISION.decision_id, value=1.0, at_us=1_362_100_000_000_000, recorded_us=5
)
SIGNAL = Signal(
    decision_id=DECISION.decision_id,
    name="refund_eur",
    value=12.5,
    at_us=1_362_100_000_000_000,
    recorded_us=6,
)
GOLDEN = (
    "5450534547000001e3000000854d7e1edc0013a86465636973696f6ed92430313932663063312d30"
    "3030302d373030302d383030302d303030303030303030303031cf0004d6d1b03ae000cf00064416"
    "333f0000a5626f617264b472656c656173653a70726f64756374696f6e4031ac6d6f64656c3a6c61"
    "74654031a86368616d70696f6ec0c0a755412d31353435d920616261626162616261626162616261"
    "626162616261626162616261626162616283a864697374616e6365cb407f480000000000a7636172"
    "72696572a25541a477696e64c081a46c617465cb3fd0000000000000a26f6bc078cb3ff000000000"
    "0000c041000000e370d44496a56c6162656cd92430313932663063312d303030302d373030302d38"
    "3030302d303030303030303030303031cb3ff0000000000000cf0004d6d29ea6080005c04f000000"
    "2235395099a67369676e616cd92430313932663063312d303030302d373030302d383030302d3030"
    "30303030303030303031aa726566756e645f657572cb4029000000000000cf0004d6d29ea6080006"
    "c0c0c0"
)
# As it was written before decisions said with which probability they were kept.
UNSAMPLED = (
    "5450534547000001d90000009d6a5a5fdc0011a86465636973696f6ed92430313932663063312d30"
    "3030302d373030302d383030302d303030303030303030303031cf0004d6d1b03ae000cf00064416"
    "333f0000a5626f617264b472656c656173653a70726f64756374696f6e4031ac6d6f64656c3a6c61"
    "74654031a86368616d70696f6ec0c0a755412d31353435d920616261626162616261626162616261"
    "626162616261626162616261626162616283a864697374616e6365cb407f480000000000a7636172"
    "72696572a25541a477696e64c081a46c617465cb3fd0000000000000a26f6bc07841000000e370d4"
    "4496a56c6162656cd92430313932663063312d303030302d373030302d383030302d303030303030"
    "303030303031cb3ff0000000000000cf0004d6d29ea6080005c0"
)
# As it was written before labels said who they are from.
SOURCELESS = (
    "5450534547000001d90000009d6a5a5fdc0011a86465636973696f6ed92430313932663063312d30"
    "3030302d373030302d383030302d303030303030303030303031cf0004d6d1b03ae000cf00064416"
    "333f0000a5626f617264b472656c656173653a70726f64756374696f6e4031ac6d6f64656c3a6c61"
    "74654031a86368616d70696f6ec0c0a755412d31353435d920616261626162616261626162616261"
    "626162616261626162616261626162616283a864697374616e6365cb407f480000000000a7636172"
    "72696572a25541a477696e64c081a46c617465cb3fd0000000000000a26f6bc07840000000749019"
    "9595a56c6162656cd92430313932663063312d303030302d373030302d383030302d303030303030"
    "303030303031cb3ff0000000000000cf0004d6d29ea6080005"
)


def test_format_is_the_golden_one() -> None:
    data = HEADER + b"".join(map(encode_frame, (DECISION, LABEL, SIGNAL)))
    assert data.hex() == GOLDEN


@pytest.mark.parametrize(
    ("golden", "held"),
    [
        (GOLDEN, [DECISION, LABEL, SIGNAL]),
        (UNSAMPLED, [DECISION, LABEL]),
        (SOURCELESS, [DECISION, LABEL]),
    ],
)
def test_golden_file_is_read(golden: str, held: list[Record]) -> None:
    data = bytes.fromhex(golden)
    assert check_header(data)
    records, end = decode_frames(data[len(HEADER) :])
    assert records == held
    assert end == len(data) - len(HEADER)


def test_fields_that_an_older_writer_did_not_know_take_their_defaults() -> None:
    import msgspec

    fields = msgspec.msgpack.decode(encode_frame(DECISION)[8:])
    old = msgspec.msgpack.decode(msgspec.msgpack.encode(fields[:-2]), type=Decision)
    assert (old.latency_us, old.kept, old.service_version) == (120, 1.0, None)


@given(cut=st.integers(0, 400), flip=st.integers(0, 400), tail=st.binary(max_size=20))
def test_torn_or_altered_data_yields_only_whole_records(cut: int, flip: int, tail: bytes) -> None:
    frames = [encode_frame(LABEL), encode_frame(DECISION), encode_frame(LABEL)]
    whole = b"".join(frames)
    torn = bytearray(whole[: min(cut, len(whole))])
    records, end = decode_frames(torn)
    assert records == [LABEL, DECISION, LABEL][: len(records)]
    assert end == sum(map(len, frames[: len(records)]))

    altered = bytearray(whole)
    altered[flip % len(whole)] ^= 0x5A
    records, _ = decode_frames(altered)
    assert records == [LABEL, DECISION, LABEL][: len(records)]
    assert len(records) < 3

    records, end = decode_frames(whole + b"\x00" * len(tail))
    assert (records, end) == ([LABEL, DECISION, LABEL], len(whole))


def test_header_of_another_format_is_refused() -> None:
    assert not check_header(b"")
    assert not check_header(HEADER[:5])
    with pytest.raises(IntegrityError, match="header"):
        check_header(b"TPSEG\x00\x00\x02")


def test_record_of_a_newer_kind_is_not_taken_for_a_torn_one() -> None:
    import zlib
    from struct import pack

    payload = b"\x91\xa5trace"
    frame = pack("<II", len(payload), zlib.crc32(payload)) + payload
    with pytest.raises(IntegrityError, match="newer Towpath"):
        decode_frames(frame)

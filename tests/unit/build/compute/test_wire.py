from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from towpath.build.compute.wire import FrameBuffer, pack

frames = st.lists(st.dictionaries(st.text(max_size=5), st.integers(0, 9) | st.binary(), max_size=3))


@given(frames, st.data())
def test_frames_come_out_as_they_went_in_however_the_bytes_arrive(
    sent: list[dict[str, object]], data: st.DataObject
) -> None:
    stream = b"".join(pack(frame) for frame in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    buffer = FrameBuffer()

    arrived = [
        frame
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for frame in buffer.feed(stream[start:end])
    ]

    assert arrived == sent

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning import wire
from provisioning.wire import SessionEnded, WireError, encode, read_frame, write_frame

messages = st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.booleans()))


@given(st.lists(messages, max_size=4))
def test_frames_come_back_in_order(sent: list[dict[str, Any]]) -> None:
    stream = io.BytesIO()
    for message in sent:
        write_frame(stream, message)
    stream.seek(0)
    assert [read_frame(stream) for _ in sent] == sent
    with pytest.raises(SessionEnded) as end:
        read_frame(stream)
    assert end.value.clean


@given(st.data())
def test_a_frame_cut_short_is_an_unclean_end(data: st.DataObject) -> None:
    frame = encode({"op": "hello", "żółw": [1, 2]})
    cut = data.draw(st.integers(1, len(frame) - 1))
    with pytest.raises(SessionEnded) as end:
        read_frame(io.BytesIO(frame[:cut]))
    assert not end.value.clean


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"7", b"\xff\xfe"])
def test_what_is_no_object_ends_the_session(body: bytes) -> None:
    with pytest.raises(WireError):
        read_frame(io.BytesIO(struct.pack(">I", len(body)) + body))


def test_a_frame_announced_too_long_is_not_read() -> None:
    with pytest.raises(WireError):
        read_frame(io.BytesIO(struct.pack(">I", 2**32 - 1)))


def test_a_frame_too_long_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "FRAME_BYTES_MAX", 10)
    with pytest.raises(WireError):
        encode({"long": "x" * 10})

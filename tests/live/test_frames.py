"""The short way of binary messages: frames cut from a stream however it comes, everything else left as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from ide.live.frames import Splitter, encoded

LIMIT = 200_000
SIZES = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000])


def masked(opcode: Opcode, payload: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin=fin).serialize(mask=True)


@given(st.lists(SIZES, max_size=6), st.lists(st.integers(1, 70_000), max_size=8))
def test_messages_come_out_whole_wherever_the_stream_is_cut(sizes: list[int], cuts: list[int]) -> None:
    messages = [bytes(n % 251 for n in range(size)) for size in sizes]
    stream = b"".join(masked(Opcode.BINARY, message) for message in messages)
    splitter, found, at = Splitter(LIMIT), [], 0
    for cut in [*cuts, len(stream)]:
        found += splitter.split(stream[at : at + cut])
        at += cut
    assert found == [(message, True) for message in messages]


def test_other_frames_pass_untouched_and_in_order() -> None:
    ping, text = masked(Opcode.PING, b"?"), masked(Opcode.TEXT, "é".encode())
    parts = [masked(Opcode.BINARY, b"a", fin=False), masked(Opcode.PONG, b""), masked(Opcode.CONT, b"b")]
    stream = [masked(Opcode.BINARY, b"1"), ping, text, *parts, masked(Opcode.BINARY, b"2")]
    expected = [(b"1", True), (ping, False), (text, False), *((part, False) for part in parts), (b"2", True)]
    for step in (1, 3, 1000):
        splitter, whole, found = Splitter(LIMIT), b"".join(stream), []
        for at in range(0, len(whole), step):
            found += splitter.split(whole[at : at + step])
        assert found == expected


def test_a_message_over_the_limit_and_all_behind_it_is_left_to_the_server() -> None:
    splitter = Splitter(LIMIT)
    large = masked(Opcode.BINARY, bytes(LIMIT + 1))
    assert splitter.split(large[:20]) == [(large[:20], False)]
    assert splitter.split(large[20:]) == [(large[20:], False)]


def test_a_frame_without_a_mask_is_left_to_the_server() -> None:
    bare = Frame(Opcode.BINARY, b"no browser").serialize(mask=False)
    assert Splitter(LIMIT).split(bare) == [(bare, False)]


@given(st.lists(SIZES, max_size=5))
def test_what_is_sent_is_what_the_library_would_send(sizes: list[int]) -> None:
    messages = [bytes(size) for size in sizes]
    assert encoded(messages) == b"".join(Frame(Opcode.BINARY, m).serialize(mask=False) for m in messages)

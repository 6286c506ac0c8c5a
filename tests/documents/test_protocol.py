"""The codec of the wire: what it writes it reads; any bytes are a message or Malformed."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ide.documents import protocol
from ide.documents.protocol import Malformed, Presence

names = st.text(min_size=1, max_size=20).filter(lambda name: name == protocol.clean(name))


@given(st.binary(max_size=80))
@example(b"")
@example(b"\xff" * 12)
@example(b"\x01d\x00\x00\xff\xff\xff\xff\x0f")
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    try:
        message = protocol.decode(data)
    except Malformed:
        return
    assert type(message).__module__ == protocol.__name__


@given(st.binary(max_size=80))
def test_any_bytes_are_awareness_or_malformed(data: bytes) -> None:
    try:
        entries = protocol.decode_awareness(data)
    except Malformed:
        return
    assert protocol.decode_awareness(protocol.encode_awareness(entries)) == entries


@given(names, st.binary(max_size=300), st.text(max_size=50).map(protocol.clean))
def test_what_is_written_is_read(name: str, data: bytes, text: str) -> None:
    frames = {
        protocol.step_1(name, data): protocol.SyncStep1(name, data),
        protocol.step_1(name, data, reply=True): protocol.SyncStep1(name, data, True),
        protocol.step_2(name, data): protocol.SyncUpdate(name, data, True),
        protocol.update(name, data): protocol.SyncUpdate(name, data, False),
        protocol.token(name, text): protocol.Token(name, text),
        protocol.authenticated(name, False): protocol.Access(name, "readonly", ""),
        protocol.denied(name, text): protocol.Access(name, "", text),
        protocol.awareness(name, data): protocol.Awareness(name, data),
        protocol.query_awareness(name): protocol.QueryAwareness(name),
        protocol.stateless(name, text): protocol.Stateless(name, text),
        protocol.close(name, text): protocol.Close(name, text),
        protocol.sync_status(name, True): protocol.SyncStatus(name, True),
    }
    for frame, message in frames.items():
        assert protocol.decode(frame) == message


def test_a_frame_cut_anywhere_is_malformed() -> None:
    frame = protocol.update("dé😀", b"0123456789")
    for cut in range(len(frame)):
        with pytest.raises(Malformed):
            protocol.decode(frame[:cut])


def test_bare_ping_and_pong_are_told_from_named_messages() -> None:
    assert protocol.decode(protocol.PING_FRAME) == protocol.Ping()
    assert protocol.decode(protocol.PONG_FRAME) == protocol.Pong()


def test_a_session_id_behind_the_name_is_not_part_of_the_document() -> None:
    message = protocol.decode(protocol.query_awareness("d1\0tab-😀"))
    assert isinstance(message, protocol.QueryAwareness)
    assert (message.document, message.name) == ("d1", "d1\0tab-😀")


def test_awareness_entries_come_back() -> None:
    entries = [Presence(7, 1, '{"x":"😀"}'), Presence(2**50, 9, "null")]
    assert protocol.decode_awareness(protocol.encode_awareness(entries)) == entries


@pytest.mark.parametrize("value", [0, 127, 128, 16384, 2**32, 2**53 - 1])
def test_integers_of_lib0_come_back(value: int) -> None:
    assert protocol.Reader(protocol.var_uint(value)).var_uint() == value

"""What may leave in the name of a mailbox: the strict reading of headers, and Postfix' filter protocol."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.agent.adapters import mail_rows
from provisioning.agent.sender_check import server
from provisioning.agent.sender_check.names import Doubtful, Named, read_senders
from provisioning.agent.sender_check.owners import owns
from provisioning.agent.sender_check.protocol import BadPacket, Conversation, Message, length_of
from provisioning.agent.sender_check.rules import refusal
from provisioning.agent.store import Store

OWN, ALIAS, FOREIGN = "jan@koscian.test", "urzad@koscian.test", "wojt@srem.test"

GOOD = [
    "jan@koscian.test",
    "<jan@koscian.test>",
    "Jan Kowalski <jan@koscian.test>",
    "  Jan K. Kowalski\n <JAN@Koscian.test> ",
    '"Kowalski, Jan (UM)" <jan@koscian.test>',
    "=?utf-8?Q?Urz=C4=85d_Gminy?= <urzad@koscian.test>",
    "=?iso-8859-2?B?VXJ6sWQ=?=\n\t=?utf-8?Q?_Miasta?= <jan@koscian.test>",
    "Urząd Miasta Kościan <jan+wnioski@koscian.test>",
    "jan@koscian.test, Urzad <urzad@koscian.test>",
    '"jan@koscian.test" <jan@koscian.test>',
]
BAD = [
    "",
    " ",
    "wojt@srem.test",
    "Jan <wojt@srem.test>",
    "jan@koscian.test, wojt@srem.test",
    "jan@koscian.test wojt@srem.test",
    "jan@koscian.test,",
    ",jan@koscian.test",
    "jan@koscian.test,,urzad@koscian.test",
    "<jan@koscian.test> <wojt@srem.test>",
    "<jan@koscian.test>, <wojt@srem.test>",
    "Jan <jan@koscian.test> wojt@srem.test",
    "wojt@srem.test <jan@koscian.test>",
    '"wojt@srem.test" <jan@koscian.test>',
    '"wojt\\@srem.test" <jan@koscian.test>',
    "=?utf-8?Q?wojt=40srem=2Etest?= <jan@koscian.test>",
    "=?utf-8?Q?wojt?= =?utf-8?Q?=40srem.test?= <jan@koscian.test>",
    '"=?utf-8?Q?wojt=40srem.test?=" <jan@koscian.test>',
    "=?utf-8?Q?wojt=EF=BC=A0srem=2Etest?= <jan@koscian.test>",
    "wójt＠srem.test <jan@koscian.test>",
    "=?utf-8?Q?a=0D=0AFrom:_wojt?= <jan@koscian.test>",
    "=?utf-8?Q?=E2=80=AEtset.mers?= <jan@koscian.test>",
    "=?x-unknown?Q?a?= <jan@koscian.test>",
    "<=?utf-8?Q?jan=40koscian.test?=>",
    "=?utf-8?Q?jan=40koscian.test?=",
    "Urzad: jan@koscian.test;",
    "jan@koscian.test (wojt@srem.test)",
    "(wojt@srem.test) jan@koscian.test",
    "<@srem.test:jan@koscian.test>",
    '"jan"@koscian.test',
    '"jan@koscian.test, " <wojt@srem.test>',
    "jan@[192.0.2.1]",
    "jan@koscian.test\x00, wojt@srem.test",
    "jan@koscian.test\x0bwojt@srem.test",
    "jan@koscian.test@srem.test",
    "jan%srem.test@koscian.test",
    "srem.test!jan@koscian.test",
    "<jan@koscian.test",
    "jan@koscian.test>",
    "<jan @koscian.test>",
    "jan@koscian.test.",
    "jan@kościan.test",
    "<>",
    "jan",
    "x" * 9000 + " <jan@koscian.test>",
]


@pytest.mark.parametrize("value", GOOD)
def test_ones_own_name_goes_through(value: str) -> None:
    assert refuse(("From", value)) == ""


@pytest.mark.parametrize("value", BAD)
def test_another_name_and_what_is_doubtful_do_not(value: str) -> None:
    assert refuse(("From", value)).startswith("550 5.7.1 ")
    assert refuse(("From", OWN), ("Sender", value)).startswith("550 5.7.1 ")
    assert refuse(("From", OWN), ("resent-from", value)).startswith("550 5.7.1 ")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Subject", "no sender")],
        [("From", OWN), ("From", OWN)],
        [("From", OWN), ("FROM ", OWN)],
        [("From", OWN), ("fr\x01om", FOREIGN)],
        [("From", OWN), ("from:", FOREIGN)],
        [("From", OWN), ("Sender", OWN), ("sender", OWN)],
        [("From", OWN), ("Resent-Sender", OWN), ("Resent-Sender", FOREIGN)],
        [("From", OWN), ("Subject", "x\rFrom: wojt@srem.test")],
        [("X-From", OWN)],
    ],
)
def test_there_is_one_from_and_nothing_hides_another(headers: list[tuple[str, str]]) -> None:
    assert refuse(*headers).startswith("550 5.7.1 ")


def test_the_envelope_and_the_sign_in_count_too() -> None:
    own = [(b"From", OWN.encode())]
    assert refusal(Message(OWN, "", own), knows) == ""
    assert refusal(Message(OWN, "Jan+x@koscian.test", own), knows) == ""
    assert refusal(Message(OWN, FOREIGN, own), knows).endswith("MAIL FROM")
    assert refusal(Message(OWN, "@srem.test", own), knows).endswith("MAIL FROM")
    assert refusal(Message("", OWN, own), knows).endswith("nobody signed in")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='jan@kosci.te<>",:;()\\ =?\r\n\t\x00', max_size=60).map(str.encode))
def test_whatever_is_read_is_said_in_the_value_or_doubtful(value: bytes) -> None:
    try:
        named = read_senders(value)
    except Doubtful:
        return
    assert named.addresses
    assert all(address.encode() in value.lower() for address in named.addresses)


@pytest.mark.parametrize("value", ["a" * 8000, " \t" * 4000, '"' * 8000, "a@" * 4000, "a.-" * 2600 + "@", ",<" * 4000])
def test_no_value_takes_long_to_read(value: str) -> None:
    begun = time.thread_time()
    with pytest.raises(Doubtful):
        read_senders(value.encode())
    assert time.thread_time() - begun < 0.5


def test_several_addresses_and_those_in_names_are_told_apart() -> None:
    assert read_senders(b'A <a@x.test>, "b@y.test b" <b@x.test>') == Named(("a@x.test", "b@x.test"), ("b@y.test",))


def test_postfix_is_answered_and_told_why() -> None:
    talk = Conversation(lambda message: refusal(message, knows))
    offered = talk.answer(b"O" + bytes.fromhex("00000006 000001ff 001fffff"))
    assert offered == bytes.fromhex("0000000d 4f 00000006 00000000 0010039b")
    assert submit(talk, OWN, ("From", OWN)) == b"\0\0\0\x01c"
    assert submit(talk, OWN, ("From", " wojt@srem.test")).startswith(b"\0\0\0")
    assert b"y550 5.7.1 " in submit(talk, OWN, ("From", FOREIGN))
    assert b"nobody signed in" in submit(talk, "", ("From", OWN)), "nothing is left over from the message before"
    assert talk.answer(b"E") == b"\0\0\0\x01c"
    assert (talk.answer(b"A"), talk.answer(b"Q"), talk.ended) == (b"", b"", True)


def test_a_message_without_an_end_of_headers_is_judged_at_its_end() -> None:
    talk = Conversation(lambda message: refusal(message, knows))
    assert talk.answer(b"M<jan@koscian.test>\0") == b"\0\0\0\x01c"
    assert b"y550" in talk.answer(b"E")


@pytest.mark.parametrize("packet", [b"", b"X", b"N", b"E", b"Lno message\0x\0", b"O123"])
def test_what_is_no_protocol_ends_the_connection(packet: bytes) -> None:
    with pytest.raises(BadPacket):
        Conversation(lambda _message: "").answer(packet)
    with pytest.raises(BadPacket):
        length_of(b"\xff\xff\xff\xff")


def test_the_rows_tell_whose_an_address_is_and_without_them_a_message_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mail.sqlite"
    store = Store(path, schema=[mail_rows.SCHEMA], create=True)
    store.connection.execute("INSERT INTO mailbox VALUES ('1', 1, ?, 'open', NULL, 1, 'koscian.test')", (OWN,))
    store.connection.execute("INSERT INTO alias VALUES ('2', 1, ?, ?, 'koscian.test')", (ALIAS, OWN))
    assert [owns(OWN, address, database=path) for address in (OWN, ALIAS, FOREIGN)] == [True, True, False]
    assert [owns(ALIAS, address, database=path) for address in (OWN, ALIAS)] == [False, False]
    store.close()

    def fail(_login: str, _address: str) -> bool:
        raise sqlite3.OperationalError

    monkeypatch.setattr(server, "owns", fail)
    assert server.judge(Message(OWN, "", [(b"From", OWN.encode())])).startswith("451 4.7.1 ")


def refuse(*headers: tuple[str, str]) -> str:
    return refusal(Message(OWN, OWN, [(name.encode(), value.encode()) for name, value in headers]), knows)


def knows(login: str, address: str) -> bool:
    return login == OWN and address in (OWN, ALIAS)


def submit(talk: Conversation, login: str, *headers: tuple[str, str]) -> bytes:
    macros = b"M{auth_authen}\0" + login.encode() + b"\0" if login else b"M{mail_addr}\0x\0"
    assert talk.answer(b"D" + macros) == b""
    assert talk.answer(b"M<jan@koscian.test>\0SIZE=10\0") == b"\0\0\0\x01c"
    for name, value in headers:
        assert talk.answer(b"L" + name.encode() + b"\0" + value.encode() + b"\0") == b""
    return talk.answer(b"N")

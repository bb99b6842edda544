"""What the world sees of a mail node: whether it takes mail for an address, and who can sign in."""

from __future__ import annotations

import json
import smtplib
import uuid
from collections.abc import Collection, Iterator, Sequence

from tests.faults.host import Host

AT_ONCE = 4
"""Postfix slows down who names more than ten strangers in one session (smtpd_soft_error_limit)."""

_SIGN_IN = """
import base64, json, random, socket, ssl, sys
from concurrent.futures import ThreadPoolExecutor

def attempt(pair):
    address, password = pair
    source = f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"
    plain = socket.create_connection(("127.0.0.1", 993), source_address=(source, 0), timeout=90)
    with ssl._create_unverified_context().wrap_socket(plain) as stream:
        stream.recv(4096)
        words = f"\\0{address}\\0{password}".encode()
        stream.sendall(b"a AUTHENTICATE PLAIN " + base64.b64encode(words) + b"\\r\\n")
        answer = stream.recv(4096)
        while b"a " not in answer:
            answer += stream.recv(4096)
        return answer.split(b"a ")[-1].startswith(b"OK")

with ThreadPoolExecutor(8) as pool:
    print(json.dumps(list(pool.map(attempt, json.load(sys.stdin)))))
"""


def rcpt(address: str, recipients: Collection[str]) -> dict[str, int]:
    """What the node at ``address`` answers to a stranger who has mail for each of ``recipients``."""
    answers = {}
    for some in _parts(sorted(recipients)):
        with smtplib.SMTP(address, timeout=90) as client:
            client.ehlo("outside.example")
            client.mail("somebody@outside.example")
            for one in some:
                # Postfix remembers for a while where the address it looked at last would go: let that be another.
                client.rcpt(f"nobody-{uuid.uuid4().hex}@{one.partition('@')[2]}")
                answers[one] = client.rcpt(one)[0]
    return answers


def sign_in(host: Host, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bool]:
    """Whether each address can sign in by IMAP with each password.

    From the node itself and each from an address of its own: wrong passwords slow down all who come from the same one.
    """
    if not pairs:
        return {}
    verdicts = host.run("python3", "-c", _SIGN_IN, stdin=json.dumps(pairs).encode())
    return dict(zip(pairs, json.loads(verdicts), strict=True))


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]

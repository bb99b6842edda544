"""What each door of a mail node answers about one mailbox: the table of docs/explanation/grades.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from provisioning.resources import Grade


class Row(NamedTuple):
    """One line of the table: what each door answers."""

    rcpt: str
    alias: str
    lmtp: str
    sends: str
    signs_in_to_send: str
    reads: str


AS_EVER = Row("250", "250", "250", "250", "235", "OK")


def table(notice: str) -> dict[Grade, Row]:
    """What must be found in the answers, by grade; ``notice`` is what those are told whom it stops."""
    stopped, kept_out = "550 5.7.1 .* Sending is stopped: " + notice, "Sign-in is stopped: " + notice
    return {
        "": AS_EVER,
        "no_send": AS_EVER._replace(sends=stopped),
        "no_login": AS_EVER._replace(sends="", signs_in_to_send="535", reads=kept_out),
        "closed": Row("550 5.2.1", "550 5.2.1", "550", "", "535", kept_out),
    }


def ask_doors(run: Callable[..., str], address: str, alias: str, password: str) -> Row:
    """Ask each door; ``run`` runs a command on the node and returns what it said."""
    return Row(*run("python3", "-c", _ASK, address, alias, password).splitlines())


_ASK = """
import base64, imaplib, random, smtplib, socket, ssl, sys
box, alias, password = sys.argv[1:]
context = ssl._create_unverified_context()
source = (f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}", 0)

def rcpt(client, sender, to):
    client.mail(sender)
    code, text = client.rcpt(to)
    client.rset()
    return f"{code} {text.decode()}"

def told(text):
    print(" ".join(text.split()))

with smtplib.SMTP("127.0.0.1", 25, "outside.example") as client:
    client.ehlo()
    told(rcpt(client, "somebody@outside.example", box))
    told(rcpt(client, "somebody@outside.example", alias))
lmtp = smtplib.LMTP("/var/spool/postfix/private/dovecot-lmtp")
lmtp.ehlo("here")
told(rcpt(lmtp, "somebody@outside.example", box))
with smtplib.SMTP("127.0.0.1", 587, "holder.example", source_address=source) as client:
    client.starttls(context=context)
    client.ehlo()
    words = base64.b64encode(f"\\0{box}\\0{password}".encode()).decode()
    code, text = client.docmd("AUTH", f"PLAIN {words}")
    told(rcpt(client, box, alias) if code == 235 else "")
    told(f"{code} {text.decode()}")
plain = socket.create_connection(("127.0.0.1", 993), source_address=source)
with context.wrap_socket(plain) as stream:
    stream.recv(4096)
    stream.sendall(b"a AUTHENTICATE PLAIN " + words.encode() + b"\\r\\n")
    told(stream.recv(4096).decode())
"""

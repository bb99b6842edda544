"""What Postfix' maps should hold, worked out of the rows.

``domains``, ``mailboxes`` and ``aliases`` say what mail is taken; the others follow from mailboxes and aliases:
who sends as whom (``senders``), who may send nothing and is told why (``stopped``, by login), and which addresses take
nothing (``closed``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from provisioning.agent.store import Transaction

MAPS = ("domains", "mailboxes", "aliases", "senders", "stopped", "closed")
FOLLOWING = ("senders", "stopped", "closed")
"""The maps whose rows follow from more than one resource."""

_PLAIN_LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789@._-"
_PLAIN = re.compile(r"[a-z0-9][a-z0-9@._-]*")
_REPLY = re.compile(r"5[0-9]{2} [!-~](?:[ -~]*[!-~])?")

# Replies of SMTP are ASCII; both languages, since the program that shows them has its own. RFC 3463: 5.7.1 is delivery
# not authorized, 5.2.1 is mailbox disabled.
STOPPED_WORDS = "550 5.7.1 Wysylanie wstrzymane / Sending is stopped"
CLOSED_WORDS = "550 5.2.1 Skrzynka zamknieta / Mailbox closed"

# Who may send as an address: the holder of an open mailbox that no grade stops, from its own address and from aliases
# that lead to it.
_SENDS = "login = 'open' AND mailbox.id NOT IN (SELECT id FROM mailbox_grade)"
_BY_ALIAS = f"SELECT alias.address, target, target FROM alias JOIN mailbox ON mailbox.address = target AND {_SENDS}"
_STOPPED = (
    f"SELECT address, '{STOPPED_WORDS}' || CASE notice WHEN '' THEN '' ELSE ': ' || notice END, address"
    " FROM mailbox_grade JOIN mailbox ON mailbox.id = mailbox_grade.id"
)
_CLOSED = (
    f"SELECT address, '{CLOSED_WORDS}', address"
    " FROM mailbox_grade JOIN mailbox ON mailbox.id = mailbox_grade.id WHERE grade = 'closed'"
)
_CLOSED_BY_ALIAS = (
    f"SELECT alias.address, '{CLOSED_WORDS}', target FROM mailbox_grade JOIN mailbox ON mailbox.id = mailbox_grade.id"
    " JOIN alias ON target = mailbox.address WHERE grade = 'closed'"
)
_AMONG = "(SELECT value FROM json_each(?1))"
_FOLLOWING_AMONG = {
    "senders": f"SELECT address, address, address FROM mailbox WHERE {_SENDS} AND address IN {_AMONG}"
    f" UNION {_BY_ALIAS} WHERE alias.address IN {_AMONG} UNION {_BY_ALIAS} WHERE target IN {_AMONG}",
    "stopped": f"{_STOPPED} WHERE address IN {_AMONG}",
    "closed": f"{_CLOSED} AND address IN {_AMONG} UNION {_CLOSED_BY_ALIAS} AND alias.address IN {_AMONG}"
    f" UNION {_CLOSED_BY_ALIAS} AND target IN {_AMONG}",
}
_ENTRIES = {
    "mailboxes": "SELECT address, address FROM mailbox",
    "aliases": "SELECT address, target FROM alias",
    "senders": f"SELECT address, address FROM mailbox WHERE {_SENDS} UNION ALL"
    f" SELECT alias.address, target FROM alias JOIN mailbox ON mailbox.address = target AND {_SENDS}",
    "stopped": f"SELECT * FROM ({_STOPPED})",
    "closed": f"{_CLOSED} UNION ALL {_CLOSED_BY_ALIAS}",
    "domains": "SELECT name, 'x' FROM mail_domain",
}
_LINES = "SELECT group_concat(key || char(9) || value || char(10), '') FROM"
_ENTRY_LINES = {
    "mailboxes": "SELECT group_concat(key || char(9) || key || char(10), '') FROM"
    " (SELECT address AS key FROM mailbox ORDER BY 1)",
    "aliases": f"{_LINES} (SELECT address AS key, target AS value FROM alias ORDER BY 1)",
    # Those who may not send are few: leaving them out of an index costs a third of looking each one up.
    "senders": f"{_LINES} (SELECT address AS key, address AS value FROM mailbox"
    " WHERE address NOT IN (SELECT address FROM mailbox WHERE login <> 'open')"
    " AND address NOT IN (SELECT address FROM mailbox_grade JOIN mailbox ON mailbox.id = mailbox_grade.id) UNION ALL"
    f" SELECT alias.address, target FROM alias JOIN mailbox ON mailbox.address = target AND {_SENDS} ORDER BY 1)",
    "stopped": f"WITH entry (key, value, holder) AS ({_STOPPED}) {_LINES} (SELECT key, value FROM entry ORDER BY 1)",
    "closed": f"WITH entry (key, value, holder) AS ({_CLOSED} UNION ALL {_CLOSED_BY_ALIAS})"
    f" {_LINES} (SELECT key, value FROM entry ORDER BY 1)",
    "domains": f"{_LINES} (SELECT name AS key, 'x' AS value FROM mail_domain ORDER BY 1)",
}


class Following(NamedTuple):
    """A row of a map that follows from others: its value, and the address of the mailbox it stands for."""

    value: str
    holder: str


def entries(tx: Transaction, map_name: str) -> dict[str, str]:
    """Return all that a map should hold.

    What could be no row of a map is left out: somebody wrote it by hand, and it must not keep the others from being
    served.
    """
    found: dict[Any, Any] = {row[0]: row[1] for row in tx.connection.execute(_ENTRIES[map_name])}
    if _are_plain([*found, *found.values()]):
        return found
    return {key: value for key, value in found.items() if is_plain(key) and (is_plain(value) or _is_reply(value))}


def entry_lines(tx: Transaction, map_name: str) -> str:
    """Return all rows as a map's would be printed by postmap: key, tab, value, one a line, in the order of the keys.

    Also of what could be no row of a map. One text made by SQLite: a tenth of the time that single rows take.
    """
    text = tx.connection.execute(_ENTRY_LINES[map_name]).fetchone()[0]
    return text or ""


def following_among(tx: Transaction, map_name: str, addresses: Collection[str]) -> dict[str, Following]:
    """Return what a map of FOLLOWING should hold of these addresses and of the aliases that lead to them."""
    rows = tx.connection.execute(_FOLLOWING_AMONG[map_name], (json.dumps(list(addresses)),)) if addresses else ()
    return {key: Following(value, holder) for key, value, holder in rows}


def queued_for(tx: Transaction, map_name: str) -> set[str]:
    """Name the keys of a map for which something is still to do."""
    return {key for (key,) in tx.connection.execute("SELECT subject FROM todo WHERE what = ?", (map_name,))}


def is_plain(name: object) -> bool:
    """Tell whether a name could be a row of a map; one that somebody wrote by hand need not."""
    return isinstance(name, str) and _PLAIN.fullmatch(name) is not None


def _is_reply(value: object) -> bool:
    return isinstance(value, str) and _REPLY.fullmatch(value) is not None


def _are_plain(names: Iterable[Any]) -> bool:
    """Tell the same of many, in one go: no character is left when the plain ones are taken out."""
    try:
        return not "".join(names).encode().translate(None, _PLAIN_LETTERS)
    except TypeError:
        return False

"""The probe's short-lived login and its one-time tokens, in the rows that Dovecot and its Sieve rule read."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Mapping
from typing import Any

from provisioning.agent.store import Transaction
from provisioning.resources import InvalidResource, check_id, check_token

TOKEN_SECONDS = 900
MASTER_SECONDS_MAX = 24 * 3600
TOKENS_MAX = 10_000
NETWORKS_MAX = 8
LOGINS_MAX = 64
_ADD_LOGIN = "INSERT OR REPLACE INTO probe_login (digest, network, expires_at) VALUES (?, ?, ?)"
_FORGET_LOGINS = "DELETE FROM probe_login WHERE expires_at <= ? OR number <= (SELECT max(number) FROM probe_login) - ?"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def write_watch(tx: Transaction, watch: Mapping[str, Any]) -> None:
    """Write the master login, if one is given, and the tokens; forget those that expired. Raises InvalidResource."""
    now = int(time.time())
    tx.connection.execute("DELETE FROM probe_token WHERE expires_at <= ?", (now,))
    tokens = watch.get("tokens", [])
    if not isinstance(tokens, list) or len(tokens) > TOKENS_MAX:
        raise InvalidResource("tokens", "type")
    rows = [(*_token(entry), now + TOKEN_SECONDS) for entry in tokens]
    tx.connection.executemany("INSERT OR REPLACE INTO probe_token VALUES (?, ?, ?)", rows)
    if watch.get("master") is not None:
        tx.connection.execute(_ADD_LOGIN, _master(watch["master"], now))
        # Each worker, and each of its batches, may have its own; those that are no more do not pile up.
        tx.connection.execute(_FORGET_LOGINS, (now, LOGINS_MAX))


def _token(entry: object) -> tuple[str, str]:
    return check_id(_field(entry, "mailbox_id"), field="mailbox_id"), check_token(_field(entry, "token"))


def _master(master: object, now: int) -> tuple[str, str, int]:
    digest, network, seconds = (_field(master, name) for name in ("digest", "network", "seconds"))
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise InvalidResource("digest", "syntax")
    if type(seconds) is not int or not 1 <= seconds <= MASTER_SECONDS_MAX:
        raise InvalidResource("seconds", "range")
    return digest, _check_networks(network), now + seconds


def _check_networks(text: object) -> str:
    """Return the networks in Dovecot's form of ``allow_nets``."""
    parts = text.split(",") if isinstance(text, str) else []
    if not 1 <= len(parts) <= NETWORKS_MAX:
        raise InvalidResource("network", "syntax")
    try:
        return ",".join(str(ipaddress.ip_network(part.strip())) for part in parts)
    except ValueError:
        raise InvalidResource("network", "syntax") from None


def _field(body: object, name: str) -> Any:
    if not isinstance(body, dict) or name not in body:
        raise InvalidResource(name, "missing")
    return body[name]

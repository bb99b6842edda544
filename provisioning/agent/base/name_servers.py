"""Which name servers there are, and the key by which they know each other: what every one of them is set up with."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any

# The host part of a node's name; it stands in the catalog's name and in the names of settings.
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SERVERS_MAX = 32
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class NameServer:
    """A node that serves zones, and where the others reach it."""

    name: str
    address: str

    @property
    def catalog(self) -> str:
        """The catalog zone of this primary (RFC 9432), below a name that can never be anybody's (RFC 2606 2)."""
        return f"catalog.{self.name}.cis.invalid"


@dataclass(frozen=True, slots=True)
class NameServers:
    """All of them. ``own`` is the node that is set up; ``key`` the secret of their TSIG key, base64."""

    own: str
    key: str = field(repr=False)
    primaries: tuple[NameServer, ...]
    secondaries: tuple[NameServer, ...]

    @property
    def myself(self) -> NameServer:
        """The node that is set up."""
        return next(one for one in (*self.primaries, *self.secondaries) if one.name == self.own)


def read_name_servers(body: Any) -> NameServers:
    """Check every part. Raises ValueError, KeyError, TypeError, whose texts hold no secret."""
    primaries, secondaries = (_read_servers(body[part]) for part in ("primaries", "secondaries"))
    names = [one.name for one in (*primaries, *secondaries)]
    if len(set(names)) != len(names):
        raise ValueError("name_servers: a name stands there twice")
    if body["own"] not in names:
        raise ValueError("name_servers: own")
    return NameServers(body["own"], _read_key(body["key"]), primaries, secondaries)


def _read_servers(listed: Any) -> tuple[NameServer, ...]:
    if not isinstance(listed, list) or len(listed) > _SERVERS_MAX:
        raise ValueError("name_servers: at most 32 of a kind")
    return tuple(sorted((_read_server(one) for one in listed), key=lambda one: one.name))


def _read_server(one: Any) -> NameServer:
    name, address = one["name"], ipaddress.ip_address(one["address"])
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("name_servers: name")
    if address.is_loopback or address.is_multicast or address.is_unspecified or getattr(address, "scope_id", None):
        raise ValueError(f"name_servers: {address} is no address of a server")
    return NameServer(name, str(address))


def _read_key(key: Any) -> str:
    try:
        octets = base64.b64decode(key, validate=True)
    except (binascii.Error, TypeError, ValueError):
        octets = b""
    if len(octets) != _KEY_BYTES:
        raise ValueError(f"name_servers: the key is not base64 of {_KEY_BYTES} octets")
    return base64.b64encode(octets).decode()

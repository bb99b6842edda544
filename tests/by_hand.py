"""Zones put on a primary by hand, past panel and agent, as an administrator would: for tests of what set-up made."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from provisioning.probes.dns import Ask, ZoneSeen, look
from provisioning.record_sets import RecordSet
from tests.nodes import NameServers

SECONDS = 60.0
NS = RecordSet("@", "NS", 3600, ("ns1.lab.test.", "ns2.lab.test."))
_START = "@ 3600 SOA ns1.lab.test. hostmaster.lab.test. 1 3600 900 1209600 300\n"


@contextmanager
def zones(servers: NameServers, *names: str, template: str, sets: tuple[RecordSet, ...] = ()) -> Iterator[None]:
    """Zones with this content on the primary, taken away in the end."""
    _put(servers, names, sets)
    _configure(
        servers, [f"conf-set 'zone[{name}]{rest}'" for name in names for rest in ("", f".template' '{template}")]
    )
    yield
    _configure(servers, [f"conf-unset 'zone[{name}]'" for name in names])
    servers.on(servers.primary, "sh", "-c", "knotc -f zone-purge $* > /dev/null; rm -f /var/lib/cis/zones/*", *names)


def write(servers: NameServers, name: str, *sets: RecordSet) -> None:
    """Give a zone another content, its NS besides."""
    _put(servers, [name], sets)
    servers.on(servers.primary, "knotc", "-b", "zone-reload", name)


def found(servers: NameServers, *asks: Ask, seconds: float = SECONDS) -> dict[str, ZoneSeen]:
    """What both servers answer as soon as it is as asked, or after so long."""
    return look(servers.servers, asks, until=time.monotonic() + seconds)


def all_seen(servers: NameServers, *asks: Ask) -> bool:
    """Whether both servers came to answer all this."""
    answers = found(servers, *asks)
    wrong = {name: seen for name, seen in answers.items() if not seen.ok}
    assert not wrong
    return len(answers) == len(asks)


def _put(servers: NameServers, names: tuple[str, ...] | list[str], sets: tuple[RecordSet, ...]) -> None:
    lines = [f"{one.name} {one.ttl} {one.type} {value}\n" for one in (NS, *sets) for value in one.values]
    script = "umask 022; cat > /tmp/zone; for name; do cp /tmp/zone /var/lib/cis/zones/$name.zone; done"
    servers.on(servers.primary, "sh", "-c", script, "sh", *names, stdin=(_START + "".join(lines)).encode())


def _configure(servers: NameServers, commands: list[str]) -> None:
    script = "\n".join(
        ["set -e", "knotc conf-begin", *(f"knotc {command}" for command in commands), "knotc conf-commit"]
    )
    servers.on(servers.primary, "sh", "-c", f"({script}) > /tmp/said 2>&1 || {{ cat /tmp/said >&2; exit 1; }}")

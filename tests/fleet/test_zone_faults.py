"""Zones while name servers break: what is missing is named meanwhile, and nothing of it is left when they are well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from panel.dns import actions, looking
from panel.dns.models import Zone
from panel.kernel.access import SYSTEM
from tests.fleet.zones import Walk

BIND = "/usr/bin/install -d -o root -g bind -m 0775 /run/named; /usr/sbin/named -u bind"
BLOCKED = """
table inet cis-fault {
    chain in { type filter hook input priority -5; tcp dport 53 ip saddr SECONDARY drop; }
    chain out { type filter hook output priority -5; tcp dport 53 ip daddr SECONDARY drop; }
}
"""


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LOOK_SECONDS", 1.0)


def test_a_secondary_that_is_down_is_named_and_catches_up(walk: Walk) -> None:
    zone = _unsigned(walk, "smigiel.example")
    with _secondary_down(walk):
        new = _make(walk, "czempin.example")
        _changed_in_vain(walk, zone)
    walk.settle(zone, "active")
    walk.settle(new, "active")
    _gone(walk, zone, new)


def test_a_transfer_that_is_blocked_is_told_and_goes_on_when_it_may(walk: Walk) -> None:
    zone = _unsigned(walk, "krzywin.example")
    with _transfers_blocked(walk):
        serial = zone.serial
        _changed_in_vain(walk, zone)
        assert f"serial {serial}, the primary has" in (zone.problem_message or "")
    walk.settle(zone, "active")
    _gone(walk, zone)


def _make(walk: Walk, name: str) -> Zone:
    make = partial(actions.create_zone, SYSTEM, member_id=walk.world.koscian.id, dnssec=False, accept_warnings=True)
    return make(name=name).zone


def _unsigned(walk: Walk, name: str) -> Zone:
    return walk.settle(_make(walk, name), "active")


def _changed_in_vain(walk: Walk, zone: Zone) -> None:
    actions.put_set(SYSTEM, zone_id=zone.id, name="www", type="A", values=["192.0.2.1"])
    walk.work()
    assert (zone.state, zone.problem_code) == ("failed", "not_seen_secondary_behind")
    assert "ns2" in (zone.problem_message or "")


def _gone(walk: Walk, *zones: Zone) -> None:
    for zone in zones:
        actions.remove_zone(SYSTEM, zone_id=zone.id)
    for zone in zones:
        walk.settle(zone, "removed")


@contextmanager
def _secondary_down(walk: Walk) -> Iterator[None]:
    """BIND is not there meanwhile."""
    walk.servers.on(
        walk.servers.secondary, "sh", "-c", "rndc stop; while pgrep -x named >/dev/null; do sleep 0.02; done"
    )
    try:
        yield
    finally:
        walk.servers.on(walk.servers.secondary, "sh", "-c", f"{{ {BIND}; }} >/dev/null 2>&1 </dev/null")


@contextmanager
def _transfers_blocked(walk: Walk) -> Iterator[None]:
    """Something between the servers lets no TCP through; what is asked from elsewhere is answered."""
    servers = walk.servers
    rules = BLOCKED.replace("SECONDARY", servers.secondary.state.address)
    servers.on(servers.primary, "nft", "-f", "-", stdin=rules.encode())
    try:
        yield
    finally:
        servers.on(servers.primary, "nft", "delete", "table", "inet", "cis-fault")

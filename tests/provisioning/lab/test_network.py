"""A lab takes a network that nobody uses."""

from __future__ import annotations

import ipaddress

import pytest

from provisioning.lab import LabError, network


def test_the_same_lab_is_given_the_same_network(no_routes: None) -> None:
    assert network.choose_subnet("0a1b2c3d", []) == network.choose_subnet("0a1b2c3d", [])


def test_a_network_of_another_lab_is_passed_over(no_routes: None) -> None:
    first = network.choose_subnet("0a1b2c3d", [])

    assert network.choose_subnet("0a1b2c3d", [first]) != first


def test_a_network_within_a_route_of_this_machine_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    half = ipaddress.IPv4Network("10.64.0.0/11")
    monkeypatch.setattr(network, "_routes", lambda: [half])

    chosen = [ipaddress.IPv4Network(network.choose_subnet(f"{number:08x}", [])) for number in range(16)]

    assert not any(half.overlaps(net) for net in chosen)


def test_a_full_pool_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_routes", lambda: [network.POOL])

    with pytest.raises(LabError, match="No free network"):
        network.choose_subnet("0a1b2c3d", [])


@pytest.fixture
def no_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_routes", list)

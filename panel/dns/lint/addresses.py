"""Addresses that nobody outside can reach."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from panel.dns.lint.remarks import Finds, Found
from panel.dns.lint.view import View

_LOCALHOST = "localhost"
_DOCUMENTATION = [*map(ip_network, "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32".split())]


def private(view: View) -> Finds:
    """A public zone tells addresses that everybody can reach (RFC 1918, 4193, 6598); those of our servers are ours.

    Addresses of documentation (RFC 5737, 3849) pass: they mislead nobody, and trials are full of them.
    """
    for one in view.sets("A", "AAAA"):
        for value in one.values:
            address = ip_address(value)
            if value in view.around.own_addresses or one.name.split(".")[0] == _LOCALHOST:
                continue
            if _is_unusable(address):
                yield Found("address_unusable", one.name, one.type, {"address": value})
            elif _is_private(address):
                yield Found("address_private", one.name, one.type, {"address": value})


def _is_unusable(address: IPv4Address | IPv6Address) -> bool:
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    return mapped or any((address.is_loopback, address.is_unspecified, address.is_multicast, address.is_reserved))


def _is_private(address: IPv4Address | IPv6Address) -> bool:
    return not address.is_global and not any(address in network for network in _DOCUMENTATION)


RULES = (private,)

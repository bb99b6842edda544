"""Names of addresses: which zone holds the name of an address, and which addresses a zone holds.

in-addr.arpa (RFC 1035 3.5), ip6.arpa by nibbles (RFC 3596 2.5), and delegations of parts of a /24 (RFC 2317).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from panel.kernel.errors import Invalid
from provisioning.record_sets import RecordSet, in_order

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

IPV4, IPV6 = ".in-addr.arpa", ".ip6.arpa"
TTL = 3_600
ZONES_MAX = 256

_PART = re.compile(r"([0-9]{1,3})([/-])([0-9]{1,3})\.([0-9.]+)")
_NIBBLES = re.compile(r"[0-9a-f](?:\.[0-9a-f]){0,31}")


def pointer_name(address: str | Address) -> str:
    """The name of an address, without final dot. Raises ValueError."""
    return ipaddress.ip_address(address).reverse_pointer


def network_of(zone: str) -> Network | None:
    """The addresses whose names lie in zone ``zone``; None where it is no reverse zone."""
    if zone.endswith(IPV6):
        return _network6(zone.removesuffix(IPV6))
    if not zone.endswith(IPV4):
        return None
    inner = zone.removesuffix(IPV4)
    part = _PART.fullmatch(inner)
    return _network4(inner) if part is None else _part(int(part[1]), part[2], int(part[3]), part[4])


def zones_of(network: str) -> list[str]:
    """The zones that together hold the names of a network, for example ``192.0.2.0/24``.

    Parts of a /24 have one zone as RFC 2317 names it; what ends between two labels has several. Raises Invalid
    ``network_bad``, ``network_large``.
    """
    try:
        whole: Network = ipaddress.ip_network(network.strip())
    except ValueError:
        raise Invalid("network_bad", field="network") from None
    step = 8 if whole.version == 4 else 4
    if whole.prefixlen == 0:
        raise Invalid("network_large", field="network")
    if whole.version == 4 and 24 < whole.prefixlen < 32:
        octets = str(whole.network_address).split(".")
        return [f"{octets[3]}/{whole.prefixlen}.{octets[2]}.{octets[1]}.{octets[0]}{IPV4}"]
    length = -(-whole.prefixlen // step) * step
    if 2 ** (length - whole.prefixlen) > ZONES_MAX:
        raise Invalid("network_large", field="network")
    labels = length // step
    return [
        ".".join(one.network_address.reverse_pointer.split(".")[-labels - 2 :])
        for one in whole.subnets(new_prefix=length)
    ]


def name_in(zone: str, address: str | Address) -> str | None:
    """The name of an address relative to reverse zone ``zone``; None where it does not lie in it."""
    found, network = ipaddress.ip_address(address), network_of(zone)
    if network is None or found.version != network.version or found not in network:
        return None
    name = found.reverse_pointer
    if not name.endswith(f".{zone}"):  # RFC 2317: the parent's alias leads here, by the address's last octet
        return "@" if name == zone else str(found).rpartition(".")[2]
    return name.removesuffix(f".{zone}")


def names_towards(address: str | Address) -> list[str]:
    """The name of an address, and those of all zones of parts of its /24 in which it may lie."""
    found = ipaddress.ip_address(address)
    name = found.reverse_pointer
    if found.version == 6:
        return [name]
    last, above = int(found) & 255, name.partition(".")[2]
    names = [name]
    for length in range(25, 32):
        size = 2 ** (32 - length)
        first = last - last % size
        names += [f"{first}/{length}.{above}", f"{first}-{length}.{above}", f"{first}-{first + size - 1}.{above}"]
    return names


def delegation(zone: str, part: str, servers: Sequence[str]) -> tuple[RecordSet, ...]:
    """What zone ``zone`` of a /24 holds so that ``part`` of it is somebody else's zone (RFC 2317 4).

    The part's name servers (absolute, with final dot), and an alias for each of its addresses. Raises Invalid
    ``network_bad``.
    """
    network = network_of(part)
    if network is None or not part.endswith(f".{zone}") or not 24 < network.prefixlen < 32:
        raise Invalid("network_bad", field="name")
    label = part.removesuffix(f".{zone}")
    aliases = (str(one).rpartition(".")[2] for one in network)
    return in_order(
        [
            RecordSet(label, "NS", TTL, tuple(sorted(servers))),
            *(RecordSet(one, "CNAME", TTL, (f"{one}.{part}.",)) for one in aliases),
        ]
    )


def _network4(inner: str) -> Network | None:
    octets = [*reversed(inner.split("."))]
    if len(octets) > 4 or not all(one.isdecimal() and str(int(one)) == one and int(one) < 256 for one in octets):
        return None
    return ipaddress.ip_network((".".join([*octets, *["0"] * (4 - len(octets))]), 8 * len(octets)))


def _network6(inner: str) -> Network | None:
    if not _NIBBLES.fullmatch(inner):
        return None
    nibbles = inner.replace(".", "")[::-1]
    return ipaddress.IPv6Network((int(nibbles.ljust(32, "0"), 16), 4 * len(nibbles)))


def _part(first: int, mark: str, second: int, above: str) -> Network | None:
    """``0/25``, ``0-25`` (its length) or ``0-127`` (its last address): which of them, is told by what fits."""
    whole = _network4(above)
    if whole is None or whole.prefixlen != 24:
        return None
    sizes: Iterable[int] = [second - first + 1] if mark == "-" else []
    sizes = [*sizes, *([2 ** (32 - second)] if 24 < second < 32 else [])]
    for size in sizes:
        if size in (2, 4, 8, 16, 32, 64, 128) and first % size == 0 and first < 256:
            return ipaddress.IPv4Network((int(whole.network_address) + first, 33 - size.bit_length()))
    return None

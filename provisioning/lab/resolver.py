"""The lab's resolver: a host that is no node, at which all others ask for names.

It knows no name by itself. The lab's name servers stand for the whole of DNS: what they do not serve, nobody does.
"""

from __future__ import annotations

from collections.abc import Sequence

_CONFIG = """\
options {{
    directory "/var/cache/bind";
    listen-on {{ any; }};
    listen-on-v6 {{ none; }};
    recursion yes;
    allow-query {{ 127.0.0.0/8; {subnet}; }};
    dnssec-validation no;
    empty-zones-enable no;
    // What changes on the name servers is to be seen here soon.
    max-cache-ttl 10;
    max-ncache-ttl 2;
}};
// Names outside are refused by both servers; that is no news.
logging {{ category lame-servers {{ null; }}; category resolver {{ null; }}; }};
zone "." {{ type static-stub; server-addresses {{ {servers} }}; }};
"""
_BOOT = """\
#!/bin/sh
install -d -o root -g bind -m 0775 /run/named
exec /usr/sbin/named -u bind
"""


def files_of_resolver(subnet: str, servers: Sequence[str]) -> dict[str, tuple[str, int]]:
    """The files, with their modes, that make a host the resolver of ``subnet``, asking these ``servers`` only."""
    config = _CONFIG.format(subnet=subnet, servers=" ".join(f"{one};" for one in servers))
    return {"etc/bind/named.conf": (config, 0o644), "etc/cis/boot.d/40-resolver": (_BOOT, 0o755)}


def files_of_client(address: str) -> dict[str, tuple[str, int]]:
    """The files that have a host ask the resolver at ``address``, and not wait long where it is away."""
    return {"etc/resolv.conf": (f"nameserver {address}\noptions timeout:1 attempts:2\n", 0o644)}

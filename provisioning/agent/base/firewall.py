"""The node's firewall: only the ports its roles need, in a table of our own beside whatever else the host has."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from provisioning.agent.base.commands import attempt, run
from provisioning.agent.base.placing import make_folder, place
from provisioning.agent.base.services import Service, enable

ROLE_PORTS: dict[str, tuple[int, ...]] = {
    "mail": (25, 465, 587, 993),
    "dns_primary": (53,),
    "dns_secondary": (53,),
}
# RFC 7766 5: DNS is asked over both.
ROLE_UDP_PORTS: dict[str, tuple[int, ...]] = {"dns_primary": (53,), "dns_secondary": (53,)}
RULES = Path("/etc/cis/firewall.nft")
_MAIN = Path("/etc/nftables.conf")
_INCLUDE = f'include "{RULES}"'
_NFTABLES = Service("firewall", "nftables", 10, (f"/usr/sbin/nft -f {_MAIN}",))


def close_other_ports(roles: Collection[str], ssh_port: int, say: Callable[[str], None]) -> None:
    """Load the rules and have them at boot. A kernel without nf_tables is told, and is no failure."""
    ports = sorted({ssh_port, *(port for role in roles for port in ROLE_PORTS[role])})
    udp = sorted({port for role in roles for port in ROLE_UDP_PORTS.get(role, ())})
    make_folder(RULES.parent)
    place(RULES, _render(ports, udp).encode(), 0o644)
    code, words = attempt(["nft", "--check", "--file", str(RULES)])
    if code != 0:
        say(f"WARNING: no firewall on this node, its kernel refuses the rules: {words.strip().splitlines()[0]}")
        return
    # Only our own file is loaded now: the main one begins by flushing what other programs have added.
    run(["nft", "--file", str(RULES)])
    _include()
    enable(_NFTABLES)
    say(f"Firewall: open are {', '.join(map(str, ports))}")


def _render(ports: list[int], udp: list[int]) -> str:
    over_udp = f"\n        udp dport {{ {', '.join(map(str, udp))} }} accept" if udp else ""
    # "add" before "delete" makes the file load whether or not the table is there; nft(8): one file, one transaction.
    return f"""# Written by enrolment: what this node's roles need, and nothing else.
add table inet cis
delete table inet cis
table inet cis {{
    chain input {{
        type filter hook input priority filter; policy drop;
        iif "lo" accept
        ct state vmap {{ established : accept, related : accept, invalid : drop }}
        meta l4proto {{ icmp, ipv6-icmp }} accept
        tcp dport {{ {", ".join(map(str, ports))} }} accept{over_udp}
    }}
}}
"""


def _include() -> None:
    content = _MAIN.read_text() if _MAIN.exists() else "#!/usr/sbin/nft -f\n\nflush ruleset\n"
    if _INCLUDE not in content.splitlines():
        place(_MAIN, f"{content.rstrip()}\n{_INCLUDE}\n".encode(), 0o755)

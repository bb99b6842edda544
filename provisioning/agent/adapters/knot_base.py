"""Make Knot of a node our primary: templates, catalog, key, limits. Run by the operator's set-up, never by the panel.

The configuration is Knot's own database. Set-up owns the parts named here, the adapter owns zones, and keys and rules
of zones that take updates. A server that runs is changed in one transaction of Knot's own; what it reads at its start
only stands in START too. Names of settings: knot.conf(5) of 3.2.
"""

from __future__ import annotations

import grp
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from provisioning.agent.adapters.dns_config import DATABASES, LEAVING, SIGNED, UNSIGNED, UPDATES
from provisioning.agent.adapters.dns_config import ZONES as ZONES_PLACE
from provisioning.agent.adapters.knot_control import KnotControl, KnotError
from provisioning.agent.base.name_servers import NameServers
from provisioning.agent.base.placing import make_folder, place

CONFDB = Path(DATABASES, "confdb")
ZONES = Path(ZONES_PLACE)
START = Path("/etc/cis/knot.conf")
PID = Path("/run/knot/knot.pid")
USER = "knot"

CATALOG, KEY, TRANSFER, LIMITS = "cis-catalog", "cis-transfer.", "cis-transfer", "cis-limits"
"""Template of the catalog, TSIG key of transfers, rule that lets its holders fetch zones, limits of the open port."""

RESPONSES_PER_SECOND = "200"
_DAY = 86_400
KEY_LIFETIME = str(365 * _DAY)
"""How long a key stays that parents name. The next one is made in time, and takes over when the panel has seen that
the parent has its DS: until it is told so, Knot keeps both."""


class Setting(NamedTuple):
    """One item of Knot's configuration; ``id`` is "" in sections that stand once."""

    section: str
    id: str
    item: str
    values: tuple[str, ...]


def settings(servers: NameServers, unlimited: Sequence[str]) -> list[Setting]:
    """All that set-up owns, in an order in which Knot takes it, values spelt as Knot tells them.

    ``unlimited`` are networks that may ask as fast as they like: the panel, which looks at all zones.
    """
    notify = tuple(f"cis-{one.name}" for one in servers.secondaries)
    rows = [*_server(), *_key(servers)]
    for one, remote in zip(servers.secondaries, notify, strict=True):
        rows += _section("remote", remote, address=one.address, key=KEY)
    rows += _section("acl", TRANSFER, key=KEY, action="transfer")
    limits = {"rate-limit": RESPONSES_PER_SECOND, "slip": "1"}
    rows += _section("mod-rrl", LIMITS, **limits, whitelist=tuple(unlimited))
    rows += _policies()
    catalog = f"{servers.myself.catalog}."
    rows += _section("template", CATALOG, **_served(notify), **{"catalog-role": "generate"})
    # The catalog comes before the templates that name it.
    rows += _section("zone", catalog, template=CATALOG)
    return [*rows, *_templates(notify, catalog)]


def install_start() -> bool:
    """Write what Knot reads at its start only, and make its folders; return whether it differs from what was there."""
    group = grp.getgrnam(USER).gr_gid
    make_folder(ZONES.parent)
    ZONES.mkdir(mode=0o750, exist_ok=True)
    os.chown(ZONES, 0, group)
    ZONES.chmod(0o750)
    make_folder(START.parent)
    return place(START, start_text().encode(), 0o644)


def start_text() -> str:
    """The configuration with which Knot is started the first time: where it listens and keeps what is its own."""
    lines = ["# Written by enrolment; read once, into Knot's own database."]
    last = None
    for row in _server():
        if row.section != last:
            lines.append(f"{row.section}:")
        mark = "  - " if row.item in {"target", "id"} else "    "
        lines.append(f"{mark}{row.item}: {_yaml(row.values)}")
        last = row.section
    return "\n".join(lines) + "\n"


def bring_to(knot: KnotControl, wanted: Sequence[Setting]) -> list[Setting]:
    """Have the running server's configuration hold ``wanted`` in one transaction; return what had to be changed.

    Secondaries that set-up once named and names no longer are taken out. Raises KnotError; then nothing was changed.
    """
    had = present(knot, wanted)
    changed = [row for row in wanted if had.get(row[:3], ()) != row.values]
    gone = sorted({id for section, id, _ in had if section == "remote"} - {row.id for row in wanted})
    if changed or gone:
        knot.ask("conf-begin")
        try:
            _write(knot, changed, had)
            for name in (name for name in gone if name.startswith("cis-")):
                knot.ask("conf-unset", section="remote", id=name)
            knot.ask("conf-commit")
        except KnotError:
            knot.ask("conf-abort")
            raise
    return changed


def present(knot: KnotControl, wanted: Iterable[Setting]) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """Read what is set now in the sections of ``wanted``: section, id and item to values. Raises KnotAway."""
    found: defaultdict[tuple[str, str, str], tuple[str, ...]] = defaultdict(tuple)
    for section, id in {(row.section, row.id if row.section == "zone" else "") for row in wanted}:
        try:
            told = knot.ask("conf-read", section=section, id=id)
        except KnotError:
            continue  # nothing of this section is set yet
        for one in told:
            found[one.section, one.id, one.item] += (one.data,)
    return dict(found)


def _write(knot: KnotControl, changed: Iterable[Setting], had: Mapping[tuple[str, str, str], tuple[str, ...]]) -> None:
    known = {(section, id) for section, id, _ in had}
    for row in changed:
        if row.id and (row.section, row.id) not in known:
            known.add((row.section, row.id))
            knot.ask("conf-set", section=row.section, id=row.id)
        if row[:3] in had:
            knot.ask("conf-unset", section=row.section, id=row.id, item=row.item)
        for value in row.values or ("",):
            knot.ask("conf-set", section=row.section, id=row.id, item=row.item, data=value)


def _server() -> list[Setting]:
    return [
        *_section("server", "", rundir="/run/knot", user=f"{USER}:{USER}", listen=("0.0.0.0@53", "::@53"),
                  identity="", version="", nsid="",
                  **{"remote-retry-delay": "10000", "tcp-remote-io-timeout": "1000"}),
        *_section("log", "", target="syslog"),
        *_section("log", "syslog", any="warning"),
        *_section("database", "", storage=DATABASES),
    ]  # fmt: skip


def _key(servers: NameServers) -> list[Setting]:
    return _section("key", KEY, algorithm="hmac-sha256", secret=servers.key)


def _policies() -> list[Setting]:
    signatures = {"rrsig-lifetime": 21 * _DAY, "rrsig-refresh": 9 * _DAY, "rrsig-pre-refresh": _DAY // 4}
    seconds = {**signatures, "zsk-lifetime": 90 * _DAY, "dnskey-ttl": _DAY // 24}
    common = {"algorithm": "ecdsap256sha256", **{item: str(value) for item, value in seconds.items()}}
    return [
        *_section("policy", SIGNED, **common, **{"ksk-lifetime": KEY_LIFETIME, "cds-cdnskey-publish": "always"}),
        *_section("policy", LEAVING, **common, **{"cds-cdnskey-publish": "delete-dnssec"}),
    ]


def _templates(notify: tuple[str, ...], catalog: str) -> list[Setting]:
    member = {"catalog-role": "member", "catalog-zone": catalog, **_served(notify)}
    served = {"journal-content": "all", "serial-policy": "unixtime", **member}
    pushed = {"zonefile-load": "difference-no-serial", **served}
    return [
        *_section("template", "default", storage=str(ZONES), **{"global-module": f"mod-rrl/{LIMITS}"}),
        *_section("template", UNSIGNED, **pushed),
        *_section("template", SIGNED, **pushed, **{"dnssec-signing": "on", "dnssec-policy": SIGNED}),
        *_section("template", LEAVING, **pushed, **{"dnssec-signing": "on", "dnssec-policy": LEAVING}),
        *_section("template", UPDATES, **{"zonefile-load": "none"}, **served),
    ]


def _served(notify: tuple[str, ...]) -> dict[str, str | tuple[str, ...]]:
    return {"storage": str(ZONES), "file": "%s.zone", "zonefile-sync": "-1", "acl": TRANSFER, "notify": notify}


def _section(section: str, id: str, /, **items: str | tuple[str, ...]) -> list[Setting]:
    return [Setting(section, id, item, (value,) if isinstance(value, str) else value) for item, value in items.items()]


def _yaml(values: tuple[str, ...]) -> str:
    quoted = [f'"{value}"' for value in values]
    return quoted[0] if len(quoted) == 1 else f"[ {', '.join(quoted)} ]"

"""Make BIND of a node our secondary: it follows the catalog of every primary. Run by the operator's set-up only.

Nothing here changes when a zone does. Names of settings: the BIND 9.18 Administrator Reference Manual.
"""

from __future__ import annotations

import base64
import grp
import hashlib
import ipaddress
import os
import pkgutil
import pwd
import re
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

from provisioning.agent.adapters.commands import run
from provisioning.agent.base.name_servers import NameServer, NameServers
from provisioning.agent.base.placing import place
from provisioning.agent.store import Transaction

CONFIG = Path("/etc/bind/named.conf")
KEYS = Path("/etc/bind/cis.keys")
"""The key of transfers, for root and BIND only."""
CONTROL_KEY = Path("/etc/bind/rndc.key")
"""That of BIND's own control program, where Debian's package makes it; made here if it is missing."""
CATALOGS = Path("/var/cache/bind/catalogs")
MODES = {CONFIG: 0o644, KEYS: 0o640}
PID = Path("/run/named/named.pid")
USER = "bind"
KEY = "cis-transfer"
RESPONSES_PER_SECOND = "200"
CHECK_SECONDS, RETRY_SECONDS = 10, 5
"""How often the catalog is asked for where no notification came, and how soon again."""


def install(servers: NameServers, unlimited: Sequence[str]) -> bool:
    """Write the configuration and the keys; return whether anything changed. Starts and reloads nothing.

    ``unlimited`` are networks that may ask as fast as they like: the panel, which looks at all zones. Raises
    CommandFailed with BIND's own words where it does not take the configuration.
    """
    group = grp.getgrnam(USER).gr_gid
    CATALOGS.mkdir(mode=0o750, exist_ok=True)
    os.chown(CATALOGS, pwd.getpwnam(USER).pw_uid, group)
    if not CONTROL_KEY.exists():
        made = base64.b64encode(secrets.token_bytes(32)).decode()
        place(CONTROL_KEY, _key("rndc-key", made).encode(), 0o640, group=group)
    changed = place(KEYS, _key(KEY, servers.key).encode(), MODES[KEYS], group=group)
    text = config_text(servers, unlimited).encode()
    with tempfile.NamedTemporaryFile() as draft:
        draft.write(text)
        draft.flush()
        run(["named-checkconf", draft.name])
    return place(CONFIG, text, MODES[CONFIG]) or changed


def note_written(tx: Transaction) -> None:
    """Note what the files hold that were just written, so that it is seen when somebody edits them."""
    for path in MODES:
        tx.note_fact(fact_of(path), hashlib.sha256(path.read_bytes()).hexdigest())


def fact_of(path: Path) -> str:
    """Name the fact under which a file's digest is noted."""
    return f"bind_{path.name}"


def group_of(path: Path) -> int:
    """Tell whose group the file is."""
    return grp.getgrnam(USER).gr_gid if path == KEYS else 0


def config_text(servers: NameServers, unlimited: Sequence[str]) -> str:
    """The main file, for these primaries."""
    content = pkgutil.get_data(__package__, "bind_files/named.conf")
    if content is None:
        raise FileNotFoundError("named.conf")
    catalogs = "".join(f"\n        {_catalog(one)}" for one in servers.primaries)
    values = {
        "KEYS": str(KEYS),
        "KEY": KEY,
        "CONTROL": str(CONTROL_KEY),
        "LIMIT": RESPONSES_PER_SECOND,
        "UNLIMITED": "".join(f"{ipaddress.ip_network(one)}; " for one in unlimited),
        "CATALOGS": f"catalog-zones {{{catalogs}\n    }};" if catalogs else "",
        "PRIMARIES": "".join(map(_primary, servers.primaries)),
    }
    return re.sub("@([A-Z]+)@", lambda found: values[found[1]], content.decode())


def _catalog(primary: NameServer) -> str:
    source = f'default-primaries {{ {primary.address} key "{KEY}"; }}'
    kept = f'in-memory no zone-directory "{CATALOGS}" min-update-interval 1'
    return f'zone "{primary.catalog}" {source} {kept};'


def _primary(primary: NameServer) -> str:
    # Knot gives its generated catalog to those who ask over TCP and sign; so BIND asks like that from the start.
    return f"""
server {primary.address} {{ tcp-only yes; keys {{ "{KEY}"; }}; }};
zone "{primary.catalog}" {{
    type secondary;
    primaries {{ {primary.address} key "{KEY}"; }};
    file "{CATALOGS}/{primary.catalog}.db";
    allow-query {{ none; }};
    min-refresh-time {CHECK_SECONDS};
    max-refresh-time {CHECK_SECONDS};
    min-retry-time {RETRY_SECONDS};
    max-retry-time {RETRY_SECONDS};
}};
"""


def _key(name: str, secret: str) -> str:
    return f'key "{name}" {{ algorithm hmac-sha256; secret "{secret}"; }};\n'

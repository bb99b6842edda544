"""Name servers: Knot where zones are written, BIND where they are followed; each running now and after each boot."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence

from provisioning.agent.adapters import bind_base, knot_base, knot_drift
from provisioning.agent.adapters.commands import CommandFailed
from provisioning.agent.adapters.knot_control import KnotAway, KnotError, connected
from provisioning.agent.base.commands import run
from provisioning.agent.base.errors import SetupFailed
from provisioning.agent.base.name_servers import NameServers
from provisioning.agent.base.placing import make_folder
from provisioning.agent.base.services import Service, has_systemd, keep_running, start
from provisioning.agent.store import STORE_PATH, Store, Transaction

# Debian's own units make these folders; elsewhere the line of the boot list does.
KNOT = Service(
    "knot",
    "knot",
    40,
    ("/usr/bin/install -d -o knot -g knot -m 0750 /run/knot", "/usr/sbin/knotd -d"),
    knot_base.PID,
    "knotd",
)
BIND = Service(
    "named",
    "named",
    40,
    ("/usr/bin/install -d -o root -g bind -m 0775 /run/named", "/usr/sbin/named -u bind"),
    bind_base.PID,
    "named",
)
_ANSWER_SECONDS = 30.0
_AT_START_ONLY = {"listen", "user", "rundir"}


def set_up_primary(servers: NameServers, unlimited: Sequence[str], say: Callable[[str], None]) -> None:
    """Have Knot run as a primary of these name servers; one that runs goes on. Raises SetupFailed."""
    _make_store()
    knot_base.install_start()
    is_new = not knot_base.CONFDB.exists()
    if is_new:
        _make_confdb()
    if is_new and KNOT.running():
        start(KNOT)  # it was started by its package, from another configuration
    keep_running(KNOT)
    wanted = knot_base.settings(servers, unlimited)
    changed = _bring(wanted)
    _note(lambda tx: knot_drift.note_settings(tx, wanted))
    if not is_new and any(row.section == "server" and row.item in _AT_START_ONLY for row in changed):
        say("WARNING: Knot must be restarted by hand, when its absence suits, to take all of its new settings")


def set_up_secondary(servers: NameServers, unlimited: Sequence[str]) -> None:
    """Have BIND run and follow all primaries; one that runs is restarted if they changed. Raises SetupFailed."""
    _make_store()
    was_running = BIND.running()
    try:
        changed = bind_base.install(servers, unlimited)
    except CommandFailed as error:
        raise SetupFailed("service", error.words) from error
    _note(bind_base.note_written)
    if was_running and changed:
        _restart_bind()
    else:
        keep_running(BIND)


def _make_confdb() -> None:
    """Make Knot's database of configuration, whole or not at all, by Knot's own user, to whom it must belong."""
    draft = knot_base.CONFDB.with_name("confdb.cis-new")
    shutil.rmtree(draft, ignore_errors=True)
    as_knot = ["setpriv", "--reuid", knot_base.USER, "--regid", knot_base.USER, "--init-groups"]
    run([*as_knot, "knotc", "--confdb", str(draft), "conf-import", str(knot_base.START)])
    draft.rename(knot_base.CONFDB)


def _bring(wanted: Sequence[knot_base.Setting]) -> list[knot_base.Setting]:
    """Change the running server; one that has just been started takes a moment to listen."""
    deadline = time.monotonic() + _ANSWER_SECONDS
    while True:
        try:
            with connected() as knot:
                return knot_base.bring_to(knot, wanted)
        except KnotError as error:
            if not isinstance(error, KnotAway) or time.monotonic() > deadline:
                raise SetupFailed("service", f"knot: {error}") from error
            time.sleep(0.02)


def _restart_bind() -> None:
    """Start it anew. Told to read its configuration again, 9.18.49 adds no zones of its catalogs any more."""
    if not has_systemd():
        run(["rndc", "stop"])
        deadline = time.monotonic() + _ANSWER_SECONDS
        while BIND.running() and time.monotonic() < deadline:
            time.sleep(0.02)
    start(BIND)


def _note(write: Callable[[Transaction], None]) -> None:
    """Note in the agent's file what was written, for those who look later whether it still is so."""
    store = Store()
    with store.write() as tx:
        write(tx)
    store.close()


def _make_store() -> None:
    """Make the agent's file where it is missing: one for all roles of a node, at the place that mail gave it."""
    make_folder(STORE_PATH.parent.parent)
    if not STORE_PATH.exists():
        STORE_PATH.parent.mkdir(mode=0o700, exist_ok=True)
        STORE_PATH.touch(mode=0o600)
    Store(create=True).close()

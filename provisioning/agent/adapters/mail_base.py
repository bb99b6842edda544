"""Make Postfix and Dovecot of a node ours: configuration, users, folders, empty maps. Run by the operator's set-up."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from provisioning.agent.adapters import mail_config, mail_entries, mail_rows
from provisioning.agent.adapters.commands import run
from provisioning.agent.adapters.mail_maps import PostfixMaps
from provisioning.agent.base.placing import make_folder, place
from provisioning.agent.store import Store

VMAIL_UID = 5000
_ETC_POSTFIX = Path("/etc/postfix")
_ETC_DOVECOT = Path("/etc/dovecot")


def install(*, hostname: str) -> None:
    """Write the configuration of both services and make what it needs; what is there already stays.

    Starts and reloads nothing. The certificate (/etc/cis/tls) must be there. Raises CommandFailed with the words of
    the service that does not take its configuration, SetupFailed where somebody but root could tamper with it.
    """
    _make_vmail()
    _make_store(hostname)
    _make_maps()
    _configure_postfix(hostname)
    _configure_dovecot(hostname)


def _make_vmail() -> None:
    """Make the one Unix user that owns all mail; it can do nothing else."""
    try:
        pwd.getpwnam("vmail")
    except KeyError:
        run(["groupadd", "--gid", str(VMAIL_UID), "vmail"])
        place_of = ["--no-create-home", "--home-dir", mail_config.MAIL_ROOT]
        run(["useradd", "--uid", str(VMAIL_UID), "--gid", "vmail", *place_of, "--shell", "/usr/sbin/nologin", "vmail"])
    root = Path(mail_config.MAIL_ROOT)
    root.mkdir(mode=0o700, exist_ok=True)
    os.chown(root, VMAIL_UID, VMAIL_UID)


def _make_store(hostname: str) -> None:
    """Make the agent's file, readable by Dovecot, which must also be able to write its shared-memory companion."""
    path = Path(mail_config.DATABASE)
    dovecot = grp.getgrnam("dovecot").gr_gid
    make_folder(path.parent.parent)
    path.parent.mkdir(mode=0o770, exist_ok=True)
    os.chown(path.parent, 0, dovecot)
    path.parent.chmod(0o770)
    path.touch(mode=0o660)
    os.chown(path, 0, dovecot)
    path.chmod(0o660)
    store = Store(path, schema=[mail_rows.SCHEMA], create=True)
    with store.write() as tx:
        tx.note_fact(mail_config.HOSTNAME, hostname)
        tx.note_fact(mail_config.SETUP, str(mail_config.SETUP_NOW))
    store.close()


def _make_maps() -> None:
    folder = Path(mail_config.MAPS)
    make_folder(folder, 0o750)
    os.chown(folder, 0, grp.getgrnam("postfix").gr_gid)
    PostfixMaps(folder).make_missing(mail_entries.MAPS)


def _configure_postfix(hostname: str) -> None:
    for name in mail_config.POSTFIX_FILES:
        place(_ETC_POSTFIX / name, mail_config.text_of(name, hostname=hostname).encode(), 0o644)
    run(["postconf", "-n"])


def _configure_dovecot(hostname: str) -> None:
    folder = Path(mail_config.DOVECOT_EXTRAS)
    make_folder(folder)
    for name in mail_config.DOVECOT_EXTRA_FILES:
        place(folder / name, mail_config.text_of(name).encode(), 0o644)
    main = mail_config.text_of(mail_config.DOVECOT_FILE, hostname=hostname)
    place(_ETC_DOVECOT / mail_config.DOVECOT_FILE, main.encode(), 0o644)
    run(["doveconf", "-n"])
    # Compiled here: the daemons, running as vmail, could not write the result.
    run(["sievec", str(folder / "probe.sieve")])

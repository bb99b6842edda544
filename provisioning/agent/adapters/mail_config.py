"""The configuration of Postfix and Dovecot on a mail node: whole files, kept in `mail_files`.

What is written where, and when the services must read it again, is `mail_base`'s. Nothing in the files changes when a
mailbox does. Names of settings: postconf(5), the manuals of Dovecot 2.3 and Pigeonhole 0.5.
"""

from __future__ import annotations

import pkgutil
from pathlib import Path

from provisioning.agent.placed import ConfigFile, with_content

# These paths stand in the files too; a test holds them together.
DATABASE = "/var/lib/cis/mail/mail.sqlite"
MAPS = "/etc/postfix/cis"
MAIL_ROOT = "/srv/mail"
DOVECOT_EXTRAS = "/etc/dovecot/cis"
SENDER_CHECK_SOCKET = Path("/run/cis-sender-check/socket")
SENDER_CHECK_STARTER = Path("/usr/local/lib/cis/sender-check")
SENDER_CHECK_PID = Path("/run/cis-sender-check.pid")

POSTFIX_FILES = ("main.cf", "master.cf")
DOVECOT_FILE = "dovecot.conf"
MODE = 0o644
# The fact under which set-up notes for which host the files were written.
HOSTNAME = "mail_hostname"
# The fact under which set-up notes what the configuration it wrote can do: from 2 on it obeys grades.
SETUP, SETUP_NOW = "mail_setup", 2
DOVECOT_EXTRA_FILES = ("passdb.conf", "master.conf", "userdb.conf", "acl", "probe.sieve")


def files(hostname: str) -> list[ConfigFile]:
    """Name all files that the set-up of this host writes."""
    folders = {"/etc/postfix": POSTFIX_FILES, DOVECOT_EXTRAS: DOVECOT_EXTRA_FILES, "/etc/dovecot": (DOVECOT_FILE,)}
    return [
        with_content(Path(folder, name), MODE, text_of(name, hostname=hostname).encode())
        for folder, names in folders.items()
        for name in names
    ]


def hostname_in_use() -> str:
    """Read the host's name from Postfix' own file: for nodes whose set-up did not note it yet."""
    try:
        lines = Path("/etc/postfix/main.cf").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    names = [line.partition("=")[2].strip() for line in lines if line.startswith("myhostname =")]
    return names[0] if names else ""


def text_of(name: str, *, hostname: str = "") -> str:
    """Return one of the files, for this host; read through the loader, so that it works from the agent's zip file."""
    content = pkgutil.get_data(__package__, f"mail_files/{name}")
    if content is None:
        raise FileNotFoundError(name)
    return content.decode().replace("@HOSTNAME@", hostname)

"""The configuration of Postfix and Dovecot on a mail node: whole files, kept in `mail_files`.

What is written where, and when the services must read it again, is `mail_base`'s. Nothing in the files changes when a
mailbox does. Names of settings: postconf(5), the manuals of Dovecot 2.3 and Pigeonhole 0.5.
"""

from __future__ import annotations

import pkgutil

# These paths stand in the files too; a test holds them together.
DATABASE = "/var/lib/cis/mail/mail.sqlite"
MAPS = "/etc/postfix/cis"
MAIL_ROOT = "/srv/mail"
DOVECOT_EXTRAS = "/etc/dovecot/cis"

POSTFIX_FILES = ("main.cf", "master.cf")
DOVECOT_FILE = "dovecot.conf"
DOVECOT_EXTRA_FILES = ("passdb.conf", "master.conf", "userdb.conf", "acl", "probe.sieve")


def text_of(name: str, *, hostname: str = "") -> str:
    """Return one of the files, for this host; read through the loader, so that it works from the agent's zip file."""
    content = pkgutil.get_data(__package__, f"mail_files/{name}")
    if content is None:
        raise FileNotFoundError(name)
    return content.decode().replace("@HOSTNAME@", hostname)

"""Mailboxes as two files, each written whole, and the index made again where addresses changed."""

from pyinfra import host
from pyinfra.operations import files, server

files.template(
    name="Who signs in",
    src="users.j2",
    dest="/etc/dovecot/peers/users",
    group="dovecot",
    mode="640",
    accounts=host.data.accounts,
)
addresses = files.template(
    name="Which addresses take mail",
    src="mailboxes.j2",
    dest="/etc/postfix/peers/mailboxes",
    mode="644",
    accounts=host.data.accounts,
)
server.shell(
    name="Index addresses",
    commands=["postmap lmdb:/etc/postfix/peers/mailboxes"],
    _if=addresses.did_change,
)

"""Aliases: former addresses of renamed mailboxes. Everything here works within the running unit of work."""

from __future__ import annotations

from sqlalchemy import select

from panel.kernel.db import db, new_id
from panel.ledger import names
from panel.mail.models import ADDRESSES, Alias, Mailbox


def aliases_of(mailbox: Mailbox) -> list[Alias]:
    """The addresses whose mail also comes to ``mailbox``."""
    query = select(Alias).where(Alias.mailbox_id == mailbox.id, Alias.want == "put").order_by(Alias.address)
    return list(db.session.scalars(query))


def take_alias_back(mailbox: Mailbox, address: str) -> None:
    """Let go of the alias by which ``mailbox`` already holds ``address``."""
    alias = db.session.scalar(
        select(Alias).where(Alias.mailbox_id == mailbox.id, Alias.address == address, Alias.want == "put")
    )
    if alias is not None:
        alias.change(want="remove")
        names.release(ADDRESSES, holder_id=alias.id, name=address)


def point_aliases(mailbox: Mailbox, *, also: str) -> None:
    """Make every alias of ``mailbox`` follow its new address, the old one among them."""
    for alias in aliases_of(mailbox):
        alias.change()
    names.release(ADDRESSES, holder_id=mailbox.id, name=also)
    alias = Alias(
        id=new_id(),
        address=also,
        mailbox_id=mailbox.id,
        mailbox=mailbox,
        member_id=mailbox.member_id,
        node_id=mailbox.node_id,
    )
    names.claim(ADDRESSES, [(also, alias.id)], kind="alias")
    db.session.add(alias)


def want_aliases(mailbox: Mailbox, want: str) -> None:
    """Remove or bring back the aliases that came or went with ``mailbox``; those it gave up stay gone."""
    held = names.taken(ADDRESSES, [alias.address for alias in mailbox.aliases])
    for alias in mailbox.aliases:
        if held.get(alias.address) == alias.id:
            alias.change(want=want)


def release_addresses(mailbox: Mailbox) -> None:
    """Give up every address that ``mailbox`` and its aliases hold; they wait for its member."""
    for holder in (mailbox.id, *(alias.id for alias in mailbox.aliases)):
        names.release(ADDRESSES, holder_id=holder, former=mailbox.member_id)

"""Ways in and out for pages to show: invitations in each state, somebody who has to wait, a provider, a webhook."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from panel.identity.email_changes import ask_for_other
from panel.identity.invitations import invite, withdraw_invitation
from panel.identity.limits import Attempts, account_key, address_key, note_failure
from panel.identity.models import User
from panel.identity.providers import add_provider
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, new_id, unit_of_work, utcnow
from panel.members.models import Member
from panel.webhooks.models import Delivery, Webhook


def fill_doors(member: Member, unlucky: User) -> None:
    """Invite to ``member``, let ``unlucky`` have tried too often, set a provider up, and a webhook."""
    rows = [
        invite(SYSTEM, email=f"osoba{number}@example.test", name="Żaneta Gżegżółka", role="member_editor",
               member_id=member.id)
        for number in range(3)
    ]  # fmt: skip
    withdraw_invitation(SYSTEM, rows[1].id)
    with unit_of_work():
        rows[2].expires_at = utcnow() - timedelta(days=1)
    for _ in range(40):
        note_failure("password", account_key(unlucky.email), address_key("203.0.113.9"), user_id=unlucky.id)
    with unit_of_work():
        db.session.execute(update(Attempts).values(until=database_now(800)))
    ask_for_other(SYSTEM, unlucky.id, email="jan.nowy@elsewhere.test")
    _webhook(member, unlucky)
    add_provider(SYSTEM, name="Urząd Miejski", issuer="https://id.example/realms/urzad", client_id="panel",
                 client_secret="of tests", member_ids=[member.id])  # fmt: skip


def _webhook(member: Member, owner: User) -> None:
    """A webhook of ``member`` that sent two messages, one of them in vain."""
    hook = Webhook(
        id=new_id(), member_id=member.id, user_id=owner.id, name="System kadrowy", url="https://kadry.example/"
    )
    tries = [{"at": utcnow().isoformat(), "status": 500, "ms": 12, "answer": "<h1>Error</h1>", "problem": ""}]
    with unit_of_work():
        db.session.add(hook)
        db.session.flush()
        db.session.add(Delivery(webhook_id=hook.id, tag="mail:mailbox:create", state="failed", tries=tries))
        db.session.add(Delivery(webhook_id=hook.id, tag="mail:mailbox:quota", state="sent", tries=[]))

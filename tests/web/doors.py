"""Ways in for pages to show: invitations in each state, somebody who has to wait, an outside provider."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from panel.identity.invitations import invite, withdraw_invitation
from panel.identity.limits import Attempts, account_key, address_key, note_failure
from panel.identity.models import User
from panel.identity.providers import add_provider
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work, utcnow
from panel.members.models import Member


def fill_doors(member: Member, unlucky: User) -> None:
    """Invite to ``member``, let ``unlucky`` have tried too often, and set a provider up."""
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
    add_provider(SYSTEM, name="Urząd Miejski", issuer="https://id.example/realms/urzad", client_id="panel",
                 client_secret="of tests", member_ids=[member.id])  # fmt: skip

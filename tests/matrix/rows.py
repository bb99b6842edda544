"""One row of each kind for each member, made as people make them where that is quick, else straight away.

A new kind wants a line in KINDS (what its ids are called in addresses) and a function in MAKERS.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from panel.contracts.actions import attach_scan, create_contract
from panel.contracts.ending import ContractTask
from panel.contracts.entitlements import today
from panel.contracts.models import Service
from panel.contracts.orders import Order
from panel.contracts.steps import ContractStep
from panel.dns.imports import ZoneImport
from panel.dns.models import ZONES, Zone, ZoneSet, ZoneVersion
from panel.identity.actions import create_user
from panel.identity.invitations import Invitation
from panel.identity.limits import Attempts
from panel.identity.models import ApiToken, Grant, User
from panel.identity.passkeys import Passkey
from panel.identity.providers import OutsideLink, OutsideProvider
from panel.identity.sessions import open_session
from panel.identity.step_ins import AskedAction, StepIn
from panel.imports.models import Import
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, new_id, unit_of_work, utcnow
from panel.kernel.passwords import token_digest
from panel.ledger import domain_names
from panel.ledger.backups import NodeBackup
from panel.ledger.differences import Difference
from panel.ledger.domain_names import Claim
from panel.ledger.jobs import Job
from panel.mail.actions import NewMailbox, create_mailboxes, remove_mailbox
from panel.mail.domains import create_domain
from panel.mail.models import Mailbox
from panel.members.models import Member
from panel.webhooks.models import Delivery, Webhook
from tests.worlds import SHARED

KINDS = {
    "members": "member", "contracts": "contract", "attachment": "attachment", "mail-domains": "domain",
    "mailboxes": "mailbox", "jobs": "job", "nodes": "node", "differences": "difference", "backups": "backup",
    "tokens": "token", "users": "user", "member": "member", "contract": "contract", "mailbox": "mailbox",
    "domain": "domain", "job": "job", "node": "node", "difference": "difference", "user": "user", "grant": "grant",
    "token": "token", "parent": "member",
    "orders": "order", "invitations": "invitation", "step-ins": "step_in", "order": "order",
    "task": "task", "step": "step", "invitation": "invitation",
    "imports": "import", "import": "import", "step_in": "step_in",
    "asked": "asked", "session": "session", "key": "passkey",
    "provider": "provider", "outside-providers": "provider", "attempts": "attempts", "link": "link",
    "webhooks": "webhook", "webhook": "webhook", "delivery": "delivery",
    "zones": "zone", "zone": "zone", "zone_import": "zone_import",
}  # fmt: skip
"""Collections of the API and names of arguments (without ``_id``) → kind of row."""

NOTED = {"staff_looks", "attempts", "holder_sessions"}
"""Tables in which looking and trying themselves are written down."""

OF_NOBODY = {"node", "difference", "backup", "provider", "attempts"}
"""Kinds of rows that belong to no member: they are there, or absent."""


Rows = dict[str, dict[str, uuid.UUID]]


def _contract(member: Member, word: str, _rows: Rows, _place: str) -> uuid.UUID:
    service = db.session.scalars(select(Service.code)).first()
    return create_contract(
        SYSTEM, number=f"drzewo/{word}", member_id=member.id, signed_on=today(), starts_on=today(),
        items=[{"service": service, "quantity": 1, "unit_price": "1.00"}],
    ).id  # fmt: skip


def _attachment(_member: Member, word: str, rows: Rows, place: str) -> uuid.UUID:
    return attach_scan(
        SYSTEM, rows["contract"][place], file_name=f"{word}.pdf", content=b"%PDF-1.4 " + word.encode()
    ).id


def _mailbox(member: Member, word: str, _rows: Rows, _place: str) -> uuid.UUID:
    new = [NewMailbox(member_id=member.id, address=f"drzewo.{name}.{word}@{SHARED}") for name in ("a", "b")]
    stays, goes = (changed.mailbox.id for changed in create_mailboxes(SYSTEM, new))
    remove_mailbox(SYSTEM, goes)
    with unit_of_work():
        db.session.get_one(Mailbox, stays).password_hash = "{ARGON2ID}x"
    return stays


def _domain(member: Member, word: str, _rows: Rows, _place: str) -> uuid.UUID:
    return create_domain(SYSTEM, name=f"drzewo-{word}.test", member_id=member.id).id


def _job(member: Member, _word: str, rows: Rows, place: str) -> uuid.UUID:
    """A failed job, which can be asked for again."""
    with unit_of_work():
        job = Job(
            node_id=rows["node"]["own"], cause="mail:mailbox:quota", actor="user:x", member_id=member.id,
            state="failed", resource_kind="mailbox", resource_id=rows["mailbox"][place],
        )  # fmt: skip
        db.session.add(job)
    return job.id


def _user(member: Member, word: str, _rows: Rows, _place: str) -> uuid.UUID:
    return create_user(
        SYSTEM, email=f"drzewo@{word}.test", name=f"Drzewo {word}", password_hash=None, role="member_editor",
        member_id=member.id,
    ).id  # fmt: skip


def _grant(_member: Member, _word: str, rows: Rows, place: str) -> uuid.UUID:
    return db.session.scalars(select(Grant.id).where(Grant.user_id == rows["user"][place])).one()


def _token(member: Member, word: str, rows: Rows, place: str) -> uuid.UUID:
    return add_token(rows["user"][place], "member_editor", f"drzewo-{word}", member.id)[0]


def _difference(member: Member, _word: str, rows: Rows, place: str) -> uuid.UUID:
    now = utcnow()
    with unit_of_work():
        row = Difference(
            id=new_id(), key=f"k{place}", found_digest="d", node_id=rows["node"]["own"], first_seen_at=now,
            last_seen_at=now, kind="mailbox", resource_id=rows["mailbox"][place], name="drzewo", what="missing",
            wanted={},
        )  # fmt: skip
        db.session.add(row)
    return row.id


def _backup(_member: Member, _word: str, rows: Rows, _place: str) -> uuid.UUID:
    with unit_of_work():
        row = NodeBackup(id=new_id(), node_id=rows["node"]["own"], at=utcnow(), snapshot="s", state="good")
        db.session.add(row)
    return row.id


def _task(_member: Member, _word: str, rows: Rows, place: str) -> uuid.UUID:
    return _add(ContractTask(contract_id=rows["contract"][place], step=90, last_day=today(), due_on=today()))


def _step(_member: Member, _word: str, rows: Rows, place: str) -> uuid.UUID:
    return _add(ContractStep(contract_id=rows["contract"][place], why="suspension", level="no_new", takes_on=today()))


def _order(member: Member, word: str, _rows: Rows, _place: str) -> uuid.UUID:
    return _add(Order(number=f"Z/{word}", member_id=member.id, note=f"drzewo {word}", state="sent", made_by="user:x"))


def _invitation(member: Member, word: str, _rows: Rows, _place: str) -> uuid.UUID:
    return _add(
        Invitation(
            email=f"zaproszony@{word}.test",
            name=f"drzewo {word}",
            folded=f"drzewo {word}",
            role="member_editor",
            member_id=member.id,
            inviter_ref="user:x",
            expires_at=utcnow() + timedelta(days=9),
        )
    )


def _step_in(member: Member, word: str, rows: Rows, place: str) -> uuid.UUID:
    """A stay of somebody who looks after the place above."""
    now = utcnow()
    stay = {"opened_at": now, "until": now + timedelta(days=9), "reason": f"drzewo {word}"}
    return _add(StepIn(user_id=rows["user"][place], member_id=member.id, **stay))


def _asked(member: Member, word: str, rows: Rows, place: str) -> uuid.UUID:
    return _add(
        AskedAction(
            step_in_id=rows["step_in"][place],
            action="mail:mailbox:quota",
            member_id=member.id,
            resource_id=rows["mailbox"][place],
            resource_name=word,
            values={"quota_mb": 5},
        )
    )


def _import(member: Member, word: str, _rows: Rows, _place: str) -> uuid.UUID:
    """A file that somebody uploaded for the member."""
    return _add(
        Import(
            kind="mailboxes",
            file_name=f"drzewo {word}.csv",
            actor="user:x",
            actor_name=f"Drzewo {word}",
            member_id=member.id,
            columns=["adres"],
            mapping={"address": "adres"},
            total=0,
        )
    )


def _session(_member: Member, _word: str, rows: Rows, place: str) -> uuid.UUID:
    user = db.session.get_one(User, rows["user"][place])
    return open_session(user, address="192.0.2.2", agent="tests", factors=["password"]).row.id


def _passkey(_member: Member, word: str, rows: Rows, place: str) -> uuid.UUID:
    return _add(Passkey(user_id=rows["user"][place], name=word, credential_id=word, public_key=b"k"))


def _provider(_member: Member, _word: str, _rows: Rows, _place: str) -> uuid.UUID:
    return _add(OutsideProvider(name="Dostawca", issuer=f"https://{uuid.uuid4()}.test", client_id="c"))


def _link(_member: Member, word: str, rows: Rows, place: str) -> uuid.UUID:
    return _add(OutsideLink(provider_id=rows["provider"][place], subject=word, user_id=rows["user"][place]))


def _attempts(_member: Member, word: str, rows: Rows, place: str) -> uuid.UUID:
    return _add(
        Attempts(
            what="sign_in",
            sort="account",
            key=word,
            failures=9,
            last_at=utcnow(),
            user_id=rows["user"][place],
            until=utcnow() + timedelta(days=1),
        )
    )


def _webhook(member: Member, word: str, rows: Rows, place: str) -> uuid.UUID:
    url = f"https://{word}.test/hook"
    return _add(Webhook(member_id=member.id, user_id=rows["user"][place], name=f"drzewo {word}", url=url))


def _delivery(_member: Member, word: str, rows: Rows, place: str) -> uuid.UUID:
    return _add(Delivery(webhook_id=rows["webhook"][place], tag=f"webhooks:{word}", state="failed"))


def _zone(member: Member, word: str, rows: Rows, _place: str) -> uuid.UUID:
    """A zone with a set of records, at the name of the member's mail domain."""
    times = {f"soa_{name}": 3600 for name in ("refresh", "retry", "expire", "minimum", "ttl")}
    names = {"name": f"drzewo-{word}.test", "soa_mname": "ns1.test.", "soa_rname": "hostmaster.test."}
    made = _add(Zone(member_id=member.id, node_id=rows["node"]["own"], **names, **times))
    version = {"actor": "user:x", "actor_name": f"Drzewo {word}", "comment": word}
    with unit_of_work():
        db.session.add(ZoneSet(zone_id=made, name="www", type="A", ttl=3600, values=["192.0.2.1"]))
        db.session.add(ZoneVersion(zone_id=made, number=1, generation=1, **version))
        claim = Claim(name=names["name"], holder_id=made, member_id=member.id, proven=True)
        domain_names.claim(ZONES, [claim], kind="zone")
    return made


def _zone_import(member: Member, word: str, rows: Rows, place: str) -> uuid.UUID:
    """A zone file that somebody uploaded for the member's zone."""
    who = {"actor": "user:x", "actor_name": f"Drzewo {word}"}
    name = f"drzewo-{word}.test"
    return _add(ZoneImport(member_id=member.id, zone_id=rows["zone"][place], version=1, name=name, way="text", sets=[],
                           **who))  # fmt: skip


def _add(row: Any) -> uuid.UUID:
    row.id = new_id()
    with unit_of_work():
        db.session.add(row)
    found: uuid.UUID = row.id
    return found


def add_token(maker_id: uuid.UUID, role: str, name: str, member_id: uuid.UUID | None) -> tuple[uuid.UUID, str]:
    """A token, never noted as used anew: reading must not write."""
    secret, token_id, now = f"cis_{uuid.uuid4().hex}", new_id(), utcnow()
    with unit_of_work():
        db.session.add(
            ApiToken(
                id=token_id,
                name=name,
                digest=token_digest(secret),
                maker_id=maker_id,
                member_id=member_id,
                role=role,
                expires_at=now + timedelta(days=300),
                last_used_at=now + timedelta(days=300),
            )
        )
    return token_id, secret


MAKERS: dict[str, Callable[[Member, str, Rows, str], uuid.UUID]] = {
    "contract": _contract,
    "attachment": _attachment,
    "mailbox": _mailbox,
    "domain": _domain,
    "job": _job,
    "user": _user,
    "grant": _grant,
    "token": _token,
    "difference": _difference,
    "backup": _backup,
    "task": _task,
    "step": _step,
    "order": _order,
    "invitation": _invitation,
    "step_in": _step_in,
    "asked": _asked,
    "import": _import,
    "session": _session,
    "passkey": _passkey,
    "provider": _provider,
    "link": _link,
    "attempts": _attempts,
    "webhook": _webhook,
    "delivery": _delivery,
    "zone": _zone,
    "zone_import": _zone_import,
}
"""One row of each kind for each place, named by the place's word; each may use the rows of kinds above it."""

"""By what lists can be sorted: names people use → columns that are never NULL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import func

from panel.contracts.ending import ContractTask
from panel.contracts.models import Contract
from panel.contracts.orders import Order
from panel.dns.imports import ZoneImport
from panel.dns.models import Zone, ZoneVersion
from panel.identity.invitations import Invitation
from panel.identity.limits import Attempts
from panel.identity.models import ApiToken, User
from panel.identity.providers import OutsideProvider
from panel.identity.sign_ins import SignIn
from panel.identity.step_ins import StepIn
from panel.imports.models import Import, ImportRow
from panel.ledger.alarms import Alarm
from panel.ledger.backups import NodeBackup
from panel.ledger.differences import Difference
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from panel.ledger.messages import Message
from panel.mail.models import Mailbox, MailDomain
from panel.members.models import Member
from panel.webhooks.models import Delivery, Webhook

Orders = Mapping[str, Any]

# Ids grow with time, so they stand for the time a row was made.
MEMBERS: Orders = {
    "name": Member.folded,
    "created_at": Member.id,
    "teryt": func.coalesce(Member.teryt, ""),
    "slug": Member.slug,
    "kind": Member.kind,
}
CONTRACTS: Orders = {
    "number": Contract.number,
    "created_at": Contract.id,
    "starts_on": Contract.starts_on,
    "ends_on": func.coalesce(Contract.ends_on, date.max),
}
CONTRACT_TASKS: Orders = {
    "due_on": ContractTask.due_on,
    "last_day": ContractTask.last_day,
    "created_at": ContractTask.id,
    "number": Contract.number,
    "member": Member.folded,
}
ORDERS: Orders = {"created_at": Order.id, "number": Order.number, "state": Order.state, "member": Member.folded}
MAIL_DOMAINS: Orders = {"name": MailDomain.name, "created_at": MailDomain.id}
MAILBOXES: Orders = {
    "created_at": Mailbox.id,
    "address": Mailbox.address,
    "quota_mb": Mailbox.quota_mb,
    "used_mb": Mailbox.held_mb,
}
ZONES: Orders = {"name": Zone.name, "created_at": Zone.id}
ZONE_VERSIONS: Orders = {"number": ZoneVersion.number}
ZONE_IMPORTS: Orders = {"created_at": ZoneImport.id}
JOBS: Orders = {"queued_at": Job.id, "state": Job.state, "cause": Job.cause}
ALARMS: Orders = {"raised_at": Alarm.id}
BACKUPS: Orders = {"at": NodeBackup.at}
MESSAGES: Orders = {"created_at": Message.id}
EVENTS: Orders = {"at": Event.id}
DIFFERENCES: Orders = {"first_seen_at": Difference.id, "name": Difference.name, "kind": Difference.kind}
USERS: Orders = {"email": User.email, "created_at": User.id, "name": User.name}
INVITATIONS: Orders = {
    "created_at": Invitation.id,
    "email": Invitation.email,
    "expires_at": Invitation.expires_at,
}
PROVIDERS: Orders = {
    "name": func.lower(OutsideProvider.name),
    "created_at": OutsideProvider.id,
    "issuer": OutsideProvider.issuer,
}
SIGN_INS: Orders = {"at": SignIn.id}
LOCKOUTS: Orders = {"last_at": Attempts.last_at, "failures": Attempts.failures}
STEP_INS: Orders = {"opened_at": StepIn.id}
IMPORTS: Orders = {"created_at": Import.id}
IMPORT_ROWS: Orders = {"line": ImportRow.line}
TOKENS: Orders = {"created_at": ApiToken.id, "expires_at": ApiToken.expires_at, "name": ApiToken.name}
WEBHOOKS: Orders = {"created_at": Webhook.id, "name": Webhook.name}
DELIVERIES: Orders = {"created_at": Delivery.id}

"""By what lists can be sorted: names people use → columns that are never NULL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import func

from panel.contracts.models import Contract
from panel.identity.models import ApiToken, User
from panel.ledger.alarms import Alarm
from panel.ledger.backups import NodeBackup
from panel.ledger.differences import Difference
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from panel.mail.models import Mailbox, MailDomain
from panel.members.models import Member

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
MAIL_DOMAINS: Orders = {"name": MailDomain.name, "created_at": MailDomain.id}
MAILBOXES: Orders = {
    "created_at": Mailbox.id,
    "address": Mailbox.address,
    "quota_mb": Mailbox.quota_mb,
}
JOBS: Orders = {"queued_at": Job.id, "state": Job.state, "cause": Job.cause}
ALARMS: Orders = {"raised_at": Alarm.id}
BACKUPS: Orders = {"at": NodeBackup.at}
EVENTS: Orders = {"at": Event.id}
DIFFERENCES: Orders = {"first_seen_at": Difference.id, "name": Difference.name, "kind": Difference.kind}
USERS: Orders = {"email": User.email, "created_at": User.id, "name": User.name}
TOKENS: Orders = {"created_at": ApiToken.id, "expires_at": ApiToken.expires_at, "name": ApiToken.name}

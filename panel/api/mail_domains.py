"""Mail domains."""

from __future__ import annotations

import uuid
from typing import Any

from panel.api.fields import Boolean, Id, Shape, Text
from panel.api.lists import list_answer, list_parameters, narrowed
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.kernel.access import Actor
from panel.ledger.resources import RESOURCE_STATES
from panel.ledger.waiting import resource_settled
from panel.mail import domains
from panel.mail.models import MailDomain
from panel.shapes import mail as shapes
from panel.shapes import orders

_NEW = Shape(
    fields={
        "name": Text(required=True, most=253),
        "member_id": Id(nullable=True, says="Whose it is; null: the association's own."),
        "shared": Boolean(says="Every member may have addresses in it."),
    }
)

_FILTERS = {
    "name": Text(most=253),
    "member_id": Id(),
    "shared": Boolean(),
    "state": Text(choices=RESOURCE_STATES),
}


@operation(
    "GET",
    "/mail-domains",
    permission="mail:read",
    query=list_parameters(orders.MAIL_DOMAINS, _FILTERS),
    answer=page_of("MailDomain"),
)
def list_mail_domains(actor: Actor, ask: Ask) -> Answer:
    """List the domains in which addresses may lie."""
    query = domains.domains_query(actor, search=ask.query.get("search", ""))
    query = narrowed(ask, query, {name: getattr(MailDomain, name) for name in ("name", "member_id", "shared")})
    query = query.where(MailDomain.in_state(ask.query["state"])) if "state" in ask.query else query
    return list_answer(ask, query, shapes.mail_domain, sorts=orders.MAIL_DOMAINS, default="name")


@operation("GET", "/mail-domains/<uuid:id>", permission="mail:read", answer=ref("MailDomain"))
def show_mail_domain(actor: Actor, ask: Ask) -> Answer:
    """Show a mail domain."""
    return Answer(body=shapes.mail_domain(domains.get_domain(actor, ask.id)))


def _replay(actor: Actor, kept: dict[str, Any]) -> Answer:
    return _answer(actor, uuid.UUID(kept["id"]), kept["job"])


@operation(
    "POST",
    "/mail-domains",
    permission="mail:write",
    staff=True,
    body=_NEW,
    answer=ref("MailDomain"),
    statuses=(201, 202),
    waits=True,
    replay=_replay,
)
def create_mail_domain(actor: Actor, ask: Ask) -> Answer:
    """Take mail for a domain."""
    domain = domains.create_domain(actor, **ask.body)
    return _answer(actor, domain.id, None)


def _answer(actor: Actor, domain_id: uuid.UUID, job: str | None) -> Answer:
    def again() -> Answer:
        domain = domains.get_domain(actor, domain_id)
        return Answer(body=shapes.mail_domain(domain) | {"job": job}, status=201 if domain.state == "active" else 202,
                      location=f"/api/v1/mail-domains/{domain_id}")  # fmt: skip

    return Answer(settled=resource_settled(MailDomain, domain_id), again=again)

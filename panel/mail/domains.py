"""Mail domains: the shared one, and members' own."""

from __future__ import annotations

import uuid

from sqlalchemy import Select, or_, select

from panel.kernel.access import Actor, require, require_kind
from panel.kernel.db import Work, db, one_at_a_time, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotFound
from panel.kernel.text import fold
from panel.ledger import domain_names
from panel.ledger.domain_names import MAIL_DOMAINS, Claim
from panel.ledger.events import record
from panel.ledger.jobs import request_job
from panel.ledger.nodes import node_for_role
from panel.ledger.offers import offers_changed
from panel.mail.models import MailDomain
from panel.mail.standing import Standing, identity_of
from panel.members.actions import require_members
from provisioning.resources import InvalidResource, check_domain


def domains_query(actor: Actor, *, search: str = "") -> Select[MailDomain]:
    """The domains in which the actor's members may have addresses: shared ones and their own."""
    require_kind(actor, "mail-domains")
    require(actor, "mail:read")
    query = select(MailDomain).where(MailDomain.want == "put")
    if not actor.may_everywhere("mail:read"):
        own = {member_id for grant in actor.grants for member_id in grant.member_ids or ()}
        query = query.where(or_(MailDomain.shared, MailDomain.member_id.in_(own)))
    return query.where(MailDomain.name.contains(fold(search), autoescape=True)) if search else query


def get_domain(actor: Actor, domain_id: uuid.UUID) -> MailDomain:
    """One domain. Raises NotFound."""
    domain = db.session.scalar(domains_query(actor).where(MailDomain.id == domain_id))
    if domain is None:
        raise NotFound("not_found")
    return domain


def create_domain(
    actor: Actor,
    *,
    name: str,
    member_id: uuid.UUID | None = None,
    shared: bool = False,
    standing: Standing | None = None,
) -> MailDomain:
    """Take mail for ``name`` on the mail node. Raises Invalid, Conflict ``taken``, ``name_others`` or ``no_node``.

    ``standing``: what of it is on the node already.
    """
    require_kind(actor, "mail-domains")
    require(actor, "mail:write", member_id, staff=True)
    if member_id is not None:
        require_members([member_id])
    name = _checked_name(name)
    node = node_for_role("mail")
    if node is None:
        raise Conflict("no_node", field="name", role="mail")
    with unit_of_work() as work:
        one_at_a_time("mail_domains")
        if db.session.scalar(select(MailDomain.id).where(MailDomain.name == name)) is not None:
            raise Conflict("taken", field="name", name=name)
        same = identity_of(standing)
        domain = MailDomain(name=name, member_id=member_id, shared=shared, node_id=node.id, **same)
        _add(work, actor, domain)
    return domain


def _checked_name(name: str) -> str:
    try:
        return check_domain(name.strip(" ").lower() if name.isascii() else name)
    except InvalidResource as error:
        raise Invalid(f"domain_{error.code}", field="name") from None


def _add(work: Work, actor: Actor, domain: MailDomain) -> None:
    """Row, claim of the name, event, job, and the records that it wants to see in its zone."""
    held = Claim(name=domain.name, holder_id=domain.id, member_id=domain.member_id)
    domain_names.claim_alone(MAIL_DOMAINS, held, kind="mail_domain")
    db.session.add(domain)
    owner = domain.member_id
    record(actor, "mail:domain:create", kind="mail_domain", resource_id=domain.id, name=domain.name, member_id=owner)
    request_job(
        work,
        node_id=domain.placed(),
        cause="mail:domain:create",
        actor=actor,
        member_id=owner,
        resource_kind="mail_domain",
        resource_id=domain.id,
    )
    db.session.flush()
    offers_changed(actor, [domain.name])


def ensure_shared_domain(actor: Actor, name: str) -> MailDomain:
    """The shared domain ``name``, made if it is not there."""
    domain = db.session.scalar(select(MailDomain).where(MailDomain.name == name))
    return domain or create_domain(actor, name=name, shared=True)

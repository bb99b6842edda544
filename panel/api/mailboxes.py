"""Mailboxes: asking for them, one or ten thousand, and changing them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flask import current_app
from sqlalchemy.orm import selectinload

from panel.api.fields import Id, Integer, ListOf, Shape, Text
from panel.api.lists import list_answer, list_parameters
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.api.versions import require_match
from panel.kernel.access import Actor
from panel.kernel.db import unit_of_work
from panel.kernel.errors import PanelError
from panel.ledger.resources import RESOURCE_STATES
from panel.ledger.waiting import jobs_finished, resource_settled
from panel.mail import actions, takeover
from panel.mail.actions import BATCH_MAX, DEFAULT_QUOTA_MB, Changed, NewMailbox
from panel.mail.finding import mailboxes_query
from panel.mail.models import Mailbox
from panel.mail.naming import REASON_MOST
from panel.mail.takeover import AUTHORITY_MOST, NAME_MOST
from panel.shapes import mail as shapes
from panel.shapes import orders
from panel.wording import warning_words
from provisioning.resources import QUOTA_MB_MAX

_DONE = ("active", "suspended", "removed")
_QUOTA = Integer(least=1, most=QUOTA_MB_MAX, says=f"Mebibytes; {DEFAULT_QUOTA_MB} if not given.")
_PASSWORD = Text(most=256, write_only=True)
_ADDRESS = Text(required=True, most=254)
_REASON = Text(most=REASON_MOST, says="Why it gets an address that was another member's within five years.")
_NEW = Shape(
    fields={
        "member_id": Id(required=True),
        "address": _ADDRESS,
        "quota_mb": _QUOTA,
        "password": Text(most=256, write_only=True, says="Without one the answer holds an activation link."),
        "reason": _REASON,
    }
)
_BATCH = Shape(fields={"mailboxes": ListOf(of=_NEW, required=True, least=1, most=BATCH_MAX, rows=True)})
_FILTERS = {"member_id": Id(), "domain_id": Id(), "state": Text(choices=RESOURCE_STATES), "address": Text(most=254)}


_LISTED = list_parameters(orders.MAILBOXES, _FILTERS)


@operation("GET", "/mailboxes", permission="mail:read", query=_LISTED, answer=page_of("Mailbox"))
def list_mailboxes(actor: Actor, ask: Ask) -> Answer:
    """List mailboxes, removed ones only where `state` asks for them; `search` is part of the address."""
    address = ask.query.get("address")
    query = mailboxes_query(
        actor,
        search=ask.query.get("search", ""),
        member_id=ask.query.get("member_id"),
        domain_id=ask.query.get("domain_id"),
        state=ask.query.get("state"),
    )
    query = query if address is None else query.where(Mailbox.address == address.lower())
    query = query.options(selectinload(Mailbox.links), selectinload(Mailbox.aliases))
    return list_answer(ask, query, shapes.mailbox, sorts=orders.MAILBOXES, default="-created_at")


@operation("GET", "/mailboxes/<uuid:id>", permission="mail:read", answer=ref("Mailbox"), versioned=True)
def show_mailbox(actor: Actor, ask: Ask) -> Answer:
    """Show a mailbox."""
    mailbox = actions.get_mailbox(actor, ask.id)
    return Answer(body=shapes.mailbox(mailbox), etag=_etag(mailbox))


def _replay_created(actor: Actor, kept: dict[str, Any]) -> Answer:
    return _waiting(actor, uuid.UUID(kept["id"]), job=kept["job"], created=True, warnings=_warned(kept))


@operation(
    "POST",
    "/mailboxes",
    permission="mail:write",
    body=_NEW,
    answer=ref("Mailbox"),
    statuses=(201, 202),
    waits=True,
    replay=_replay_created,
)
def create_mailbox(actor: Actor, ask: Ask) -> Answer:
    """Ask for a mailbox. 201 when it was seen working, 202 while it was not."""
    with _one():
        return _changed(actor, actions.create_mailbox(actor, **ask.body), created=True)


def _replay_batch(_actor: Actor, kept: dict[str, Any]) -> Answer:
    return _batch(kept)


@operation(
    "POST",
    "/mailboxes/batch",
    permission="mail:write",
    body=_BATCH,
    answer=ref("MailboxBatch"),
    statuses=(201, 202),
    waits=True,
    replay=_replay_batch,
)
def create_mailboxes(actor: Actor, ask: Ask) -> Answer:
    """Ask for up to 10,000 mailboxes, all or none. Errors name the `row`, from 0."""
    changes = actions.create_mailboxes(actor, [NewMailbox(**row) for row in ask.body["mailboxes"]])
    jobs = {str(change.job.id): None for change in changes if change.job is not None}
    return _batch({"items": [_brief(change) for change in changes], "total": len(changes), "jobs": list(jobs)})


@operation(
    "PATCH",
    "/mailboxes/<uuid:id>",
    permission="mail:write",
    body=Shape(fields={"quota_mb": _QUOTA, "password": _PASSWORD}),
    answer=ref("Mailbox"),
    statuses=(200, 202),
    waits=True,
    versioned=True,
)
def change_mailbox(actor: Actor, ask: Ask) -> Answer:
    """Change a mailbox's capacity, its password, or both."""
    with unit_of_work():
        mailbox = actions.get_mailbox(actor, ask.id, for_change=True)
        require_match(_etag(mailbox))
        changed = Changed(mailbox=mailbox, job=None)
        if "quota_mb" in ask.body:
            changed = actions.set_quota(actor, ask.id, quota_mb=ask.body["quota_mb"])
        if "password" in ask.body:
            changed = actions.set_password(actor, ask.id, password=ask.body["password"])
    return _changed(actor, changed)


@operation(
    "DELETE",
    "/mailboxes/<uuid:id>",
    permission="mail:write",
    answer=ref("Mailbox"),
    statuses=(200, 202),
    waits=True,
    versioned=True,
)
def remove_mailbox(actor: Actor, ask: Ask) -> Answer:
    """Stop serving a mailbox; it can be restored until `purge_at`."""
    with unit_of_work():
        require_match(_etag(actions.get_mailbox(actor, ask.id, for_change=True)))
        changed = actions.remove_mailbox(actor, ask.id)
    return _changed(actor, changed)


def _replay_changed(actor: Actor, kept: dict[str, Any]) -> Answer:
    return _waiting(actor, uuid.UUID(kept["id"]), job=kept["job"], warnings=_warned(kept))


_CHANGE: dict[str, Any] = {
    "permission": "mail:write",
    "answer": ref("Mailbox"),
    "statuses": (200, 202),
    "waits": True,
    "replay": _replay_changed,
}


@operation(
    "POST", "/mailboxes/<uuid:id>/rename", body=Shape(fields={"address": _ADDRESS, "reason": _REASON}), **_CHANGE
)
def rename_mailbox(actor: Actor, ask: Ask) -> Answer:
    """Give a mailbox another address; mail to the old one keeps arriving."""
    with _one():
        return _changed(actor, actions.rename_mailbox(actor, ask.id, **ask.body))


@operation("POST", "/mailboxes/<uuid:id>/activation", **(_CHANGE | {"permission": "mail:password", "statuses": (200,)}))
def renew_activation(actor: Actor, ask: Ask) -> Answer:
    """Issue a new activation link; earlier ones are void."""
    return _changed(actor, actions.new_activation_link(actor, ask.id))


@operation("POST", "/mailboxes/<uuid:id>/suspend", **_CHANGE)
def suspend_mailbox(actor: Actor, ask: Ask) -> Answer:
    """Refuse logins until resumed; mail still arrives."""
    return _changed(actor, actions.suspend_mailbox(actor, ask.id))


@operation("POST", "/mailboxes/<uuid:id>/resume", **_CHANGE)
def resume_mailbox(actor: Actor, ask: Ask) -> Answer:
    """End a suspension."""
    return _changed(actor, actions.resume_mailbox(actor, ask.id))


@operation("POST", "/mailboxes/<uuid:id>/restore", **_CHANGE)
def restore_mailbox(actor: Actor, ask: Ask) -> Answer:
    """Bring a removed mailbox back with its mail, password and aliases."""
    return _changed(actor, actions.restore_mailbox(actor, ask.id))


@operation(
    "POST",
    "/mailboxes/<uuid:id>/take-over",
    body=Shape(
        fields={
            "successor": Text(required=True, most=NAME_MOST, says="Who takes it over."),
            "authority": Text(required=True, most=AUTHORITY_MOST, says="The document that allows it."),
            "earlier": Text(most=NAME_MOST, says="Who held it so far, where that is not on record."),
        }
    ),
    **(_CHANGE | {"permission": "mail:takeover"}),
)
def take_over_mailbox(actor: Actor, ask: Ask) -> Answer:
    """Hand a mailbox over: the old password and links are void, the answer holds the successor's activation link."""
    return _changed(actor, takeover.take_over(actor, ask.id, **ask.body))


@operation("POST", "/mailboxes/<uuid:id>/hand-back", **(_CHANGE | {"permission": "mail:takeover"}))
def hand_back_mailbox(actor: Actor, ask: Ask) -> Answer:
    """Undo the last handing over within the grace period; the answer holds the earlier holder's link."""
    return _changed(actor, takeover.hand_back(actor, ask.id))


@contextmanager
def _one() -> Iterator[None]:
    """Leave the row out of errors: where one mailbox is asked for, there are no rows."""
    try:
        yield
    except PanelError as error:
        error.params.pop("row", None)
        raise


def _changed(actor: Actor, changed: Changed, *, created: bool = False) -> Answer:
    job = None if changed.job is None else str(changed.job.id)
    link = None if changed.activation_token is None else _link(changed.activation_token)
    return _waiting(actor, changed.mailbox.id, job=job, created=created, link=link, warnings=changed.warnings)


def _waiting(
    actor: Actor,
    mailbox_id: uuid.UUID,
    *,
    job: str | None,
    created: bool = False,
    link: str | None = None,
    warnings: Sequence[str] = (),
) -> Answer:
    def again() -> Answer:
        mailbox = actions.get_mailbox(actor, mailbox_id)
        body = shapes.mailbox(mailbox, link=link) | {"job": job, "warnings": _warnings(warnings)}
        status = (201 if created else 200) if mailbox.state in _DONE or job is None else 202
        return Answer(body=body, status=status, location=f"/api/v1/mailboxes/{mailbox_id}", etag=_etag(mailbox))

    return Answer(settled=resource_settled(Mailbox, mailbox_id), again=again)


def _brief(changed: Changed) -> dict[str, Any]:
    box = changed.mailbox
    told = {
        "id": str(box.id),
        "member_id": str(box.member_id),
        "address": box.address,
        "quota_mb": box.quota_mb,
        "state": "pending",
        "warnings": _warnings(changed.warnings),
    }
    return (
        told if changed.activation_token is None else told | {"activation": {"link": _link(changed.activation_token)}}
    )


def _warnings(codes: Sequence[str]) -> list[dict[str, str]]:
    return [{"code": code, "message": warning_words(code)} for code in codes]


def _warned(kept: dict[str, Any]) -> list[str]:
    """The codes of which the first answer warned; the repeated one says them in the language it is asked in."""
    return [one["code"] for one in kept.get("warnings", ())]


def _batch(body: dict[str, Any]) -> Answer:
    finished = jobs_finished([uuid.UUID(job) for job in body["jobs"]])

    def again() -> Answer:
        return Answer(body=body, status=201 if finished() else 202, location=f"/api/v1/jobs/{body['jobs'][0]}")

    return Answer(settled=finished, again=again)


def _link(token: str) -> str:
    return f"{current_app.config['CIS'].public_url.rstrip('/')}/activate/{token}"


def _etag(mailbox: Mailbox) -> str:
    return f"g{mailbox.wanted_generation}"

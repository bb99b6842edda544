"""Contracts: their items, amendments and signed scans."""

from __future__ import annotations

from flask import request

from panel.api.fields import Amount, Day, Id, Integer, ListOf, Shape, Text
from panel.api.lists import list_answer, list_parameters, narrowed
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.api.versions import require_match
from panel.contracts import actions
from panel.contracts.models import SUSPENSION_LEVELS, Contract
from panel.kernel.access import Actor
from panel.kernel.db import unit_of_work
from panel.kernel.errors import Invalid, NotFound
from panel.shapes import contracts as shapes
from panel.shapes import orders

STATUSES = ("future", "active", "expiring", "suspended", "ended")
_ITEM = Shape(
    fields={
        "service": Text(required=True, most=50, says="A code from the catalogue."),
        "quantity": Integer(required=True, least=1, most=10_000_000),
        "unit_price": Amount(nullable=True, says="PLN a year; the catalogue's if not given."),
        "discount_percent": Amount(nullable=True),
        "starts_on": Day(nullable=True),
        "ends_on": Day(nullable=True),
    }
)
_HEAD = {
    "number": Text(required=True, most=200),
    "signed_on": Day(required=True),
    "starts_on": Day(required=True),
    "ends_on": Day(nullable=True, says="Null: for an unlimited time."),
    "notice_days": Integer(least=0, most=10_000_000),
}
_NEW = Shape(
    fields=_HEAD | {"member_id": Id(required=True), "items": ListOf(of=_ITEM, required=True, least=1, most=1_000)}
)
_AMENDMENT = Shape(
    fields={
        "number": Text(required=True, most=200),
        "signed_on": Day(required=True),
        "effective_on": Day(required=True),
        "note": Text(most=200),
        "items": ListOf(of=_ITEM, most=1_000),
    }
)
_SUSPENSION = Shape(
    fields={
        "level": Text(required=True, choices=SUSPENSION_LEVELS),
        "reason": Text(required=True, most=200),
        "contact": Text(most=200, says="Whom those may ask who are stopped."),
    }
)


@operation(
    "GET",
    "/contracts",
    permission="contracts:read",
    query=list_parameters(
        orders.CONTRACTS, {"member_id": Id(), "status": Text(choices=STATUSES), "number": Text(most=200)}
    ),
    answer=page_of("Contract"),
)
def list_contracts(actor: Actor, ask: Ask) -> Answer:
    """List contracts; `search` covers the number and the member."""
    query = actions.contracts_query(
        actor,
        search=ask.query.get("search", ""),
        member_id=ask.query.get("member_id"),
        status=ask.query.get("status"),
    )
    query = narrowed(ask, query, {"number": Contract.number})
    return list_answer(ask, query, shapes.contract, sorts=orders.CONTRACTS, default="-created_at")


@operation(
    "POST", "/contracts", permission="contracts:write", staff=True, body=_NEW, answer=ref("Contract"), statuses=(201,)
)
def create_contract(actor: Actor, ask: Ask) -> Answer:
    """Record a signed contract."""
    contract = actions.create_contract(actor, **ask.body)
    return Answer(
        body=shapes.contract(contract), status=201, location=f"/api/v1/contracts/{contract.id}", etag=_etag(contract)
    )


@operation("GET", "/contracts/<uuid:id>", permission="contracts:read", answer=ref("Contract"), versioned=True)
def show_contract(actor: Actor, ask: Ask) -> Answer:
    """Show a contract with its items, amendments and scans."""
    return _answer(actions.get_contract(actor, ask.id))


@operation(
    "PATCH",
    "/contracts/<uuid:id>",
    permission="contracts:write",
    staff=True,
    body=Shape(fields=_HEAD).all_optional(),
    answer=ref("Contract"),
    versioned=True,
)
def change_contract(actor: Actor, ask: Ask) -> Answer:
    """Correct a contract's number, dates or notice."""
    with unit_of_work():
        require_match(_etag(actions.get_contract(actor, ask.id, for_change=True)))
        return _answer(actions.update_contract(actor, ask.id, **ask.body))


@operation(
    "POST",
    "/contracts/<uuid:id>/suspend",
    permission="contracts:write",
    staff=True,
    body=_SUSPENSION,
    answer=ref("Contract"),
)
def suspend_contract(actor: Actor, ask: Ask) -> Answer:
    """Suspend what a contract grants, to a level, for a reason the member reads."""
    return _answer(actions.suspend_contract(actor, ask.id, **ask.body))


@operation("POST", "/contracts/<uuid:id>/resume", permission="contracts:write", staff=True, answer=ref("Contract"))
def resume_contract(actor: Actor, ask: Ask) -> Answer:
    """End a suspension."""
    return _answer(actions.resume_contract(actor, ask.id))


@operation(
    "POST",
    "/contracts/<uuid:id>/end",
    permission="contracts:write",
    staff=True,
    body=Shape(fields={"ended_on": Day(required=True, says="Its last day.")}),
    answer=ref("Contract"),
)
def end_contract(actor: Actor, ask: Ask) -> Answer:
    """Let a contract end on a day."""
    return _answer(actions.end_contract(actor, ask.id, **ask.body))


@operation(
    "POST",
    "/contracts/<uuid:id>/amendments",
    permission="contracts:write",
    staff=True,
    body=_AMENDMENT,
    answer=ref("Amendment"),
    statuses=(201,),
)
def add_amendment(actor: Actor, ask: Ask) -> Answer:
    """Add an amendment with its own effective date; its items start on that day unless they say otherwise."""
    amendment = actions.add_amendment(actor, ask.id, **ask.body)
    return Answer(body=shapes.amendment(amendment), status=201, location=f"/api/v1/contracts/{ask.id}")


@operation(
    "POST",
    "/contracts/<uuid:id>/attachments",
    permission="contracts:write",
    staff=True,
    upload=True,
    answer=ref("Attachment"),
    statuses=(201,),
)
def add_attachment(actor: Actor, ask: Ask) -> Answer:
    """Keep a signed scan: PDF, PNG or JPEG, at most 20 MB."""
    upload = request.files.get("file")
    if upload is None:
        raise Invalid("required", field="file")
    scan = actions.attach_scan(actor, ask.id, file_name=upload.filename or "", content=upload.read())
    return Answer(
        body=shapes.attachment(scan), status=201, location=f"/api/v1/contracts/{ask.id}/attachments/{scan.id}"
    )


@operation("GET", "/contracts/<uuid:id>/attachments/<uuid:attachment_id>", permission="contracts:read")
def read_attachment(actor: Actor, ask: Ask) -> Answer:
    """Read a signed scan."""
    scan, path = actions.read_scan(actor, ask.path["attachment_id"])
    if scan.contract_id != ask.id:
        raise NotFound("not_found")
    return Answer(file=(path.read_bytes(), scan.media_type, scan.file_name))


def _answer(contract: Contract) -> Answer:
    return Answer(body=shapes.contract(contract), etag=_etag(contract))


def _etag(contract: Contract) -> str:
    return f"v{contract.version}"

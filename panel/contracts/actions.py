"""What can be done with contracts."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import Select, or_, select

from panel.contracts.entitlements import database_today, today
from panel.contracts.grades import regrade
from panel.contracts.models import SUSPENSION_LEVELS, Amendment, Attachment, Contract, Service, has_status
from panel.contracts.steps import SUSPENSION, cancel, steps_of, take_now
from panel.contracts.values import checked_values, day, line, read_items, require_dates
from panel.kernel.access import Actor, require, scoped
from panel.kernel.db import db, new_id, one_at_a_time, read_row, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotFound
from panel.kernel.shared_files import file_mode, make_folder
from panel.kernel.text import fold
from panel.ledger.events import record
from panel.ledger.notices import tell_holders
from panel.members.models import Member

SCAN_BYTES_MAX = 20 * 1024 * 1024
_SCAN_TYPES = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_FIELDS = ("number", "member_id", "signed_on", "starts_on", "ends_on", "notice_days")


def contracts_query(
    actor: Actor, *, search: str = "", member_id: uuid.UUID | None = None, status: str | None = None
) -> Select[Contract]:
    """The contracts in scope; ``search`` covers the number and the member, ``status`` as ``Contract.status``."""
    query = scoped(actor, "contracts:read", select(Contract).join(Contract.member), Contract.member_id)
    for word in fold(search).split():
        query = query.where(
            or_(Contract.number.icontains(word, autoescape=True), Member.folded.contains(word, autoescape=True))
        )
    if member_id is not None:
        query = query.where(Contract.member_id == member_id)
    return query if status is None else query.where(has_status(status, today()))


def get_contract(actor: Actor, contract_id: uuid.UUID, *, for_change: bool = False) -> Contract:
    """One contract. Raises NotFound where it is absent or out of reach."""
    if for_change:
        one_at_a_time("contracts")
    contract = read_row(Contract, contract_id, for_change=True) if for_change else db.session.get(Contract, contract_id)
    if contract is None or not actor.reaches(contract.member_id):
        raise NotFound("not_found")
    require(actor, "contracts:read", contract.member_id)
    return contract


def list_services(actor: Actor) -> list[Service]:
    """The catalogue, by code."""
    require(actor, "services:read")
    return list(db.session.scalars(select(Service).order_by(Service.code)))


def create_contract(actor: Actor, *, items: Sequence[Mapping[str, Any]], **values: Any) -> Contract:
    """Record a signed contract. ``values``: number, member_id, signed_on, starts_on, ends_on, notice_days.

    ``items``: service, quantity, and optionally unit_price (else as in the catalogue), discount_percent, starts_on,
    ends_on.
    Raises Invalid naming each bad field (``items.0.quantity``), Conflict ``taken`` for a number in use.
    """
    require(actor, "contracts:write", staff=True)
    with unit_of_work():
        one_at_a_time("contracts")
        contract = Contract(id=new_id(), **checked_values(values))
        require_dates(contract.starts_on, contract.ends_on, "ends_on")
        contract.items = read_items(items)
        _require_free_number(contract)
        db.session.add(contract)
        db.session.flush()
        _record(actor, contract, "create")
        _regrade(actor, contract)
    return contract


def update_contract(actor: Actor, contract_id: uuid.UUID, *, version: int | None = None, **values: Any) -> Contract:
    """Correct a contract's number, dates or notice. Raises Conflict ``stale`` where somebody changed it meanwhile."""
    require(actor, "contracts:write", staff=True)
    with unit_of_work():
        contract = get_contract(actor, contract_id, for_change=True)
        if version is not None and version != contract.version:
            raise Conflict("stale")
        before = contract.member_id
        for name, value in checked_values({name: getattr(contract, name) for name in _FIELDS} | values).items():
            setattr(contract, name, value)
        require_dates(contract.starts_on, contract.ends_on, "ends_on")
        _require_free_number(contract)
        _record(actor, contract, "update", fields=sorted(values))
        db.session.flush()
        regrade(actor, database_today(), {before, contract.member_id})
    return contract


def add_amendment(
    actor: Actor,
    contract_id: uuid.UUID,
    *,
    number: str,
    signed_on: date,
    effective_on: date,
    note: str = "",
    items: Sequence[Mapping[str, Any]] = (),
) -> Amendment:
    """Add an amendment with its own effective date; its items start on that day unless they say otherwise."""
    require(actor, "contracts:write", staff=True)
    with unit_of_work():
        contract = get_contract(actor, contract_id, for_change=True)
        amendment = Amendment(
            id=new_id(),
            number=line("number", number),
            signed_on=day("signed_on", signed_on),
            effective_on=day("effective_on", effective_on),
            note=line("note", note, empty=True),
        )
        contract.amendments.append(amendment)
        for item in read_items(items, empty=True):
            item.amendment_id, item.starts_on = amendment.id, item.starts_on or amendment.effective_on
            contract.items.append(item)
        _record(actor, contract, "amend", amendment=amendment.number)
    return amendment


def attach_scan(actor: Actor, contract_id: uuid.UUID, *, file_name: str, content: bytes) -> Attachment:
    """Keep a signed scan (PDF, PNG or JPEG by its first bytes, at most 20 MB). Raises Invalid for ``file``."""
    require(actor, "contracts:write", staff=True)
    contract = get_contract(actor, contract_id)
    media_type = next((kind for start, kind in _SCAN_TYPES.items() if content.startswith(start)), None)
    if media_type is None:
        raise Invalid("scan_type", field="file")
    if len(content) > SCAN_BYTES_MAX:
        raise Invalid("scan_large", field="file", most=SCAN_BYTES_MAX // 1024**2)
    with unit_of_work():
        scan = Attachment(
            id=new_id(),
            contract_id=contract.id,
            file_name=line("file", Path(file_name).name or "skan"),
            media_type=media_type,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        _write_scan(scan.id, content)
        db.session.add(scan)
        _record(actor, contract, "attach", file=scan.file_name)
    return scan


def read_scan(actor: Actor, attachment_id: uuid.UUID) -> tuple[Attachment, Path]:
    """A scan and where its bytes lie. Raises NotFound."""
    scan = db.session.get(Attachment, attachment_id)
    if scan is None:
        raise NotFound("not_found")
    get_contract(actor, scan.contract_id)
    return scan, _scan_path(scan.id)


def suspend_contract(actor: Actor, contract_id: uuid.UUID, *, level: str, reason: str, contact: str = "") -> Contract:
    """Suspend at once what the contract grants, to a level of SUSPENSION_LEVELS; steps that were planned are cancelled.

    ``reason`` and ``contact`` are shown to those who are stopped. By a plan: ``suspending.plan_suspension``.
    """
    require(actor, "contracts:write", staff=True)
    if level not in SUSPENSION_LEVELS:
        raise Invalid("choice", field="level", choices=", ".join(SUSPENSION_LEVELS))
    told = {"suspended_reason": line("reason", reason), "suspended_contact": line("contact", contact, empty=True)}
    with unit_of_work():
        contract = _change(actor, contract_id, "suspend", suspended=level, **told)
        take_now(contract, level)
        tell_holders("contract:stopped", "contracts:read", contract.member_id, number=contract.number, level=level,
                     reason=reason, contact=contact)  # fmt: skip
    return contract


def resume_contract(actor: Actor, contract_id: uuid.UUID) -> Contract:
    """End a suspension and what was planned of it: all is as it was before."""
    require(actor, "contracts:write", staff=True)
    with unit_of_work():
        before = get_contract(actor, contract_id, for_change=True)
        held, known = before.suspended, steps_of(contract_id, why=SUSPENSION)
        cancel(known, by=actor.ref)
        contract = _change(actor, contract_id, "resume", suspended=None, suspended_reason="", suspended_contact="")
        if held is not None or known:
            tell_holders("contract:resumed", "contracts:read", contract.member_id, number=contract.number)
    return contract


def end_contract(actor: Actor, contract_id: uuid.UUID, *, ended_on: date) -> Contract:
    """Let the contract end on ``ended_on``, its last day."""
    contract = get_contract(actor, contract_id)
    require_dates(contract.starts_on, day("ended_on", ended_on), "ended_on")
    return _change(actor, contract_id, "end", ended_on=ended_on)


def _change(actor: Actor, contract_id: uuid.UUID, action: str, **values: Any) -> Contract:
    require(actor, "contracts:write", staff=True)
    with unit_of_work():
        contract = get_contract(actor, contract_id, for_change=True)
        for name, value in values.items():
            setattr(contract, name, value)
        _record(actor, contract, action, **{name: str(value) for name, value in values.items() if value})
        _regrade(actor, contract)
    return contract


def _regrade(actor: Actor, contract: Contract) -> None:
    """Let what contracts say of their member hold at once; the worker's chore would come to the same."""
    db.session.flush()
    regrade(actor, database_today(), [contract.member_id])


def _record(actor: Actor, contract: Contract, action: str, **data: Any) -> None:
    record(
        actor,
        f"contracts:contract:{action}",
        kind="contract",
        resource_id=contract.id,
        name=contract.number,
        member_id=contract.member_id,
        **data,
    )


def _require_free_number(contract: Contract) -> None:
    with db.session.no_autoflush:
        holder = db.session.scalar(select(Contract.id).where(Contract.number == contract.number))
    if holder is not None and holder != contract.id:
        raise Conflict("taken", field="number", name=contract.number)


def _scan_path(scan_id: uuid.UUID) -> Path:
    folder: Path = current_app.config["CIS"].data_dir.absolute() / "attachments"
    return folder / str(scan_id)


def _write_scan(scan_id: uuid.UUID, content: bytes) -> None:
    path = _scan_path(scan_id)
    make_folder(path.parent)
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        os.fchmod(file.fileno(), file_mode(path.parent, readable=True))
        file.write(content)
        file.flush()
        os.fsync(file.fileno())

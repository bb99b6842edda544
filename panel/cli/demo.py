"""``cis demo``: members, contracts and people to try the panel with. Only in the lab; twice changes nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from flask import current_app
from sqlalchemy import select

from config import Settings
from panel.cli.demo_contracts import DEMO_CONTRACTS
from panel.cli.demo_zone import zone
from panel.cli.output import as_json, print_json, print_one
from panel.cli.session import with_panel
from panel.contracts.actions import create_contract, suspend_contract
from panel.contracts.catalogue import ensure_catalogue
from panel.contracts.entitlements import today
from panel.contracts.models import Contract
from panel.identity.actions import actor_for_user, create_token, create_user, ensure_roles
from panel.identity.models import ApiToken, User
from panel.identity.second_factor import known_totp
from panel.kernel.access import Actor
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.passwords import hash_user_password, token_digest
from panel.mail.statutory import ensure_statutory_addresses
from panel.members.importing import import_units
from panel.members.models import Member

UNITS = Path(__file__).resolve().parents[1] / "members/data/units.csv"
CLERK_EMAIL, CLERK_PASSWORD, CLERK_MEMBER = "sekretariat@koscian.test", "pokaz-miasto-koscian", "miasto-koscian"
_TOKEN_DAYS = 366


@click.group()
def demo() -> None:
    """Members, contracts and people to try the panel with; only in the lab."""


@demo.command()
@as_json
@with_panel
def load(actor: Actor, /, *, json_: bool) -> None:
    """Load units of two voivodeships, the catalogue, contracts, and a clerk of Kościan."""
    _require_lab()
    ensure_roles()
    report = import_units(actor, UNITS.read_bytes())
    services = ensure_catalogue()
    contracts = sum(_ensure_contract(actor, wanted) for wanted in DEMO_CONTRACTS)
    _ensure_clerk(actor)
    print_one({"members": report.created, "services": services, "contracts": contracts}, json_=json_)


@demo.command()
@as_json
@with_panel
def addresses(actor: Actor, /, *, json_: bool) -> None:
    """Give every member its statutory address in the shared domain; needs a mail node."""
    _require_lab()
    print_one({"statutory_addresses": ensure_statutory_addresses(actor)}, json_=json_)


@demo.command()
@as_json
@with_panel
def admin(actor: Actor, /, *, json_: bool) -> None:
    """Make the first administrator from ``first-admin.json`` in the data folder, and delete that file."""
    _require_lab()
    order = _settings().data_dir / "first-admin.json"
    try:
        facts = json.loads(order.read_text())
    finally:
        order.unlink(missing_ok=True)
    ensure_roles()
    user = _ensure_admin(actor, facts)
    _ensure_token(user, facts["api_token"])
    if json_:
        print_json({"id": str(user.id), "email": user.email})


demo.add_command(zone)


def _require_lab() -> None:
    if _settings().env != "lab":
        raise click.ClickException("demo data is for the lab only (CIS_ENV=lab)")


def _settings() -> Settings:
    settings: Settings = current_app.config["CIS"]
    return settings


def _ensure_contract(actor: Actor, wanted: dict[str, Any]) -> bool:
    if db.session.scalar(select(Contract.id).where(Contract.number == wanted["number"])) is not None:
        return False
    member_id = db.session.scalars(select(Member.id).where(Member.teryt == wanted["teryt"])).one()
    begun = today() - timedelta(days=wanted.get("age_days", 200))
    ends_in = wanted.get("ends_in_days")
    contract = create_contract(
        actor,
        number=wanted["number"],
        member_id=member_id,
        signed_on=begun - timedelta(days=14),
        starts_on=begun,
        ends_on=None if ends_in is None else today() + timedelta(days=ends_in),
        items=wanted["items"],
    )
    if "suspended" in wanted:
        suspend_contract(actor, contract.id, level="no_send", reason=wanted["suspended"])
    return True


def _ensure_clerk(actor: Actor) -> None:
    if db.session.scalar(select(User.id).where(User.email == CLERK_EMAIL)) is None:
        member_id = db.session.scalars(select(Member.id).where(Member.slug == CLERK_MEMBER)).one()
        clerk = create_user(actor, email=CLERK_EMAIL, name="Anna Nowak", role="member_admin", member_id=member_id,
                            password_hash=hash_user_password(CLERK_PASSWORD))  # fmt: skip
        with unit_of_work():
            # Whoever agrees to what staff ask for has held the role for days, also where it is tried out at once.
            clerk.grants[0].granted_at -= timedelta(days=30)


def _ensure_admin(actor: Actor, facts: dict[str, str]) -> User:
    """The administrator with exactly these secrets: where data outlived ``lab.json``, they are set anew."""
    stored = known_totp(_settings(), facts["admin_totp"]).stored
    hashed = hash_user_password(facts["admin_password"])
    user = db.session.scalar(select(User).where(User.email == facts["admin_email"]))
    if user is None:
        return create_user(actor, email=facts["admin_email"], name="Administrator", password_hash=hashed,
                           role="association_admin", totp_secret=stored)  # fmt: skip
    with unit_of_work():
        user.password, user.tf_totp_secret, user.tf_primary_method = hashed, stored, "authenticator"
    return user


def _ensure_token(user: User, secret: str) -> None:
    known = db.session.scalar(select(ApiToken).where(ApiToken.digest == token_digest(secret)))
    if known is not None and known.revoked_at is None and known.expires_at > utcnow() + timedelta(days=30):
        return
    with unit_of_work():
        if known is not None:
            known.digest = token_digest(f"replaced {known.id}")
            db.session.flush()
        maker = actor_for_user(user, fresh=True)
        token, _ = create_token(maker, role="association_admin", name="lab", expires_in_days=_TOKEN_DAYS)
        token.digest = token_digest(secret)

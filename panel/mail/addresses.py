"""Which addresses and quotas may be asked for."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import select

from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import Conflict, Invalid, PanelError
from panel.mail.models import MailDomain
from panel.mail.naming import check_names
from provisioning.resources import QUOTA_MB_MAX, InvalidResource, check_address

RFC_2142 = frozenset(
    "info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp".split()
)
"""Mailbox names for common services, roles and functions (RFC 2142): nobody's in the shared domain."""

ALWAYS_RESERVED = frozenset("abuse postmaster hostmaster root mailer-daemon cis-probe".split())
"""Names that the operator answers for in every domain (RFC 2142 4 and 5, RFC 5321 4.5.1)."""


class Asked(Protocol):
    """A mailbox that somebody asks for."""

    @property
    def member_id(self) -> uuid.UUID:
        """For whom."""

    @property
    def address(self) -> str:
        """As it was typed."""

    @property
    def quota_mb(self) -> int:
        """As it was given: not yet known to be a number."""


def check_quota(quota_mb: object, *, field: str = "quota_mb", row: int = 0) -> int:
    """Return ``quota_mb`` if it is a whole number of mebibytes that may be asked for. Raises Invalid."""
    if type(quota_mb) is not int:
        raise Invalid("number_bad", field=field, row=row)
    if not 1 <= quota_mb <= QUOTA_MB_MAX:
        raise Invalid("number_range", field=field, least=1, most=QUOTA_MB_MAX, row=row)
    return quota_mb


def check_new_addresses(actor: Actor, wanted: Sequence[Asked], *, statutory: bool) -> list[str]:
    """The addresses asked for, in lower case, each allowed to its member, or one that ``actor`` may give.

    Raises Invalid naming the field and ``row``, Conflict ``taken_twice`` within the request, and what
    ``naming.check_names`` raises.
    """
    addresses, faults = check_each(wanted)
    seen: set[str] = set()
    for row, address in enumerate(addresses):
        if row in faults:
            raise faults[row]
        if address in seen:
            raise Conflict("taken_twice", field="address", name=address, row=row)
        seen.add(address)
    if not statutory:
        check_names(actor, [(new.member_id, address) for new, address in zip(wanted, addresses, strict=True)])
    return addresses


def check_each(wanted: Sequence[Asked]) -> tuple[list[str], dict[int, PanelError]]:
    """The addresses in lower case, and by row what is wrong with those that no member may have, or with a quota."""
    domains = {domain.name: domain for domain in db.session.scalars(select(MailDomain).where(MailDomain.want == "put"))}
    addresses: list[str] = []
    faults: dict[int, PanelError] = {}
    for row, new in enumerate(wanted):
        try:
            addresses.append(_check_one(new, domains, row))
        except PanelError as error:
            addresses.append("")
            faults[row] = error
    return addresses, faults


def _check_one(new: Asked, domains: dict[str, MailDomain], row: int) -> str:
    check_quota(new.quota_mb, row=row)
    address = _syntax(new.address, row)
    local, _, name = address.rpartition("@")
    domain = domains.get(name)
    if domain is None or not (domain.shared or domain.member_id == new.member_id):
        raise Invalid("unknown_domain", field="address", name=name, row=row)
    if local in ALWAYS_RESERVED or (domain.shared and local in RFC_2142):
        raise Invalid("address_rfc2142", field="address", name=local, row=row)
    return address


def _syntax(address: object, row: int) -> str:
    if not isinstance(address, str):
        raise Invalid("address_type", field="address", row=row)
    try:
        return check_address(address.strip(" ").lower() if address.isascii() else address)
    except InvalidResource as error:
        raise Invalid(f"address_{error.code}", field="address", row=row) from None

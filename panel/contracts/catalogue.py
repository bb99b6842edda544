"""The services the association offers from the start. Prices and names may be changed later; codes stay."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from panel.contracts.models import Service
from panel.kernel.db import db, one_at_a_time, unit_of_work

CATALOGUE: tuple[dict[str, Any], ...] = (
    {
        "code": "GMINA-POWIAT",
        "name": "Pakiet gmina lub powiat",
        "name_en": "Municipality or county package",
        "unit": "package",
        "price": Decimal("2400.00"),
        "entitlements": {
            "mailboxes": 30,
            "mailbox_mb": 30 * 2048,
            "zones": 2,
            "virtual_servers": 2,
            "site_mb": 10_240,
            "file_accounts": 5,
            "lists": 5,
            "databases": 2,
            "portals": ["BIP", "SPI"],
        },
    },
    {
        "code": "EMAIL",
        "name": "Skrzynka poczty elektronicznej 1 GB",
        "name_en": "Mailbox, 1 GB",
        "unit": "mailbox",
        "price": Decimal("24.00"),
        "entitlements": {"mailboxes": 1, "mailbox_mb": 1024},
    },
    {
        "code": "SERWER-WIRTUALNY",
        "name": "Wirtualny serwer WWW 5 GB",
        "name_en": "Virtual web server, 5 GB",
        "unit": "server",
        "price": Decimal("360.00"),
        "entitlements": {"virtual_servers": 1, "site_mb": 5120, "file_accounts": 1, "databases": 1},
    },
    {
        "code": "DNS",
        "name": "Utrzymanie strefy DNS",
        "name_en": "DNS zone",
        "unit": "zone",
        "price": Decimal("60.00"),
        "entitlements": {"zones": 1},
    },
    {
        "code": "FTP",
        "name": "Konto plików (FTPS, SFTP) 1 GB",
        "name_en": "File account (FTPS, SFTP), 1 GB",
        "unit": "account",
        "price": Decimal("36.00"),
        "entitlements": {"file_accounts": 1, "site_mb": 1024},
    },
    {
        "code": "LISTA",
        "name": "Lista dyskusyjna",
        "name_en": "Mailing list",
        "unit": "list",
        "price": Decimal("48.00"),
        "entitlements": {"lists": 1},
    },
    {
        "code": "SZKOLA",
        "name": "Konto ucznia lub nauczyciela",
        "name_en": "Pupil's or teacher's account",
        "unit": "seat",
        "price": Decimal("6.00"),
        "entitlements": {"mailboxes": 1, "mailbox_mb": 1024},
    },
    {
        "code": "SPI",
        "name": "Samorządowy Portal Internetowy",
        "name_en": "Local government portal",
        "unit": "portal",
        "price": Decimal("1200.00"),
        "entitlements": {"portals": ["SPI"]},
    },
    {
        "code": "BIP",
        "name": "Biuletyn Informacji Publicznej",
        "name_en": "Public Information Bulletin",
        "unit": "portal",
        "price": Decimal("900.00"),
        "entitlements": {"portals": ["BIP"]},
    },
    {
        "code": "BOM",
        "name": "Biuro Obsługi Mieszkańca",
        "name_en": "Residents' service office",
        "unit": "portal",
        "price": Decimal("1500.00"),
        "entitlements": {"portals": ["BOM"]},
    },
    {
        "code": "GCI",
        "name": "Gminne Centrum Informacji",
        "name_en": "Municipal information centre",
        "unit": "portal",
        "price": Decimal("800.00"),
        "entitlements": {"portals": ["GCI"]},
    },
)
"""Prices are net, in PLN a year for one unit; ``entitlements`` are what one unit grants."""


def ensure_catalogue() -> int:
    """Add the services that are not there and return how many that were; those that are stay as they are."""
    with unit_of_work():
        one_at_a_time("services")
        known = set(db.session.scalars(select(Service.code)))
        new = [Service(**values) for values in CATALOGUE if values["code"] not in known]
        db.session.add_all(new)
    return len(new)

"""What fields are called."""

from __future__ import annotations

from panel.kernel.i18n import _, _l
from panel.wording.record_errors import RECORD_FIELDS
from panel.wording.zones import ZONE_FIELDS

_LABELS = {
    **RECORD_FIELDS,
    **ZONE_FIELDS,
    "address": _l("Address"),
    "quota_mb": _l("Capacity"),
    "password": _l("Password"),
    "old": _l("The password so far"),
    "name": _l("Name"),
    "kind": _l("Kind"),
    "teryt": _l("TERYT"),
    "nip": _l("NIP"),
    "regon": _l("REGON"),
    "rspo": _l("RSPO"),
    "slug": _l("Short name"),
    "parent_id": _l("Belongs to"),
    "e_delivery_address": _l("e-Delivery address"),
    "contacts": _l("Contacts"),
    "number": _l("Number"),
    "member_id": _l("Member"),
    "signed_on": _l("Signed on"),
    "starts_on": _l("In force from"),
    "ends_on": _l("In force until"),
    "ended_on": _l("Last day"),
    "effective_on": _l("In force from"),
    "notice_days": _l("Notice period (days)"),
    "items": _l("Items"),
    "service": _l("Service"),
    "quantity": _l("Quantity"),
    "unit_price": _l("Unit price"),
    "discount_percent": _l("Discount (%%)"),
    "note": _l("Note"),
    "level": _l("Level"),
    "takes_on": _l("From which day"),
    "contact": _l("Whom to ask"),
    "contract_id": _l("Contract"),
    "reason": _l("Reason"),
    "until": _l("Until"),
    "file": _l("File"),
    "mapping": _l("Columns"),
    "parent": _l("Belongs to"),
    "member": _l("Member"),
    "role": _l("Role"),
    "email": _l("E-mail"),
    "expires_in_days": _l("Valid for (days)"),
    "networks": _l("Networks"),
    "url": _l("Address"),
    "kinds": _l("Kinds"),
    "events": _l("Events"),
    "mailboxes": _l("Mailboxes"),
    "domain": _l("Domain"),
    "page": _l("Page"),
    "page_size": _l("Rows on a page"),
    "sort": _l("Order"),
    "cursor": _l("Place in the list"),
}


def field_label(field: str) -> str:
    """Name a field for people: ``items.2.quantity`` is "Quantity (row 3)"."""
    parts = field.split(".")
    label = str(_LABELS.get(parts[-1], parts[-1])).replace("%%", "%")
    rows = [int(part) + 1 for part in parts[:-1] if part.isdecimal()]
    return _("%(label)s (row %(row)s)", label=label, row=rows[0]) if rows else label

"""Values of contracts and their items as people and programs give them, checked and made exact."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from panel.contracts.models import ContractItem, Service
from panel.kernel.db import db, new_id
from panel.kernel.errors import Invalid
from panel.kernel.text import has_control
from panel.members.models import Member


def require_dates(first: date, last: date | None, field: str) -> None:
    """Go on only if ``last``, where known, is not before ``first``. Raises Invalid for ``field``."""
    if last is not None and last < first:
        raise Invalid("dates_order", field=field)


def checked_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """A contract's own values, every bad one named at once. Raises Invalid."""
    checks: dict[str, Callable[[str, Any], Any]] = {
        "number": line,
        "member_id": _member,
        "signed_on": day,
        "starts_on": day,
        "ends_on": _optional_day,
        "notice_days": _count,
    }
    given = {"ends_on": None, "notice_days": 90} | dict(values)
    errors = [Invalid("unknown_field", field=name) for name in given if name not in checks]
    clean: dict[str, Any] = {}
    for name, check in checks.items():
        try:
            clean[name] = check(name, given.get(name))
        except Invalid as error:
            errors.append(error)
    if errors:
        raise Invalid(errors[0].code, field=errors[0].field, errors=errors)
    return clean


def read_items(items: Sequence[Mapping[str, Any]], *, empty: bool = False) -> list[ContractItem]:
    """Items as new rows; at least one unless ``empty``. Raises Invalid naming ``items.ROW.FIELD``."""
    if not items and not empty:
        raise Invalid("required", field="items")
    return [_read_item(f"items.{row}", item) for row, item in enumerate(items)]


def read_quantities(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is ordered, as ``service`` and ``quantity``; at least one. Raises Invalid naming ``items.ROW.FIELD``."""
    if not items:
        raise Invalid("required", field="items")
    read = [_read_item(f"items.{row}", {name: item.get(name) for name in ("service", "quantity")})
            for row, item in enumerate(items)]  # fmt: skip
    return [{"service": item.service_code, "quantity": item.quantity} for item in read]


def _read_item(place: str, item: Mapping[str, Any]) -> ContractItem:
    service = db.session.get(Service, str(item.get("service", "")))
    if service is None:
        raise Invalid("unknown_service", field=f"{place}.service")
    price, discount = item.get("unit_price"), item.get("discount_percent") or 0
    starts_on = _optional_day(f"{place}.starts_on", item.get("starts_on"))
    ends_on = _optional_day(f"{place}.ends_on", item.get("ends_on"))
    if starts_on is not None:
        require_dates(starts_on, ends_on, f"{place}.ends_on")
    return ContractItem(
        id=new_id(),
        service_code=service.code,
        service=service,
        quantity=_count(f"{place}.quantity", item.get("quantity"), least=1),
        unit_price=service.price if price is None else _money(f"{place}.unit_price", price),
        discount_percent=_money(f"{place}.discount_percent", discount, most=100),
        starts_on=starts_on,
        ends_on=ends_on,
    )


def line(field: str, value: Any, *, empty: bool = False) -> str:
    """One line of at most 200 characters, without control characters, spaces at its ends cut off. Raises Invalid."""
    if not isinstance(value, str) or has_control(value) or len(value) > 200:
        raise Invalid("required" if value is None else "text_bad", field=field)
    if not value.strip() and not empty:
        raise Invalid("required", field=field)
    return value.strip()


def day(field: str, value: Any) -> date:
    """A date. Raises Invalid."""
    if not isinstance(value, date):
        raise Invalid("required" if value is None else "date_bad", field=field)
    return value


def _optional_day(field: str, value: Any) -> date | None:
    return None if value is None else day(field, value)


def _count(field: str, value: Any, *, least: int = 0) -> int:
    if type(value) is not int or not least <= value <= 10_000_000:
        raise Invalid("number_range", field=field, least=least, most=10_000_000)
    return value


def _money(field: str, value: Any, *, most: int = 10_000_000) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise Invalid("money_bad", field=field) from None
    if not amount.is_finite() or not 0 <= amount <= most or amount != amount.quantize(Decimal("0.01")):
        raise Invalid("money_bad", field=field)
    return amount


def _member(field: str, value: Any) -> uuid.UUID:
    if not isinstance(value, uuid.UUID) or db.session.get(Member, value) is None:
        raise Invalid("unknown_member", field=field)
    return value

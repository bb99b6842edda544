"""Forms of orders and of what the association decides about them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from wtforms import FieldList, Form, FormField, HiddenField, SubmitField

from panel.contracts.models import Contract, Service
from panel.kernel.i18n import _l
from panel.web.filters import money
from panel.web.forms.base import PanelForm
from panel.web.forms.contracts import ItemRows
from panel.web.forms.fields import Choice, Day, Identifier, Line, Required, WholeNumber
from panel.wording import service_name, unit_word


class OrderItemForm(Form):
    """One row: a service and how much of it."""

    service = Choice(_l("Service"))
    quantity = WholeNumber(_l("Quantity"))


class OrderForm(ItemRows):
    """What is ordered. ``ticket`` names this form, so that sending it twice is one order."""

    contracts: Mapping[str, Any]
    contract_id = Choice(_l("For which contract"))
    items = FieldList(
        FormField(OrderItemForm, separator="."),  # type: ignore[arg-type]  # rows with fewer columns
        min_entries=2,
        max_entries=100,
        separator=".",
    )
    note = Line(_l("What for"), description=_l("For those who decide about it; may stay empty."))
    ticket = Identifier()
    total = HiddenField()
    add_row = SubmitField(_l("Add another row"))

    def offer_contracts(self, contracts: Sequence[Contract]) -> None:
        """Give the member's contracts to choose from."""
        self.contracts = {str(one.id): one.number for one in contracts} | {"": _l("a new contract")}
        self.contract_id.choices = list(self.contracts.items())

    def values(self) -> dict[str, Any]:
        """What ``create_order`` takes."""
        return {
            "items": self.rows(),
            "contract_id": self._contract_id(),
            "note": self.note.text,
            "ticket": self.ticket.data,
        }

    def _contract_id(self) -> uuid.UUID | None:
        """The contract chosen; what is none of those offered is one that nobody has."""
        chosen = self.contract_id.data or ""
        if not chosen:
            return None
        return uuid.UUID(chosen) if chosen in self.contracts else uuid.UUID(int=0)

    def shown_total(self) -> Decimal | None:
        """What the sender was shown; None where that cannot be read."""
        try:
            return Decimal(self.total.data or "")
        except InvalidOperation:
            return None

    def service_label(self, service: Service) -> str:
        """A service with its price, to choose from."""
        return f"{service_name(service)} — {money(service.price)} / {unit_word(service.unit)}"


class ApprovalForm(PanelForm):
    """Which paper grants it, and from when."""

    number = Line(_l("Number"), [Required()])
    effective_on = Day(_l("In force from"), [Required()])
    signed_on = Day(_l("Signed on"), description=_l("Empty: today."))
    ends_on = Day(_l("In force until"), description=_l("Empty: for an unlimited time. The last day is included."))

    def values(self) -> dict[str, Any]:
        """What ``approve_order`` takes."""
        return {name: self[name].data for name in ("number", "effective_on", "signed_on", "ends_on")}


class RefusalForm(PanelForm):
    """Why not."""

    reason = Line(_l("Reason"), [Required()], description=_l("The member sees it."))

"""Forms of contracts, amendments, suspension and scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_wtf.file import FileField
from wtforms import FieldList, Form, FormField, RadioField, SubmitField

from panel.contracts.models import SUSPENSION_LEVELS, Service
from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Choice, Day, Line, Money, Required, WholeNumber
from panel.web.forms.versioned import VersionedForm
from panel.wording import level_words, service_name, suspension_word

ROWS_AT_FIRST, ROWS_MAX = 3, 100
_OPTIONAL = ("unit_price", "discount_percent", "starts_on", "ends_on")


class ItemForm(Form):
    """One row: a service and how much of it."""

    service = Choice(_l("Service"))
    quantity = WholeNumber(_l("Quantity"))
    unit_price = Money(_l("Unit price"))
    discount_percent = Money(_l("Discount, %"))
    starts_on = Day(_l("From"))
    ends_on = Day(_l("To"))


class ItemRows(PanelForm):
    """A form with rows of services; rows in which nothing was typed are left out."""

    items = FieldList(
        FormField(ItemForm, separator="."), min_entries=ROWS_AT_FIRST, max_entries=ROWS_MAX, separator="."
    )
    add_row = SubmitField(_l("Add another row"))

    def offer(self, services: Sequence[Service]) -> None:
        """Give the catalogue to choose from."""
        choices = [("", _l("— none —")), *((service.code, self.service_label(service)) for service in services)]
        for entry in self.items:
            entry.form.service.choices = choices

    def service_label(self, service: Service) -> str:
        """A service as one chooses it."""
        return f"{service.code} — {service_name(service)}"

    def rows(self) -> list[dict[str, Any]]:
        """What the actions take as ``items``."""
        return [_row(entry.form) for entry in self._filled()]

    def name_of(self, path: str) -> str:
        """Find the row among all rows: the action has counted only those that are filled in."""
        name, _, rest = path.partition(".")
        row, _, column = rest.partition(".")
        filled = self._filled()
        if name == "items" and row.isdigit() and int(row) < len(filled):
            return f"{filled[int(row)].name}.{column}"
        return path

    def _filled(self) -> list[FormField]:
        return [
            entry
            for entry in self.items
            if any(str(field.raw_data[0]).strip() for field in entry.form if field.raw_data)
        ]


class ContractDataForm(VersionedForm):
    """What stands on a contract's first page."""

    number = Line(_l("Contract number"), [Required()], description=_l("For example: 12/2026"))
    signed_on = Day(_l("Signed on"), [Required()])
    starts_on = Day(_l("In force from"), [Required()])
    ends_on = Day(_l("In force until"), description=_l("Empty: for an unlimited time. The last day is included."))
    notice_days = WholeNumber(_l("Notice period in days"), [Required()], default=90)
    submit = SubmitField(_l("Save"))

    def values(self) -> dict[str, Any]:
        """What the actions take."""
        return {name: self[name].data for name in ("number", "signed_on", "starts_on", "ends_on", "notice_days")}


class NewContractForm(ItemRows, ContractDataForm):
    """A new contract with its services."""


class AmendmentForm(ItemRows):
    """An amendment with the services it adds."""

    number = Line(_l("Amendment number"), [Required()])
    signed_on = Day(_l("Signed on"), [Required()])
    effective_on = Day(_l("In force from"), [Required()])
    note = Line(_l("What it changes"))
    submit = SubmitField(_l("Add amendment"))

    def values(self) -> dict[str, Any]:
        """What ``add_amendment`` takes."""
        return {name: self[name].data for name in ("number", "signed_on", "effective_on", "note")} | {
            "items": self.rows()
        }


class SuspendForm(PanelForm):
    """How far, and why."""

    level = RadioField(
        _l("How far"),
        choices=[(level, suspension_word(level)) for level in SUSPENSION_LEVELS],
        default="no_new",
        validate_choice=False,
    )
    reason = Line(_l("Reason"), [Required()], description=_l("The member sees it."))
    contact = Line(_l("Whom to ask"), description=_l("Shown beside the reason, for example a name and a telephone."))
    submit = SubmitField(_l("See what will happen"))

    def offer(self) -> None:
        """Give the levels to choose from."""
        self.level.choices = [(level, f"{suspension_word(level)}: {level_words(level)}") for level in SUSPENSION_LEVELS]


class StepForm(Form):
    """One step of a plan: what is stopped, and from when."""

    level = Choice(_l("Level"))
    takes_on = Day(_l("From which day"))


class PlanForm(PanelForm):
    """Which level from which day on; steps without a day are left out."""

    steps = FieldList(
        FormField(StepForm, separator="."),
        min_entries=len(SUSPENSION_LEVELS),
        max_entries=len(SUSPENSION_LEVELS),
        separator=".",
    )
    reason = Line(_l("Reason"), [Required()], description=_l("The member sees it."))
    contact = Line(_l("Whom to ask"), description=_l("Shown beside the reason, for example a name and a telephone."))

    def offer(self) -> None:
        """Give the levels to choose from, one for each row."""
        for entry, level in zip(self.steps, SUSPENSION_LEVELS, strict=True):
            entry.form.level.choices = [(one, suspension_word(one)) for one in SUSPENSION_LEVELS]
            entry.form.level.data = entry.form.level.data or level

    def values(self) -> dict[str, Any]:
        """What ``plan_suspension`` takes."""
        return {"steps": self.planned(), "reason": self.reason.text, "contact": self.contact.text}

    def planned(self) -> list[dict[str, Any]]:
        """The rows with a day, in the order of the form."""
        return [{"level": e.form.level.data, "takes_on": e.form.takes_on.data} for e in self._with_a_day()]

    def name_of(self, path: str) -> str:
        """Find the row among all rows: the action has counted only those with a day."""
        name, _, rest = path.partition(".")
        row, _, column = rest.partition(".")
        filled = self._with_a_day()
        return f"{filled[int(row)].name}.{column}" if name == "steps" and row and int(row) < len(filled) else path

    def _with_a_day(self) -> list[FormField]:
        return [entry for entry in self.steps if entry.form.takes_on.data is not None]


class TaskForm(PanelForm):
    """What was done."""

    note = Line(_l("What was done"), [Required()], description=_l("For example: amendment signed, or services end."))


class EndForm(PanelForm):
    """The last day."""

    ended_on = Day(_l("Last day"), [Required()], description=_l("On the day after it nothing is granted any more."))
    submit = SubmitField(_l("See what will happen"))


class ScanForm(PanelForm):
    """A signed document."""

    file = FileField(_l("Signed scan"), description=_l("PDF, PNG or JPEG, at most 20 MB."))
    submit = SubmitField(_l("Attach"))

    def name(self) -> str:
        """The file's name as it was sent."""
        return (self.file.data.filename if self.file.data else None) or ""

    def content(self) -> bytes:
        """Its bytes; without a file none, which is no kind of scan."""
        return self.file.data.read() if self.file.data else b""


def _row(form: ItemForm) -> dict[str, Any]:
    row: dict[str, Any] = {"service": form.service.data, "quantity": form.quantity.data}
    return row | {name: form[name].data for name in _OPTIONAL if name in form and form[name].data is not None}

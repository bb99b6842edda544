"""Forms of zones: a new one, its records, its times, and how it comes from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request
from wtforms import BooleanField, FieldList, Form, FormField, HiddenField, RadioField, SubmitField, TextAreaField

from panel.dns.committing import COMMENT_MOST
from panel.dns.judging import DEFAULT_TTL, Wanted
from panel.dns.models import Zone
from panel.dns.records.canonical import SOA_BOUNDS
from panel.dns.records.editing import Editor, Field
from panel.dns.records.fields import from_fields, to_fields
from panel.dns.templates import TEMPLATES
from panel.kernel.access import Actor
from panel.kernel.errors import Invalid
from panel.kernel.i18n import _, _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Line, Required, WholeNumber
from panel.web.forms.member_text import MemberText
from panel.web.forms.versioned import VersionedForm

PART = "part_"
"""In front of the names of a record's parts, some of which a form needs for itself."""

_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class NewZoneForm(PanelForm):
    """A new zone."""

    member_id = MemberText(_l("Member"))
    name = Line(_l("Name of the zone"), [Required()], description=_l("For example: gmina.pl"), render_kw=_PLAIN)
    template = RadioField(_l("What it begins with"), default="empty", validate_choice=False)
    address = Line(
        _l("IPv4 address of the site"),
        description=_l("For templates with a site: where visitors are led, for example 192.0.2.10."),
        render_kw=_PLAIN,
    )
    address6 = Line(
        _l("IPv6 address of the site"), description=_l("Leave it empty if the site has none."), render_kw=_PLAIN
    )
    dnssec = BooleanField(
        _l("Signed (DNSSEC)"),
        default=True,
        description=_l("Answers carry signatures, so that nobody can forge them. Leave it on unless you know why not."),
    )
    reason = Line(
        _l("Reason (optional)"),
        description=_l("Only for a name that was another member's in the last years. It is kept on record."),
    )
    accept_warnings = BooleanField(_l("Make it in spite of the warnings"))
    submit = SubmitField(_l("Create zone"))

    def offer(self, actor: Actor) -> None:
        """Give the templates, and say whose the zone will be."""
        self.template.choices = [(one.code, f"{one.title}: {one.help}") for one in TEMPLATES]
        hint = _l("Short name, TERYT or full name.")
        everywhere = _l("Short name, TERYT or full name. Empty: the association's own.")
        self.member_id.description = everywhere if actor.may_everywhere("dns:write") else hint
        if not actor.may_everywhere("dns:write"):
            self.member_id.validators = [Required()]

    def values(self) -> dict[str, Any]:
        """What ``create_zone`` takes."""
        chosen = next((one for one in TEMPLATES if one.code == self.template.data), None)
        asked = [one.name for one in chosen.parameters] if chosen else []
        return {
            "member_id": self.member_id.data,
            "name": self.name.text,
            "template": self.template.data or "",
            "values": {name: str(self[name].data or "") for name in asked},
            "dnssec": bool(self.dnssec.data),
            "reason": self.reason.text,
            "accept_warnings": bool(self.accept_warnings.data),
        }


class ChangeForm(PanelForm):
    """Something wanted of a zone, shown as a difference before it is asked for.

    ``version``: on which that is based which was typed. ``shown``: with which it was compared, as the page showed it.
    """

    version = HiddenField()
    shown = HiddenField()
    comment = Line(
        _l("Comment (optional)"),
        description=_l("Why. It is shown beside the version, for example: new web server."),
        render_kw={"maxlength": COMMENT_MOST, "autocomplete": "off"},
    )
    accept_warnings = BooleanField(_l("I looked at the warnings; save it all the same"))

    @property
    def step(self) -> str:
        """What is to be done with what was typed: *preview*, *save*, *again* or *row* (type on), nothing."""
        return request.form.get("step", "") if request.method == "POST" else ""

    @property
    def base(self) -> int:
        """The version on which what was typed is based; 0 where that is not said."""
        return _number(self.version.data)

    @property
    def compared(self) -> int:
        """The version with which it was compared when the difference was shown; 0 before."""
        return _number(self.shown.data)


class TextForm(ChangeForm):
    """All records of a zone as a zone file."""

    text = TextAreaField(_l("Zone file"), render_kw={"rows": 24, "wrap": "off", **_PLAIN})


class RecordForm(ChangeForm):
    """The records of one name and type; the rows for values come from ``record_form``."""

    name = Line(
        _l("Name"),
        [Required()],
        description=_l("The part before the zone's name, for example www. @ is the zone itself, * any other name."),
        render_kw=_PLAIN,
    )
    ttl = WholeNumber(
        _l("Kept for (seconds)"),
        default=DEFAULT_TTL,
        description=_l("How long others may remember the answer: 60 to 604800. An hour is 3600."),
    )
    editor: Editor

    def wanted(self, zone: str) -> Wanted:
        """What is typed, in the words of zone files. Raises Invalid with all parts at fault."""
        texts, faults = [], []
        for row, entry in self.filled():
            parts = {name.removeprefix(PART): str(value or "") for name, value in entry.data.items()}
            try:
                texts.append(from_fields(self.editor.type, parts, zone))
            except Invalid as fault:
                faults += [Invalid(one.code, field=f"values.{row}.{PART}{one.field}" if one.field in parts else
                                   f"values.{row}.{PART}{self.editor.names[0]}", **one.params)
                           for one in fault.errors]  # fmt: skip
        if faults:
            raise Invalid(faults[0].code, field=faults[0].field, errors=faults, **faults[0].params)
        if not texts:
            raise Invalid("required", field=f"values.0.{PART}{self.editor.names[0]}")
        return Wanted(name=self.name.text, type=self.editor.type, ttl=self.ttl.data, values=texts)

    @property
    def rows(self) -> FieldList:
        """The rows for values."""
        found: FieldList = self["values"]  # type: ignore[assignment]  # ``record_form`` puts it there
        return found

    def filled(self) -> list[tuple[int, Form]]:
        """The rows in which anything is typed, with their numbers."""
        rows = enumerate(entry.form for entry in self.rows)
        return [(row, form) for row, form in rows if any(str(value or "").strip() for value in form.data.values())]

    def name_of(self, path: str) -> str:
        """Find the row among all rows: the action has counted, and put in order, only those that are filled in."""
        head, _dot, rest = path.partition(".")
        if head != "values" or path in self:
            return path
        row, _dot, part = rest.partition(".")
        filled = self.filled()
        place = filled[int(row)][0] if row.isdigit() and int(row) < len(filled) else 0
        name = part if part in self.editor.names else self.editor.names[0]
        return f"values.{place}.{PART}{name}"


def record_form(editor: Editor, *, name: str = "", ttl: int | None = None, values: Sequence[str] = (),
                version: int = 0) -> RecordForm:  # fmt: skip
    """The form for records of one type, with a row for each of ``values`` and at least one."""
    row: Any = type("ValueForm", (Form,), {PART + one.name: _part(one) for one in editor.fields})
    rows = FieldList(FormField(row, separator="."), min_entries=1, max_entries=1_000, separator=".")
    made: Any = type("ValuesForm", (RecordForm,), {"values": rows, "editor": editor})
    data: dict[str, Any] = {"name": name, "version": str(version)}
    if ttl is not None:
        data["ttl"] = ttl
    if values:
        shown = [to_fields(editor.type, value) for value in values]
        data["values"] = [{PART + part: text for part, text in one.items()} for one in shown]
    form: RecordForm = made(data=data)
    return form


class SoaForm(VersionedForm):
    """The times of a zone."""

    refresh = WholeNumber(_l("Secondaries ask again after (refresh)"), [Required()])
    retry = WholeNumber(_l("And after a failure after (retry)"), [Required()])
    expire = WholeNumber(_l("Without the primary they answer for (expire)"), [Required()])
    minimum = WholeNumber(_l("That a name is absent is remembered for (minimum)"), [Required()])
    ttl = WholeNumber(_l("The start itself is remembered for (TTL)"), [Required()])
    comment = Line(_l("Comment (optional)"), render_kw={"maxlength": COMMENT_MOST, "autocomplete": "off"})
    submit = SubmitField(_l("Save"))

    def offer(self) -> None:
        """Say between what each may lie."""
        for name, (least, most) in SOA_BOUNDS.items():
            self[name].description = _("%(least)s to %(most)s seconds.", least=least, most=most)

    def values(self) -> dict[str, Any]:
        """What ``set_soa`` takes."""
        return {name: self[name].data for name in SOA_BOUNDS}


class SoaRow:
    """A zone's times by the names of the form's fields."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def __getattr__(self, name: str) -> Any:
        if name in SOA_BOUNDS:
            return getattr(self._zone, f"soa_{name}")
        if name == "version":
            return self._zone.version
        raise AttributeError(name)


class ReasonForm(PanelForm):
    """Why somebody of the staff says so."""

    reason = Line(_l("Reason"), [Required()], description=_l("It is kept on record."))
    submit = SubmitField(_l("Vouch for the name"))


class ForceForm(PanelForm):
    """Why signing ends at once."""

    reason = Line(_l("Reason"), [Required()], description=_l("It is kept on record."))
    submit = SubmitField(_l("Switch signing off now"))


def _part(field: Field) -> Any:
    """The input for one part of a record."""
    usual = "; ".join(f"{value} – {meaning}" for value, meaning in field.choices.items())
    example = _("For example: %(text)s", text=field.example) if field.example else ""
    about = " ".join(text for text in (str(field.about), f"{usual}." if usual else example) if text)
    look = {**_PLAIN, **({"inputmode": "numeric"} if field.kind == "number" else {})}
    if field.kind == "text":
        return TextAreaField(field.label, description=about, render_kw={**look, "rows": 3})
    label = _("%(label)s (optional)", label=field.label) if field.optional else field.label
    return Line(label, description=about, render_kw=look)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0

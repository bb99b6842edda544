"""Forms of members."""

from __future__ import annotations

from typing import Any

from wtforms import FieldList, Form, FormField, SubmitField

from panel.kernel.i18n import _l
from panel.members.actions import EDITABLE
from panel.members.models import MEMBER_KINDS
from panel.web.forms.fields import Choice, Line, Required
from panel.web.forms.member_text import MemberText
from panel.web.forms.versioned import VersionedForm
from panel.wording import member_kind_word

CONTACT_FIELDS = ("name", "role", "phone", "email")


class ContactForm(Form):
    """One person to call or write to."""

    name = Line(_l("Name and surname"))
    role = Line(_l("Function"))
    phone = Line(_l("Phone"), render_kw={"type": "tel"})
    email = Line(_l("E-mail"), render_kw={"type": "email"})


class MemberForm(VersionedForm):
    """A member's data."""

    name = Line(
        _l("Name"), [Required()], description=_l("As it stands in documents, for example: Gmina Miejska Kościan")
    )
    kind = Choice(_l("Kind"))
    parent_id = MemberText(
        _l("Belongs to"), description=_l("Short name, TERYT or full name of the member it belongs to.")
    )
    slug = Line(_l("Short name"), description=_l("Becomes the statutory address. Empty: made from the name."))
    teryt = Line(_l("TERYT"), description=_l("County: 4 digits, municipality: 6."), render_kw={"inputmode": "numeric"})
    nip = Line(_l("NIP"), render_kw={"inputmode": "numeric"})
    regon = Line(_l("REGON"), render_kw={"inputmode": "numeric"})
    rspo = Line(_l("RSPO"), description=_l("Number in the register of schools."), render_kw={"inputmode": "numeric"})
    address = Line(_l("Postal address"))
    e_delivery_address = Line(
        _l("e-Delivery address"), description=_l("AE:PL-… from the register of electronic addresses.")
    )
    contacts = FieldList(FormField(ContactForm, separator="."), min_entries=1, max_entries=50, separator=".")
    add_row = SubmitField(_l("Add another contact"))
    submit = SubmitField(_l("Save"))

    def offer(self) -> None:
        """Give the kinds to choose from."""
        self.kind.choices = kind_choices()

    def values(self) -> dict[str, Any]:
        """What the actions take; contacts without any entry are left out, an empty short name too."""
        values = {name: self[name].data for name in EDITABLE}
        values["contacts"] = [row for entry in self.contacts if any((row := _contact(entry)).values())]
        return values if values["slug"].strip() else {name: value for name, value in values.items() if name != "slug"}


def kind_choices() -> list[tuple[str, str]]:
    """The kinds of members with their names, for selects and chips."""
    return [(kind, member_kind_word(kind)) for kind in MEMBER_KINDS]


def _contact(entry: FormField) -> dict[str, str]:
    return {name: entry.form[name].data.strip() for name in CONTACT_FIELDS}

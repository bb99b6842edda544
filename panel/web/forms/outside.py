"""Forms of outside providers."""

from __future__ import annotations

import uuid
from typing import Any

from wtforms import BooleanField, SubmitField, TextAreaField

from panel.kernel.errors import Invalid
from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Line, Required, Secret
from panel.web.forms.member_text import find_member


class ProviderForm(PanelForm):
    """An outside provider's data."""

    name = Line(_l("Name"), [Required()], description=_l("As people know it, for example: Urząd Miasta Kościan"))
    issuer = Line(
        _l("Issuer"),
        description=_l("Its address as the provider itself gives it, to the letter. It cannot be changed later."),
        render_kw={"type": "url"},
    )
    client_id = Line(_l("Client ID"), [Required()])
    client_secret = Secret(_l("Client secret"), render_kw={"autocomplete": "off"})
    members = TextAreaField(
        _l("Members whose people may use it"),
        description=_l("One on a line: short name, TERYT or full name. Units below a member are included."),
        render_kw={"rows": 4},
    )
    for_staff = BooleanField(_l("People with a role on the whole association may use it too"))
    active = BooleanField(_l("Switched on"), default=True)
    submit = SubmitField(_l("Save"))

    def values(self) -> dict[str, Any]:
        """What the actions take, but for issuer and secret. Raises Invalid ``members``."""
        return {
            "name": self.name.text,
            "client_id": self.client_id.text,
            "member_ids": self._member_ids(),
            "for_staff": bool(self.for_staff.data),
        }

    def _member_ids(self) -> list[uuid.UUID]:
        found = []
        for line in (self.members.data or "").splitlines():
            if line.strip():
                member_id = find_member(line.strip())
                if member_id is None:
                    raise Invalid("unknown_member", field="members")
                found.append(member_id)
        return found

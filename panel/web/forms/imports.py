"""Forms of imports."""

from __future__ import annotations

from typing import Any

from flask_wtf.file import FileField
from wtforms import SubmitField

from panel.imports.kinds import importer_of
from panel.imports.models import Import
from panel.kernel.i18n import _, _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Choice
from panel.web.forms.member_text import MemberText
from panel.wording import field_label, import_kind_word


class UploadForm(PanelForm):
    """A table to import."""

    kind = Choice(_l("What is in it"))
    file = FileField(
        _l("File"), description=_l("CSV or a workbook (.xlsx). Headings in the first row; letters are found by itself.")
    )
    member_id = MemberText(
        _l("Member (optional)"),
        description=_l("Whose the rows are that do not say. Short name, TERYT or full name."),
    )
    submit = SubmitField(_l("See what will happen"))

    def offer(self, kinds: list[str]) -> None:
        """Give the kinds to choose from."""
        self.kind.choices = [(kind, import_kind_word(kind)) for kind in kinds]

    def values(self) -> dict[str, Any]:
        """What ``start_import`` takes."""
        file = self.file.data
        return {
            "kind": self.kind.data or "",
            "content": file.read() if file else b"",
            "file_name": (file.filename if file else None) or "",
            "member_id": self.member_id.data,
        }


class MappingForm(PanelForm):
    """Which column holds what; one choice for each field is added by ``mapping_form``."""

    def values(self) -> dict[str, Any]:
        """What ``remap_import`` takes."""
        return {
            "mapping": {name.removeprefix("field_"): self[name].data for name in self.chosen},
            "member_id": self.member_id.data if "member_id" in self else None,
        }

    @property
    def chosen(self) -> list[str]:
        """The names of its choices."""
        return [name for name in self._fields if name.startswith("field_")]


def mapping_form(one: Import) -> MappingForm:
    """The form for an import's own columns."""
    importer = importer_of(one.kind)
    fields: dict[str, Any] = {}
    for column in importer.columns:
        label = (
            field_label(column.name) if column.required else _("%(label)s (optional)", label=field_label(column.name))
        )
        choices = [("", _("no column")), *((heading, heading) for heading in one.columns)]
        fields[f"field_{column.name}"] = Choice(label, choices=choices)
    if any(column.name == "member" for column in importer.columns):
        fields["member_id"] = MemberText(
            UploadForm.member_id.args[0], description=UploadForm.member_id.kwargs["description"]
        )
    given = {f"field_{name}": heading for name, heading in one.mapping.items()} | {"member_id": one.member_id}
    form: MappingForm = type("OwnMappingForm", (MappingForm,), fields)(data=given)
    return form

"""Forms by which zones come from elsewhere."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_wtf.file import MultipleFileField
from wtforms import BooleanField, SubmitField, TextAreaField

from panel.dns.committing import COMMENT_MOST
from panel.dns.transferring import ALGORITHMS, PORT, Key
from panel.kernel.access import Actor
from panel.kernel.i18n import _l
from panel.web.forms.base import PanelForm
from panel.web.forms.fields import Choice, Line, Required, Secret, WholeNumber
from panel.web.forms.member_text import MemberText

_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class ComingForm(PanelForm):
    """Which zone, and whose."""

    name = Line(_l("Name of the zone"), [Required()], description=_l("For example: gmina.pl"), render_kw=_PLAIN)
    member_id = MemberText(_l("Member"))

    def offer(self, actor: Actor) -> None:
        """Say whose the zone will be."""
        hint = _l("Short name, TERYT or full name.")
        everywhere = _l("Short name, TERYT or full name. Empty: the association's own.")
        self.member_id.description = everywhere if actor.may_everywhere("dns:write") else hint
        if not actor.may_everywhere("dns:write"):
            self.member_id.validators = [Required()]


class FilesForm(ComingForm):
    """A zone file, pasted or uploaded."""

    text = TextAreaField(
        _l("Zone file as text"),
        description=_l("Paste it here, or choose files below. An export in JSON is taken too."),
        render_kw={"rows": 10, "wrap": "off", **_PLAIN},
    )
    files = MultipleFileField(
        _l("Files"),
        description=_l("The zone file, and all that it includes ($INCLUDE), under their own names."),
    )
    main = Line(
        _l("Which of them to begin with (optional)"),
        description=_l("Its name, where you choose several files. Empty: the first one."),
        render_kw=_PLAIN,
    )
    submit = SubmitField(_l("See what would change"))

    def values(self) -> dict[str, Any]:
        """What ``preview_files`` takes; files go before text."""
        sent = {file.filename: file.read() for file in request.files.getlist("files") if file.filename}
        text = str(self.text.data or "")
        files = sent or ({"text": text.encode()} if text.strip() else {})
        return {
            "member_id": self.member_id.data,
            "name": self.name.text,
            "files": files,
            "main": self.main.text.strip() or None if sent else None,
            "way": "files" if sent else "text",
        }

    def name_of(self, path: str) -> str:
        """The action knows files, people text too."""
        return "text" if path == "file" else path


class TransferForm(ComingForm):
    """The server that has the zone now, and the key it wants."""

    server = Line(
        _l("Server that has it now"), [Required()], description=_l("Its name or address, which must be public."),
        render_kw=_PLAIN,
    )  # fmt: skip
    port = WholeNumber(_l("Port"), default=PORT)
    key_name = Line(
        _l("Name of the key (optional)"),
        description=_l("Where the server wants one (TSIG). The key is used once and not kept."),
        render_kw=_PLAIN,
    )
    algorithm = Choice(_l("Algorithm of the key"), choices=[(one, one) for one in ALGORITHMS])
    key = Secret(_l("Secret of the key"), render_kw={"autocomplete": "off"})
    submit = SubmitField(_l("Fetch it and see what would change"))

    def values(self) -> dict[str, Any]:
        """What ``preview_transfer`` takes."""
        has_key = bool(self.key_name.text.strip() or self.key.text)
        key = Key(name=self.key_name.text.strip(), algorithm=self.algorithm.data or "", secret=self.key.text)
        return {
            "member_id": self.member_id.data,
            "name": self.name.text,
            "server": self.server.text,
            "port": self.port.data or PORT,
            "key": key if has_key else None,
        }


class TakeOverForm(PanelForm):
    """How what was read is taken over."""

    only_good = BooleanField(_l("Take the other lines over without those that were refused"))
    our_servers = BooleanField(
        _l("Put the association's name servers in place of those it names"),
        description=_l("Otherwise the zone goes on naming servers elsewhere, and ours are asked by nobody."),
    )
    accept_warnings = BooleanField(_l("I looked at the warnings; take it over all the same"))
    comment = Line(_l("Comment (optional)"), render_kw={"maxlength": COMMENT_MOST, "autocomplete": "off"})
    submit = SubmitField(_l("Take over"))

    def values(self) -> dict[str, Any]:
        """What ``take_over`` takes."""
        ticked = ("only_good", "our_servers", "accept_warnings")
        return {name: bool(self[name].data) for name in ticked} | {"comment": self.comment.text}

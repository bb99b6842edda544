"""One change of many mailboxes: what will happen is shown first, then done to exactly that."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.imports.made import mailboxes_made
from panel.kernel.db import db
from panel.kernel.errors import Conflict, Invalid
from panel.kernel.i18n import _, _l, ngettext
from panel.ledger.resources import RESOURCE_STATES
from panel.mail.changing import ChangedMany, change_mailboxes
from panel.mail.choosing import ACTIONS, Choice, Wish, plan_changes
from panel.mail.domains import domains_query
from panel.mail.models import MailDomain
from panel.web.forms.mail import ManyForm
from panel.web.lists import csv_of
from panel.web.session import actor, permission
from panel.wording import describe

area = Blueprint("mailboxes", __name__, url_prefix="/mail/changes")

FILTERS = ("search", "state", "domain", "member", "sort", "page_size")
WORDS = {
    "suspend": _l("Suspend"),
    "resume": _l("Resume"),
    "remove": _l("Remove"),
    "restore": _l("Restore"),
    "quota": _l("Change capacity"),
    "activation": _l("New activation links"),
}


@area.post("")
@permission("mail:write")
def change() -> ResponseReturnValue:
    """Show what would happen to the mailboxes chosen; with that page's digest, do it."""
    form = ManyForm()
    wish, choice = Wish(action=form.action.data or "", quota_mb=form.quota_mb.data), _choice()
    try:
        if form.validate_on_submit() and form.digest.data:
            return _done(change_mailboxes(actor(), wish, choice, digest=form.digest.data))
        plan = None if wish.action == "quota" and wish.quota_mb is None else plan_changes(actor(), wish, choice)
    except (Invalid, Conflict) as error:
        flash(describe(error), "danger")
        return redirect(_list(), 303)
    kept = {name: request.form.get(name, "") for name in (*FILTERS, "scope", "import", "from_line")}
    return render_template(
        "mail/changes.html", form=form, wish=wish, plan=plan, kept=kept, back=_list(),
        ids=() if kept["import"] else choice.ids or (),
        title=WORDS[wish.action] if wish.action in ACTIONS else "",
    ), form.status  # fmt: skip


def _choice() -> Choice:
    """What was chosen: rows of the page, all that the list shows, or what an import made."""
    values = request.form
    if values.get("import"):
        line = values.get("from_line", "")
        first = int(line) if line.isascii() and line.isdigit() and len(line) < 9 else 1
        return Choice(ids=mailboxes_made(actor(), _id(values["import"]) or uuid.UUID(int=0), from_line=first))
    if values.get("scope") != "all":
        return Choice(ids=[found for text in values.getlist("id") if (found := _id(text))])
    state, domain, member = values.get("state"), values.get("domain"), values.get("member")
    return Choice(
        search=values.get("search", "").strip()[:200],
        member_id=(_id(member) or uuid.UUID(int=0)) if member else None,
        domain_id=_domain_id(domain) if domain else None,
        state=state if state in RESOURCE_STATES else None,
    )


def _domain_id(name: str) -> uuid.UUID:
    """The domain that the list was narrowed to; where there is none, an id that no mailbox has, never all of them."""
    query = domains_query(actor()).where(MailDomain.name == name).with_only_columns(MailDomain.id)
    return db.session.scalar(query) or uuid.UUID(int=0)


def _id(text: str) -> uuid.UUID | None:
    with suppress(ValueError):
        return uuid.UUID(text)
    return None


def _list() -> str:
    if (made_by := _id(request.form.get("import", ""))) is not None:
        return url_for("imports.show", import_id=made_by)
    kept: dict[str, Any] = {name: text for name in FILTERS if (text := request.form.get(name))}
    return url_for("mail.show_list", **kept)


def _done(done: ChangedMany) -> ResponseReturnValue:
    """Back to the list; links are given as a file, this once."""
    if done.tokens:
        return _links(done)
    count = done.plan.counts["change"]
    flash(ngettext("%(num)s mailbox is being changed.", "%(num)s mailboxes are being changed.", count), "success")
    return redirect(_list(), 303)


def _links(done: ChangedMany) -> Response:
    start = current_app.config["CIS"].public_url.rstrip("/")
    rows = [(line.row.address, f"{start}/activate/{done.tokens[line.row.id]}") for line in done.plan.of("change")]
    answer = csv_of([_("Address"), _("Activation link")], rows, name="activation-links")
    answer.headers["Cache-Control"] = "no-store"
    return answer

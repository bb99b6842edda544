"""Pages that change one mailbox: capacity, password, link, suspension, address, removal."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from panel.kernel.i18n import _
from panel.mail import actions, takeover
from panel.mail.aliases import aliases_of
from panel.mail.models import Mailbox
from panel.web.confirming import confirmed
from panel.web.forms.base import PanelForm
from panel.web.forms.mail import PasswordForm, QuotaForm, RenameForm, TakeOverForm
from panel.web.mail_parts import domain_names, link_page, room
from panel.web.session import actor, permission, require_fresh

area = Blueprint("mailbox", __name__, url_prefix="/mail/mailboxes/<uuid:mailbox_id>")


@area.route("/quota", methods=["GET", "POST"])
@permission("mail:write")
def quota(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """Another capacity."""
    mailbox = _mailbox(mailbox_id)
    form = QuotaForm(obj=mailbox)
    changed = form.attempt(lambda: actions.set_quota(actor(), mailbox_id, quota_mb=form.quota_mb.data))
    if changed is None:
        return render_template("mail/quota.html", form=form, mailbox=mailbox, room=room(mailbox.member)), form.status
    return _done(mailbox_id, _("The new capacity is on its way to the server."))


@area.route("/password", methods=["GET", "POST"])
@permission("mail:password")
@require_fresh
def password(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """A password set for the holder."""
    mailbox = _mailbox(mailbox_id, "mail:password")
    form = PasswordForm()
    changed = form.attempt(lambda: actions.set_password(actor(), mailbox_id, password=form.password.text))
    if changed is None:
        return render_template("mail/password.html", form=form, mailbox=mailbox), form.status
    return _done(
        mailbox_id, _("The new password is on its way to the server. Whoever is signed in will be signed out.")
    )


@area.route("/link", methods=["GET", "POST"])
@permission("mail:password")
def link(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """A new activation link, shown in the answer to this POST and never again."""
    mailbox, form = _mailbox(mailbox_id, "mail:password"), PanelForm()
    changed = form.attempt(lambda: actions.new_activation_link(actor(), mailbox_id))
    if changed is None:
        return render_template("mail/new_link.html", form=form, mailbox=mailbox), form.status
    return link_page(changed, new=False)


@area.route("/rename", methods=["GET", "POST"])
@permission("mail:write")
def rename(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """Another address."""
    mailbox = _mailbox(mailbox_id)
    local, domain = mailbox.address.rsplit("@", 1)
    form = RenameForm(data={"address": local, "domain": domain})
    form.offer(domain_names(mailbox.member))
    changed = form.attempt_surely(
        mailbox.member_id,
        lambda: actions.rename_mailbox(actor(), mailbox_id, address=form.whole_address(), reason=form.reason.text),
    )
    if changed is None:
        return render_template("mail/rename.html", form=form, mailbox=mailbox), form.status
    return _done(mailbox_id, _("The mailbox is now %(address)s.", address=changed.mailbox.address))


@area.route("/suspend", methods=["GET", "POST"])
@permission("mail:write")
def suspend(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """No sign-in until resumed."""
    return _confirmed(mailbox_id, actions.suspend_mailbox, "mail/suspend.html", _("The mailbox is being suspended."))


@area.route("/resume", methods=["GET", "POST"])
@permission("mail:write")
def resume(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """The end of a suspension."""
    return _confirmed(mailbox_id, actions.resume_mailbox, "mail/resume.html", _("The mailbox is being resumed."))


@area.route("/take-over", methods=["GET", "POST"])
@permission("mail:takeover")
@require_fresh
def take_over(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """Another holder; the link by which the successor sets a password is shown in the answer to this POST."""
    mailbox, form = _mailbox(mailbox_id, "mail:takeover"), TakeOverForm()
    changed = form.attempt(lambda: takeover.take_over(actor(), mailbox_id, **form.values()))
    if changed is None:
        holders = takeover.holders_of(mailbox)
        return render_template("mail/take_over.html", form=form, mailbox=mailbox, holders=holders), form.status
    return link_page(changed, new=False)


@area.route("/hand-back", methods=["GET", "POST"])
@permission("mail:takeover")
@require_fresh
def hand_back(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """The earlier holder again, by a link of their own."""
    mailbox, form = _mailbox(mailbox_id, "mail:takeover"), PanelForm()
    changed = form.attempt(lambda: takeover.hand_back(actor(), mailbox_id))
    if changed is None:
        holders = takeover.holders_of(mailbox)
        return render_template("mail/hand_back.html", form=form, mailbox=mailbox, holders=holders), form.status
    return link_page(changed, new=False)


@area.route("/remove", methods=["GET", "POST"])
@permission("mail:write")
def remove(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """Removal, which can be undone for a time."""
    return _confirmed(mailbox_id, actions.remove_mailbox, "mail/remove.html", _("The mailbox is being removed."))


@area.route("/restore", methods=["GET", "POST"])
@permission("mail:write")
def restore(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """A removed mailbox comes back."""
    return _confirmed(mailbox_id, actions.restore_mailbox, "mail/restore.html", _("The mailbox is coming back."))


def _mailbox(mailbox_id: uuid.UUID, permission: str = "mail:write") -> Mailbox:
    return actions.get_mailbox(actor(), mailbox_id, permission=permission)


def _confirmed(
    mailbox_id: uuid.UUID, action: Callable[..., actions.Changed], template: str, told: str
) -> ResponseReturnValue:
    """Show what will happen, and do it once that was confirmed."""
    mailbox, to = _mailbox(mailbox_id), url_for("mail.show", mailbox_id=mailbox_id)
    return confirmed(lambda: action(actor(), mailbox_id), template, told=told, to=to, mailbox=mailbox,
                     aliases=aliases_of(mailbox))  # fmt: skip


def _done(mailbox_id: uuid.UUID, told: str) -> ResponseReturnValue:
    flash(told, "success")
    return redirect(url_for("mail.show", mailbox_id=mailbox_id), 303)

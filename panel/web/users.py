"""Pages of people: who has rights here, where from, and giving them or taking them back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select

from panel.identity import grants, people
from panel.identity.email_changes import waiting_change
from panel.identity.factors import has_factor
from panel.identity.models import Grant, User
from panel.identity.sessions import sessions_of
from panel.kernel.access import ROLES
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.kernel.i18n import _
from panel.members.models import Member
from panel.shapes.orders import USERS
from panel.web.asked_id import asked_id
from panel.web.forms.base import PanelForm
from panel.web.forms.users import GrantForm, NameForm
from panel.web.lists import Asked, asked, csv_answer
from panel.web.session import actor, permission, require_fresh
from panel.wording import role_word

area = Blueprint("users", __name__, url_prefix="/users")


@area.get("/")
@permission("users:read")
def show_list() -> ResponseReturnValue:
    """People with a role in scope, with search, chips and pages."""
    wanted = asked("role")
    listing = wanted.read(_query(wanted), sorts=USERS, default="name")
    held = {user.id: [(grant, _place(grant)) for grant in people.grants_seen(actor(), user)] for user in listing.items}
    return render_template(
        "users/list.html", listing=listing, held=held, role_words=[(one, role_word(one)) for one in ROLES]
    )


@area.get("/users.csv")
@permission("users:read")
def download() -> ResponseReturnValue:
    """The same list as a file, with the roles one may know of."""
    return csv_answer(_query(asked("role")).order_by(User.email), _COLUMNS, name="users")


@area.get("/<uuid:user_id>")
@permission("users:read")
def show(user_id: uuid.UUID) -> ResponseReturnValue:
    """One person: roles and where they come from, how they sign in, what one may do with them."""
    user = people.get_person(actor(), user_id)
    seen = people.grants_seen(actor(), user)
    return render_template(
        "users/show.html", user=user, held=[(grant, _place(grant), _giver(grant)) for grant in seen],
        more=len(seen) < len(user.grants), has_factor=has_factor(user), sessions=len(sessions_of(user.id)),
        tokens=people.token_count(user.id), changeable=people.may_change(actor(), user),
        new_email=waiting_change(user.id), is_me=user.id == actor().user_id,
    )  # fmt: skip


@area.route("/<uuid:user_id>/grant", methods=["GET", "POST"])
@permission("users:write")
@require_fresh
def grant(user_id: uuid.UUID) -> ResponseReturnValue:
    """A role, on whom and until when; then what will happen; then it does."""
    user, form = people.get_person(actor(), user_id), GrantForm(data={"member_id": asked_id("member")})
    form.offer(actor())
    confirmed = "confirmed" in request.form
    if confirmed and form.attempt(lambda: grants.grant_role(actor(), user_id, **form.values())) is not None:
        return _done(user, _("%(name)s has the role now.", name=user.name or user.email))
    plan = None if confirmed else form.attempt(lambda: _plan(user, form))
    return render_template("users/grant.html", form=form, user=user, plan=plan), form.status


@area.route("/<uuid:user_id>/grants/<uuid:grant_id>/revoke", methods=["GET", "POST"])
@permission("users:write")
@require_fresh
def revoke(user_id: uuid.UUID, grant_id: uuid.UUID) -> ResponseReturnValue:
    """A role taken back, after saying what that means."""
    user = people.get_person(actor(), user_id)
    held = next((one for one in people.grants_seen(actor(), user) if one.id == grant_id), None)
    if held is None:
        raise NotFound("not_found")
    return _ask(user, "users/revoke.html", lambda: grants.revoke_grant(actor(), user_id, grant_id=grant_id),
                _("The role is taken back."), role=role_word(held.role.name), place=_place(held),
                last=len(user.grants) == 1)  # fmt: skip


@area.route("/<uuid:user_id>/deactivate", methods=["GET", "POST"])
@permission("users:write")
@require_fresh
def deactivate(user_id: uuid.UUID) -> ResponseReturnValue:
    """A person let in no more."""
    user = people.person_to_change(actor(), user_id)
    return _ask(user, "users/deactivate.html", lambda: people.deactivate_user(actor(), user_id),
                _("This person is not let in any more."))  # fmt: skip


@area.route("/<uuid:user_id>/activate", methods=["GET", "POST"])
@permission("users:write")
@require_fresh
def activate(user_id: uuid.UUID) -> ResponseReturnValue:
    """A person let in again."""
    user = people.person_to_change(actor(), user_id)
    return _ask(user, "users/activate.html", lambda: people.activate_user(actor(), user_id),
                _("This person is let in again."))  # fmt: skip


@area.route("/<uuid:user_id>/rename", methods=["GET", "POST"])
@permission("users:write")
def rename(user_id: uuid.UUID) -> ResponseReturnValue:
    """How a person is called."""
    user = people.person_to_change(actor(), user_id)
    form = NameForm(obj=user)
    if form.attempt(lambda: people.rename_user(actor(), user_id, name=form.name.text)) is not None:
        return _done(user, _("Saved."))
    return render_template("users/rename.html", form=form, user=user), form.status


def _query(wanted: Asked) -> Select[User]:
    role = wanted.filter("role")
    return people.users_query(
        actor(), search=wanted.search, role=role if role in ROLES else None, member_id=asked_id("member")
    )


def _roles(user: User) -> str:
    """The roles one may know of, as the file tells them."""
    held = [(role_word(grant.role.name), _place(grant)) for grant in people.grants_seen(actor(), user)]
    return "; ".join(
        f"{role}, {_('the whole association') if member is None else member.name}" for role, member in held
    )


def _ask(user: User, template: str, action: Callable[[], User], told: str, **values: Any) -> ResponseReturnValue:
    """GET: what will happen. POST: it does."""
    form = PanelForm()
    if form.attempt(action) is not None:
        return _done(user, told)
    return render_template(template, form=form, user=user, **values), form.status


def _done(user: User, told: str) -> ResponseReturnValue:
    """Go back to the person, or to the list where the person is out of reach by now."""
    flash(told, "success")
    reached = db.session.scalar(people.users_query(actor()).where(User.id == user.id))
    return redirect(url_for("users.show", user_id=user.id) if reached else url_for("users.show_list"), 303)


def _plan(user: User, form: GrantForm) -> list[tuple[str, str]]:
    """What giving the role means. Raises what giving it would."""
    values = form.values()
    grants.require_grantable(actor(), **values)
    member = None if values["member_id"] is None else db.session.get(Member, values["member_id"])
    place = _("the whole association") if member is None else member.name
    told = _("%(name)s gets the role “%(role)s” on: %(place)s.", name=user.name or user.email,
             role=role_word(values["role"]), place=place)  # fmt: skip
    below = ("add", _("It reaches all units below, also those that come later."))
    day = form.until.data
    end = _("It ends by itself after %(day)s.", day=day.isoformat()) if day else _("It holds until it is taken back.")
    return [("add", told), *([below] if member is not None else []), ("change", end)]


def _place(grant: Grant) -> Member | None:
    """The member a role is held on; None for the whole association."""
    return None if grant.member_id is None else db.session.get(Member, grant.member_id)


def _giver(grant: Grant) -> str:
    giver = None if grant.granted_by_id is None else db.session.get(User, grant.granted_by_id)
    return "" if giver is None else giver.name or giver.email


_COLUMNS: list[tuple[str, Callable[[Any], Any]]] = [
    *((name, attrgetter(name)) for name in ("name", "email")),
    ("roles", _roles),
    ("let_in", attrgetter("active")),
    ("second_factor", has_factor),
    ("last_sign_in_at", attrgetter("current_login_at")),
    ("created_at", attrgetter("create_datetime")),
]

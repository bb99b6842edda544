"""What every page shows around its content: places to go, who is signed in, words and links that templates ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, request, url_for
from flask_bootstrap import Bootstrap5
from flask_login import current_user

from panel import wording
from panel.contracts.standing import held_members
from panel.identity.factors import has_factor
from panel.identity.policy import demand_on
from panel.kernel.access import Actor
from panel.kernel.i18n import _, _l, language
from panel.ledger.closings import list_closings
from panel.ledger.events import Event, EventDetail
from panel.web import inside, session
from panel.web.language import language_url

PRODUCT = "CIS Panel"


@dataclass(frozen=True, kw_only=True)
class Place:
    """One entry of the menu."""

    label: str
    url: str
    icon: str
    current: bool


_PLACES: tuple[tuple[tuple[str, Any, str, str | None, bool | None], ...], ...] = (
    (
        ("dashboard.show", _l("Dashboard"), "speedometer2", None, False),
        ("needs.show_list", _l("Needs a person"), "bell", "members:read", True),
        ("members.show_list", _l("Members"), "building", "members:read", False),
        ("contracts.show_list", _l("Contracts"), "file-earmark-text", "contracts:read", False),
        ("orders.show_list", _l("Orders"), "card-list", "orders:read", False),
        ("mail.show_list", _l("Mail"), "envelope", "mail:read", False),
        ("zones.show_list", _l("DNS"), "globe2", "dns:read", False),
        ("users.show_list", _l("People"), "people", "users:read", False),
        ("webhooks.show_list", _l("Webhooks"), "link-45deg", "webhooks:read", False),
        ("history.show", _l("History"), "clock-history", "events:read", None),
    ),
    (
        ("nodes.show_list", _l("Nodes"), "hdd-network", "nodes:read", True),
        ("differences.show_list", _l("Differences"), "shuffle", "nodes:read", True),
        ("jobs.show_list", _l("Jobs"), "list-task", "jobs:read", True),
        ("events.show_list", _l("Journal"), "clock-history", "events:read", True),
    ),
)
"""Endpoint, label, icon, permission needed, whether on the whole association (None: only where not), if it is there."""

_PAGES_OF: dict[str, tuple[str, str]] = {
    "member": ("members.show", "member_id"),
    "contract": ("contracts.show", "contract_id"),
    "order": ("orders.show", "order_id"),
    "mailbox": ("mail.show", "mailbox_id"),
    "mail_domain": ("mail.show_domain", "domain_id"),
    "zone": ("zones.show", "zone_id"),
    "user": ("users.show", "user_id"),
    "job": ("jobs.show", "job_id"),
    "node": ("nodes.show", "node_id"),
    "webhook": ("webhooks.show", "webhook_id"),
}
"""Page and name of its id for each kind of resource that has one."""


_WORDS = (
    "describe",
    "factors_words",
    "rule_words",
    "state_look",
    "wanted_words",
    "seen_words",
    "problem_words",
    "event_look",
    "event_sentence",
    "event_details",
    "log_line",
    "param_words",
    "count_words",
    "entitlement_word",
    "member_kind_word",
    "node_role_word",
    "role_word",
    "service_name",
    "unit_word",
    "cause_word",
    "change_words",
    "stay_end_word",
    "suspension_word",
    "kind_word",
    "what_words",
    "difference_field",
    "difference_value",
    "verb_word",
    "plan_reasons",
    "closed_words",
    "level_words",
    "amount",
    "attempt_word",
    "try_words",
)
"""What templates take from `panel.wording`."""


def add(app: Flask) -> None:
    """Give templates their surroundings."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_surroundings)
    app.jinja_env.globals.update(
        {name: getattr(wording, name) for name in _WORDS},
        asset=asset,
        resource_url=resource_url,
        actor_words=actor_words,
        page_url=page_url,
        attributes=field_attributes,
        language_url=language_url,
        may=_may,
        may_everywhere=_may_everywhere,
    )


def places(actor: Actor) -> list[list[Place]]:
    """The menu for ``actor``: only what exists and what they may see."""
    return [
        [_place(*entry[:3]) for entry in group if _is_open(actor, entry[0], entry[3], staff=entry[4])]
        for group in _PLACES
    ]


def asset(path: str) -> str:
    """The address of a static file, with a mark that changes when the file does."""
    return _asset(request.script_root, str(current_app.static_folder), path)


@lru_cache(maxsize=256)
def _asset(_root: str, folder: str, path: str) -> str:
    """Remembered for each place at which the panel is mounted: an icon is drawn a hundred times in a page."""
    return url_for("static", filename=path, v=_mark(Path(folder) / path))


def page_url(kind: str | None, resource_id: Any) -> str | None:
    """The page of a resource by kind and id; None where its kind has no page."""
    endpoint, argument = _PAGES_OF.get(kind or "", ("", ""))
    if resource_id is None or endpoint not in current_app.view_functions:
        return None
    values: dict[str, Any] = {argument: resource_id}
    return url_for(endpoint, **values)


def resource_url(event: Event) -> str | None:
    """The page of what an event is about."""
    return page_url(event.resource_kind, event.resource_id)


def actor_words(event: Event) -> str:
    """Who did it, as people know them; the panel itself by its name."""
    if event.actor.startswith("system:"):
        return _("the panel itself")
    if event.detail is not None and event.detail.actor_name:
        return _in_whose_name(event.detail)
    return _("somebody whose name was erased")


def _in_whose_name(detail: EventDetail) -> str:
    """The person, and the member in whose view and name somebody of the staff did it."""
    member = detail.data.get("on_behalf_of")
    if member is None:
        return detail.actor_name
    association = current_app.config["CIS"].association_name
    return _("%(name)s (%(association)s) on behalf of %(member)s", name=detail.actor_name, association=association,
             member=member)  # fmt: skip


def field_attributes(item: Any, described: str, given: dict[str, Any]) -> dict[str, Any]:
    """Attributes of a form's input: those a template gave, and those that tie it to its hint and its error."""
    tied = {"aria-describedby": described.strip()} if described.strip() else {}
    if item.errors:
        tied["aria-invalid"] = "true"
    return {name.replace("_", "-"): value for name, value in given.items()} | tied


def _surroundings() -> dict[str, Any]:
    settings = current_app.config["CIS"]
    here: dict[str, Any] = {
        "product_name": PRODUCT,
        "association_name": settings.association_name,
        "locale": language(),
        "signed_in": not g.get("broken") and session.is_signed_in(),
    }
    if here["signed_in"]:
        here |= {
            "nav": places(session.actor()),
            "current_name": session.actor().name,
            "current_email": current_user.email,
            "closed_for": _closed_for(),
            "held_back": held_members(session.actor()),
            "inside": inside.current(),
            "factor_due": _factor_due(),
        }
    return here


def _factor_due() -> datetime | None:
    """Until when the person may go on without a second factor; None where none is asked for, or there is one."""
    demand = demand_on(current_user)
    return demand.until if demand.rule == "grace" and not has_factor(current_user) else None


def _closed_for() -> str | None:
    """Why nothing is sent to any server, for those who look after them; None where the engine is open."""
    if not session.actor().may_everywhere("nodes:read"):
        return None
    return next((closing.reason for closing in list_closings() if closing.node_id is None), None)


def _may(permission: str, member_id: Any = None) -> bool:
    return session.is_signed_in() and session.actor().may(permission, member_id)


def _may_everywhere(permission: str) -> bool:
    return session.is_signed_in() and session.actor().may_everywhere(permission)


def _is_open(actor: Actor, endpoint: str, permission: str | None, *, staff: bool | None) -> bool:
    if endpoint not in current_app.view_functions or (staff is None and actor.reaches_all):
        return False
    return permission is None or (actor.may_everywhere(permission) if staff else actor.may(permission))


def _place(endpoint: str, label: Any, icon: str) -> Place:
    url = url_for(endpoint)
    return Place(label=str(label), url=url, icon=icon, current=_first_part(request.path) == _first_part(url))


def _first_part(path: str) -> str:
    return path.split("/", 2)[1]


@lru_cache(maxsize=256)
def _mark(path: Path) -> str:
    try:
        found = path.stat()
    except FileNotFoundError:
        return "0"
    return f"{found.st_mtime_ns:x}{found.st_size:x}"[-12:]

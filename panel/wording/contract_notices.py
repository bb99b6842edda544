"""What people are told about contracts and orders: part of the one table in ``notices.py``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from babel.dates import format_date

from panel.kernel.i18n import _, _l, language, ngettext
from panel.wording.names import level_words, suspension_word

Params = Mapping[str, Any]


def _days_left(told: Params) -> str:
    return ngettext(
        "The last day is %(last_on)s, in %(num)s day.",
        "The last day is %(last_on)s, in %(num)s days.",
        int(told["days"]),
        last_on=told["last_on"],
    )


def _level(told: Params) -> str:
    return _(
        "From then on: %(level)s. %(means)s", level=suspension_word(told["level"]), means=level_words(told["level"])
    )


def _level_now(told: Params) -> str:
    return _(
        "From now on: %(level)s. %(means)s", level=suspension_word(told["level"]), means=level_words(told["level"])
    )


def _level_before(told: Params) -> str:
    return _("This no longer holds: %(level)s.", level=suspension_word(told["level"]))


def _steps(told: Params) -> str:
    """The steps of a plan, one after the other."""
    return " ".join(
        _("From %(day)s: %(level)s.", day=format_date(date.fromisoformat(day), "d MMMM y", locale=language()),
          level=suspension_word(level))
        for level, day in told["steps"]
    )  # fmt: skip


def _contact(told: Params) -> str:
    return _("Whom to ask: %(contact)s", contact=told["contact"]) if told["contact"] else ""


def _services(told: Params) -> str:
    return _("What ends with it: %(services)s", services=told["services"]) if told["services"] else ""


CONTRACT_NOTICES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "contract:ending": (
        _l("Contract %(number)s is about to end"),
        (_days_left, _services, _l("To go on, agree on a new contract with the association: %(panel)s/contracts/")),
    ),
    "contract:plan": (
        _l("The services of contract %(number)s will be held back step by step"),
        (_steps, _l("Reason: %(reason)s"), _contact, _l("All steps are listed here: %(panel)s/contracts/")),
    ),
    "contract:step": (
        _l("Services of contract %(number)s will be held back on %(takes_on)s"),
        (_level, _l("Reason: %(reason)s"), _contact),
    ),
    "contract:stopped": (
        _l("Services of contract %(number)s are held back"),
        (_level_now, _l("Reason: %(reason)s"), _contact),
    ),
    "contract:step-undone": (
        _l("A step against contract %(number)s was taken back"),
        (_level_before,),
    ),
    "contract:resumed": (
        _l("Contract %(number)s is in force again"),
        (_l("Everything works as it did before it was suspended."),),
    ),
    "order:sent": (
        _l("New order %(number)s of %(member)s"),
        (_l("Together %(total)s PLN a year."), _l("Approve or refuse it: %(panel)s/orders/")),
    ),
    "order:approved": (
        _l("Order %(number)s is approved"),
        (_l("What you ordered can be used from %(effective_on)s."), _l("Your orders: %(panel)s/orders/")),
    ),
    "order:refused": (
        _l("Order %(number)s is refused"),
        (_l("Reason: %(reason)s"), _l("Your orders: %(panel)s/orders/")),
    ),
}

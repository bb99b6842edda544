"""Erasing people: those with an account, and those who are only written of. Neither leaves a name in an answer."""

from __future__ import annotations

from panel.api.fields import ListOf, Shape, Text
from panel.api.operations import Answer, Ask, operation
from panel.api.schema_parts import ID, WHOLE, Schema, or_null, thing
from panel.identity.erasing import REASON_MOST, erase_person, preview_erasure
from panel.identity.erasing_named import EMAILS_MOST, NAME_MOST, erase_named, preview_named
from panel.kernel.access import Actor
from panel.shapes import identity as shapes

_COUNTS: Schema = {"type": "object", "additionalProperties": WHOLE}
_ERASURE = thing(
    {
        "user_id": or_null(ID),
        "events": WHOLE,
        "values": WHOLE,
        "rows": _COUNTS | {"description": "Rows that go, by table."},
        "mentions": _COUNTS | {"description": "Rows of others from which the name is taken out, by table."},
        "stays": _COUNTS
        | {"description": "What stays, by reason: `address` (a member's mailbox), `scan` (of a contract), `account`."},
    }
)
_REASON = Text(required=True, most=REASON_MOST, says="It is kept, so it names nobody.")
_WHO = {
    "name": Text(most=NAME_MOST, says="First and last name; found in either order."),
    "emails": ListOf(of=Text(most=254), most=EMAILS_MOST),
}


@operation("GET", "/users/<uuid:id>/erasure", permission="records:erase", staff=True, answer=_ERASURE)
def preview_erasure_of_user(actor: Actor, ask: Ask) -> Answer:
    """Tell what erasing a person takes, place by place, and what stays."""
    return Answer(body=shapes.erasure(preview_erasure(actor, ask.id)))


@operation(
    "POST",
    "/users/<uuid:id>/erasure",
    permission="records:erase",
    staff=True,
    body=Shape(fields={"reason": _REASON}),
    answer=_ERASURE,
)
def erase_user(actor: Actor, ask: Ask) -> Answer:
    """Erase a person for good: the account, and what was written of the person. Roles and tokens end."""
    return Answer(body=shapes.erasure(erase_person(actor, ask.id, **ask.body)))


@operation(
    "POST", "/erasures/preview", permission="records:erase", staff=True, body=Shape(fields=_WHO), answer=_ERASURE
)
def preview_erasure_by_name(actor: Actor, ask: Ask) -> Answer:
    """Tell what erasing a person without an account takes, and what stays. Give a name, addresses, or both."""
    return Answer(body=shapes.erasure(preview_named(actor, **ask.body)))


@operation(
    "POST",
    "/erasures",
    permission="records:erase",
    staff=True,
    body=Shape(fields=_WHO | {"reason": _REASON}),
    answer=_ERASURE,
)
def erase_by_name(actor: Actor, ask: Ask) -> Answer:
    """Erase a person without an account for good. 409 `erase_account` where somebody signs in by an address given."""
    return Answer(body=shapes.erasure(erase_named(actor, **ask.body)))

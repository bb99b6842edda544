"""Outside providers by which people may sign in. A client's secret is taken and never given back."""

from __future__ import annotations

from panel.api.fields import Boolean, Field, Id, ListOf, Shape, Text
from panel.api.lists import list_answer, list_parameters
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.identity import providers as actions
from panel.identity.outside import try_provider
from panel.identity.providers import TEXT_MAX
from panel.kernel.access import Actor
from panel.shapes import identity as shapes
from panel.shapes import orders

_COMMON: dict[str, Field] = {
    "client_secret": Text(write_only=True, says="Empty: a public client. Not said in a change: the one there is."),
    "member_ids": ListOf(of=Id(), most=1_000, says="Whose people may use it, with those of what is below."),
    "for_staff": Boolean(says="People with a role on the whole association may use it too."),
}
_NEW = Shape(
    fields={
        "name": Text(required=True, most=TEXT_MAX),
        "issuer": Text(required=True, most=TEXT_MAX, says="To the letter as the provider gives it; it never changes."),
        "client_id": Text(required=True, most=TEXT_MAX),
        **_COMMON,
    }
)
_CHANGE = Shape(
    fields={
        "name": Text(most=TEXT_MAX),
        "client_id": Text(most=TEXT_MAX),
        **_COMMON,
        "active": Boolean(says="false: nobody signs in by it; links are kept."),
    }
)


@operation(
    "GET",
    "/outside-providers",
    permission="users:read",
    staff=True,
    query=list_parameters(orders.PROVIDERS),
    answer=page_of("OutsideProvider"),
)
def list_providers(actor: Actor, ask: Ask) -> Answer:
    """List outside providers; `search` covers name and issuer."""
    query = actions.providers_query(actor, search=ask.query.get("search", ""))
    return list_answer(ask, query, shapes.provider, sorts=orders.PROVIDERS, default="name")


@operation(
    "POST",
    "/outside-providers",
    permission="users:write",
    staff=True,
    body=_NEW,
    answer=ref("OutsideProvider"),
    statuses=(201,),
)
def add_provider(actor: Actor, ask: Ask) -> Answer:
    """Set an outside provider up."""
    row = actions.add_provider(actor, **ask.body)
    return Answer(body=shapes.provider(row), status=201, location=f"/api/v1/outside-providers/{row.id}")


@operation("GET", "/outside-providers/<uuid:id>", permission="users:read", staff=True, answer=ref("OutsideProvider"))
def show_provider(actor: Actor, ask: Ask) -> Answer:
    """Show an outside provider."""
    return Answer(body=shapes.provider(actions.get_provider(actor, ask.id)))


@operation(
    "PATCH",
    "/outside-providers/<uuid:id>",
    permission="users:write",
    staff=True,
    body=_CHANGE,
    answer=ref("OutsideProvider"),
)
def change_provider(actor: Actor, ask: Ask) -> Answer:
    """Change an outside provider, all but its issuer. What is not said stays."""
    return Answer(body=shapes.provider(actions.alter_provider(actor, ask.id, **ask.body)))


@operation(
    "DELETE", "/outside-providers/<uuid:id>", permission="users:write", staff=True, answer=ref("OutsideProvider")
)
def remove_provider(actor: Actor, ask: Ask) -> Answer:
    """Remove an outside provider that nobody is linked to."""
    row = actions.get_provider(actor, ask.id)
    body = shapes.provider(row)
    actions.remove_provider(actor, ask.id)
    return Answer(body=body)


@operation(
    "POST",
    "/outside-providers/<uuid:id>/try",
    permission="users:write",
    staff=True,
    answer=ref("ReachedProvider"),
)
def try_provider_now(actor: Actor, ask: Ask) -> Answer:
    """Ask a provider for its description and keys, as a sign-in would."""
    return Answer(body=shapes.reached(try_provider(actor, ask.id)))

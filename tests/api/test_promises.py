"""What programs rely on by name: fields of each collection, and how its list is asked."""

from __future__ import annotations

from typing import Any

import pytest

from panel.api.documentation import openapi
from panel.kernel.access import ROLES
from panel.ledger.resources import RESOURCE_STATES
from panel.members.models import MEMBER_KINDS
from tests.api.program import Program

_RESOURCE = (
    "id member_id state wanted_generation applied_generation seen_at seen_how problem created_at updated_at links"
)
FIELDS = {
    "members": "name kind teryt nip regon rspo slug parent_id e_delivery_address address contacts",
    "contracts": "number member_id signed_on starts_on ends_on notice_days status items amendments attachments",
    "services": "code name unit price entitlements",
    "entitlements": "member_id kind granted used sources",
    "users": "email member_id role second_factor",
    "invitations": "email member_id role",
    "tokens": "id member_id role kinds networks",
    "roles": "name permissions",
    "mail-domains": f"{_RESOURCE} name shared",
    "mailboxes": f"{_RESOURCE} address quota_mb used_mb login activation",
    "zones": f"{_RESOURCE} name serial dnssec template warnings",
    "imports": "id columns mapping totals job",
    "nodes": "name roles address host_key_fingerprint agent_version last_seen_at lease drift",
    "jobs": "node_id cause actor state attempts queued_at started_at finished_at counts log",
    "events": "at tag actor on_behalf_of member_id resource data",
    "webhooks": "url kinds events",
}
INNER = {
    ("contracts", "items"): "service quantity unit_price discount_percent starts_on ends_on",
    ("mailboxes", "problem"): "code message since",
    ("mailboxes", "activation"): "state sent_at",
    ("zones", "dnssec"): "enabled ds",
    ("nodes", "drift"): "checked_at differing",
    ("events", "resource"): "kind id name",
    ("users", "grants"): "id role member_id until",
}
CHOICES = {
    ("members", "kind"): MEMBER_KINDS,
    ("mailboxes", "state"): RESOURCE_STATES,
    ("zones", "state"): RESOURCE_STATES,
    ("mailboxes", "login"): ("waiting", "open", "blocked"),
    ("jobs", "state"): ("queued", "running", "done", "failed", "waiting_approval", "cancelled"),
    ("roles", "name"): tuple(ROLES),
}
FILTERS = {
    "members": "search kind teryt nip regon rspo slug parent_id",
    "contracts": "search number member_id status",
    "services": "search code",
    "entitlements": "search member_id kind",
    "users": "search email member_id role second_factor",
    "invitations": "search email member_id role state",
    "tokens": "search member_id role",
    "roles": "search",
    "mail-domains": "search name shared member_id state",
    "mailboxes": "search address member_id domain_id state",
    "zones": "search name member_id state",
    "imports": "search kind state member_id",
    "nodes": "search name roles",
    "jobs": "node_id cause actor state member_id resource_id",
    "events": "since until tag actor on_behalf_of member_id kind resource_id name",
    "webhooks": "search member_id active",
}
EVERY = pytest.mark.parametrize("collection", FIELDS)


def listed(collection: str) -> dict[str, Any]:
    """How the list of ``collection`` is described."""
    found: dict[str, Any] = openapi()["paths"][f"/{collection}"]["get"]
    return found


def fields_of(collection: str) -> dict[str, Any]:
    """Field → schema of those that every thing of ``collection`` has."""
    page = listed(collection)["responses"]["200"]["content"]["application/json"]["schema"]
    name = page["properties"]["items"]["items"]["$ref"].rpartition("/")[2]
    schema = openapi()["components"]["schemas"][name]
    return {field: schema["properties"][field] for field in schema["required"]}


def inner(schema: dict[str, Any]) -> set[str]:
    """The fields of an object, of one that may be null, or of the things in a list."""
    found = schema.get("items", schema)
    found = next((one for one in found.get("anyOf", ()) if "required" in one), found)
    return set(found["required"])


@EVERY
def test_each_thing_has_the_fields_it_is_known_to_have(collection: str) -> None:
    assert set(FIELDS[collection].split()) <= set(fields_of(collection))
    for (where, field), names in INNER.items():
        if where == collection:
            assert set(names.split()) <= inner(fields_of(collection)[field])
    for (where, field), choices in CHOICES.items():
        if where == collection:
            assert fields_of(collection)[field]["enum"] == list(choices)


@EVERY
def test_each_list_is_asked_in_the_same_way(collection: str) -> None:
    taken = {one["name"] for one in listed(collection)["parameters"] if one["in"] == "query"}
    assert {"sort", "page", "page_size", *FILTERS[collection].split()} <= taken


def test_short_lists_are_searched_sorted_and_turned_like_long_ones(standing: Program) -> None:
    roles = standing.get("/roles?sort=-name&page_size=2")
    assert ([one["name"] for one in roles["items"]], roles["total"]) == (["support", "school_coordinator"], len(ROLES))
    following = standing.get(roles["next"].removeprefix("/api/v1"))
    assert [one["name"] for one in following["items"]] == ["provisioner", "member_editor"]
    assert standing.get("/roles?search=EDITOR")["total"] == 1
    assert standing.get("/nodes?roles=mail&search=MAIL1")["total"] == 1
    assert standing.get("/nodes?roles=dns")["items"] == []
    assert standing.get("/services?code=none&sort=-code")["next"] is None
    assert standing.send("GET", "/nodes?sort=lease").status_code == 422


def test_a_filter_finds_what_has_that_value(standing: Program) -> None:
    world = standing.world
    member = standing.get(f"/members?teryt={world.koscian.teryt}")
    assert ([one["id"] for one in member["items"]], member["total"]) == ([str(world.koscian.id)], 1)
    for path, total in (
        ("/mail-domains?shared=true&state=pending", 1),
        ("/mail-domains?shared=false", 0),
        ("/contracts?number=none", 0),
        ("/tokens?role=auditor", 1),
        ("/invitations?email=nobody@example.test&role=auditor", 0),
        ("/jobs?actor=cli:nobody", 0),
        ("/events?name=clerk@example.test&kind=user", 1),
        ("/events?name=clerk", 0),
        ("/webhooks?active=true&search=kadry", 0),
        ("/imports?search=skrzynki", 0),
    ):
        assert standing.get(path)["total"] == total, path

"""Nodes, for staff."""

from __future__ import annotations

from panel.api.fields import Text
from panel.api.lists import short_answer, short_parameters
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.kernel.access import Actor
from panel.ledger import nodes
from panel.shapes import ledger as shapes

_SORTS = ("name", "address", "hostname", "created_at")
_FILTERS = {"name": Text(most=100), "roles": Text(most=50, says="Nodes that have this role.")}


@operation(
    "GET",
    "/nodes",
    permission="nodes:read",
    staff=True,
    query=short_parameters(_SORTS, _FILTERS),
    answer=page_of("Node"),
)
def list_nodes(actor: Actor, ask: Ask) -> Answer:
    """List nodes; `search` covers name, address and host name."""
    rows = [shapes.node(node) for node in nodes.list_nodes(actor)]
    return short_answer(ask, rows, sorts=_SORTS, default="name", filters=tuple(_FILTERS))


@operation("GET", "/nodes/<uuid:id>", permission="nodes:read", staff=True, answer=ref("Node"))
def show_node(actor: Actor, ask: Ask) -> Answer:
    """Show a node."""
    return Answer(body=shapes.node(nodes.get_node(actor, ask.id)))

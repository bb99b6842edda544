"""Nodes, for staff."""

from __future__ import annotations

from panel.api.lists import whole_list
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.kernel.access import Actor
from panel.ledger import nodes
from panel.shapes import ledger as shapes


@operation("GET", "/nodes", permission="nodes:read", staff=True, answer=page_of("Node"))
def list_nodes(actor: Actor, _ask: Ask) -> Answer:
    """List all nodes by name."""
    return whole_list([shapes.node(node) for node in nodes.list_nodes(actor)])


@operation("GET", "/nodes/<uuid:id>", permission="nodes:read", staff=True, answer=ref("Node"))
def show_node(actor: Actor, ask: Ask) -> Answer:
    """Show a node."""
    return Answer(body=shapes.node(nodes.get_node(actor, ask.id)))

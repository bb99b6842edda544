"""One question over everything."""

from __future__ import annotations

from panel.api.fields import Text
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import ref
from panel.kernel.access import Actor
from panel.search.everything import KINDS, LETTERS_MOST, search
from panel.shapes.search import found

_QUERY = {
    "q": Text(required=True, most=LETTERS_MOST, says="Words; all must be part of what is found, in any case."),
    "kind": Text(choices=tuple(KINDS), says="Only this kind."),
}


@operation("GET", "/search", permission=None, query=_QUERY, answer=ref("SearchResults"))
def search_everything(actor: Actor, ask: Ask) -> Answer:
    """Find members, addresses, people, contracts, nodes and jobs, the best 50 of each kind, within what one may see."""
    kinds = [ask.query["kind"]] if "kind" in ask.query else []
    return Answer(body={"groups": [found(group) for group in search(actor, ask.query["q"], kinds=kinds)]})

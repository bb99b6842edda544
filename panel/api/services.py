"""The service catalogue."""

from __future__ import annotations

from panel.api.fields import Text
from panel.api.lists import short_answer, short_parameters
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of
from panel.contracts.actions import list_services as all_services
from panel.kernel.access import Actor
from panel.kernel.i18n import language
from panel.shapes import contracts as shapes

_SORTS = ("code", "name")
_QUERY = short_parameters(_SORTS, {"code": Text(most=50)})


@operation("GET", "/services", permission="services:read", query=_QUERY, answer=page_of("Service"))
def list_services(actor: Actor, ask: Ask) -> Answer:
    """List the catalogue: what can be contracted, for how much a year, and what one unit grants."""
    rows = [shapes.service(service, language=language()) for service in all_services(actor)]
    return short_answer(ask, rows, sorts=_SORTS, default="code", filters=("code",))

"""The service catalogue."""

from __future__ import annotations

from panel.api.lists import whole_list
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of
from panel.contracts.actions import list_services as all_services
from panel.kernel.access import Actor
from panel.kernel.i18n import language
from panel.shapes import contracts as shapes


@operation("GET", "/services", permission="services:read", answer=page_of("Service"))
def list_services(actor: Actor, _ask: Ask) -> Answer:
    """List the catalogue: what can be contracted, for how much a year, and what one unit grants."""
    return whole_list([shapes.service(service, language=language()) for service in all_services(actor)])

"""Stays of staff in members' views: reading them. They begin and end in the pages, by people."""

from __future__ import annotations

from sqlalchemy.orm import selectinload

from panel.api.fields import Id
from panel.api.lists import list_answer, list_parameters
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of
from panel.identity.step_ins import StepIn
from panel.identity.stepping_in import step_ins_query
from panel.kernel.access import Actor
from panel.shapes import identity as shapes
from panel.shapes import orders


@operation(
    "GET",
    "/step-ins",
    permission="events:read",
    query=list_parameters(orders.STEP_INS, {"member_id": Id(), "user_id": Id()}, search=False),
    answer=page_of("StepIn"),
)
def list_step_ins(actor: Actor, ask: Ask) -> Answer:
    """List stays of staff in members' views, newest first, with the changes asked of the member."""
    query = step_ins_query(actor, member_id=ask.query.get("member_id"), user_id=ask.query.get("user_id"))
    query = query.options(selectinload(StepIn.asked))
    return list_answer(ask, query, shapes.step_in, sorts=orders.STEP_INS, default="-opened_at")

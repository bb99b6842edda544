"""Whose the names of zones are: the proof that is waited for, looked for now, or vouched for."""

from __future__ import annotations

from panel.api.fields import Shape, Text
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import ref
from panel.dns import proving
from panel.dns.proofs import NameProof
from panel.kernel.access import Actor
from panel.shapes import zones as shapes
from panel.wording.domain_names import finding_words


@operation("POST", "/zones/<uuid:id>/proof", permission="dns:write", answer=ref("NameProof"), outward=True)
def look_for_name_proof(actor: Actor, ask: Ask) -> Answer:
    """Look for the proof at once; `finding` says what was seen instead."""
    return _answer(proving.ask_now(actor, zone_id=ask.id))


@operation(
    "POST",
    "/zones/<uuid:id>/vouch",
    permission="dns:vouch",
    body=Shape(fields={"reason": Text(required=True, most=proving.REASON_MOST)}),
    answer=ref("NameProof"),
)
def vouch_for_name(actor: Actor, ask: Ask) -> Answer:
    """Say that a name is its member's; the reason is kept on record."""
    return _answer(proving.vouch(actor, zone_id=ask.id, reason=ask.body["reason"]))


def _answer(proof: NameProof) -> Answer:
    return Answer(body=shapes.proof(proof, finding_words))

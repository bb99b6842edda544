"""What operations on zones share: the version somebody saw, and the zone as it is by then."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from panel.api.operations import Answer
from panel.api.schemas import ref
from panel.api.versions import require_match
from panel.dns.actions import Changed, get_zone
from panel.dns.models import Zone
from panel.dns.proving import get_proof
from panel.dns.remarking import Remarks, remarks_of
from panel.dns.settling import zone_settled
from panel.kernel.access import Actor
from panel.kernel.db import unit_of_work
from panel.shapes import zones as shapes
from panel.wording.domain_names import finding_words
from panel.wording.zone_lint import remark_words

_DONE = ("active", "suspended", "removed")


def etag(zone: Zone) -> str:
    """The version of a zone that two people may edit."""
    return f"v{zone.version}"


@contextmanager
def as_seen(actor: Actor, zone_id: uuid.UUID) -> Iterator[None]:
    """Change a zone only if it is as the client saw it, where it said so. Raises Conflict ``stale``."""
    with unit_of_work():
        require_match(etag(get_zone(actor, zone_id, permission="dns:write", for_change=True)))
        yield


def shown(actor: Actor, zone: Zone, remarks: Remarks | None = None) -> dict[str, Any]:
    """A zone as it looks outside; ``remarks``: what the lint is known to say of it."""
    said = remarks if remarks is not None else remarks_of([zone])[zone.id]
    proof = get_proof(actor, zone.id)
    told = None if proof is None else shapes.proof(proof, finding_words)
    return shapes.zone(zone, said, remark_words) | {"proof": told}


def changed(actor: Actor, done: Changed, *, created: bool = False) -> Answer:
    """The answer to a change, which may wait until all name servers answer it."""
    job = None if done.job is None else str(done.job.id)
    return waiting(actor, done.zone.id, job=job, created=created, remarks=done.remarks if done.version else None)


def waiting(
    actor: Actor, zone_id: uuid.UUID, *, job: str | None, created: bool = False, remarks: Remarks | None = None
) -> Answer:
    """The zone as it is by then: 202 while what was asked for by ``job`` is not seen."""

    def again() -> Answer:
        zone = get_zone(actor, zone_id)
        status = (201 if created else 200) if zone.state in _DONE or job is None else 202
        body = shown(actor, zone, remarks) | {"job": job}
        return Answer(body=body, status=status, location=f"/api/v1/zones/{zone_id}", etag=etag(zone))

    return Answer(settled=zone_settled(zone_id), again=again)


def replay_created(actor: Actor, kept: dict[str, Any]) -> Answer:
    """The answer to a zone that was asked for once more."""
    return waiting(actor, uuid.UUID(kept["id"]), job=kept["job"], created=True)


def replay_changed(actor: Actor, kept: dict[str, Any]) -> Answer:
    """The answer to a change that was asked for once more."""
    return waiting(actor, uuid.UUID(kept["id"]), job=kept["job"])


WRITES: dict[str, Any] = {
    "permission": "dns:write",
    "answer": ref("Zone"),
    "statuses": (200, 202),
    "waits": True,
    "versioned": True,
}
"""How operations are declared that change a zone."""

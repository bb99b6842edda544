"""How a name that came from outside becomes its member's: it is looked for again and again, or somebody vouches."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import current_app
from sqlalchemy import select, update

from panel.dns.asking import Seen, Servers, World
from panel.dns.committing import ask, get_zone
from panel.dns.following import follow_zone
from panel.dns.models import ZONES, Zone
from panel.dns.owning import take_names
from panel.dns.proofs import NameProof
from panel.dns.servers import primaries, secondaries
from panel.kernel.access import Actor, require
from panel.kernel.db import Work, database_now, db, read_row, unit_of_work
from panel.kernel.errors import Conflict, NotFound, TooMany
from panel.kernel.text import one_line
from panel.ledger import domain_names
from panel.ledger.events import record

FIRST_SECONDS, MOST_SECONDS = 60, 6 * 3_600
"""Asked after a minute, two, four …, at last four times a day."""

AT_ONCE, TOGETHER = 16, 16
AGAIN_SECONDS = 10
REASON_LEAST, REASON_MOST = 5, 200

Look = Callable[[str, str], Seen]
"""Looks for a name's token; ``World.look``."""


def get_proof(actor: Actor, zone_id: uuid.UUID) -> NameProof | None:
    """What shows, or is to show, whose the zone's name is; None where that was never asked. Raises NotFound."""
    get_zone(actor, zone_id)
    return read_row(NameProof, zone_id)


def vouch(actor: Actor, *, zone_id: uuid.UUID, reason: str) -> NameProof:
    """Say that a name is its member's, for a reason that is kept. Raises Invalid, Conflict ``proven_already``."""
    reason = one_line("reason", reason, least=REASON_LEAST, most=REASON_MOST)
    with unit_of_work() as work:
        zone, proof = _to_settle(actor, zone_id, "dns:vouch")
        if proof.state == "expired":
            take_names(actor, [zone])
        _settle(work, actor, zone, proof, state="vouched", reason=reason)
        return proof


def ask_now(actor: Actor, *, zone_id: uuid.UUID, look: Look | None = None) -> NameProof:
    """Look for the proof at once, as somebody just put it there. Raises TooMany, Conflict ``proven_already``.

    Where the time to wait was over, it begins anew, with the same token; Conflict ``taken``, ``name_others`` where
    somebody else has the name by now.
    """
    with unit_of_work() as work:
        zone, proof = _to_settle(actor, zone_id, "dns:write")
        now, since = db.session.execute(select(database_now(), database_now(-AGAIN_SECONDS))).one()
        if proof.asked_at is not None and since < proof.asked_at <= now:
            raise TooMany("too_many_tries", seconds=AGAIN_SECONDS)
        if proof.state == "expired" and not _take_again(actor, zone):
            _settle(work, actor, zone, proof, state="proven")
            return proof
        proof = _proof(zone_id)
        proof.asked_at = now
        name, token = proof.name, proof.token
    _note(actor, zone_id, (look or world().look)(name, token))
    return _proof(zone_id)


def ask_proofs(actor: Actor) -> int:
    """Look for the proofs that are due, each less often than before; return how many were. A chore of the workers."""
    require(actor, "nodes:write", staff=True)
    _expire(actor)
    due = _claim_due()
    if due:
        look = world().look
        with ThreadPoolExecutor(TOGETHER, thread_name_prefix="proof") as pool:
            found = list(pool.map(lambda one: look(one[1], one[2]), due))
        for (zone_id, _, _), seen in zip(due, found, strict=True):
            _note(actor, zone_id, seen)
    return len(due)


def world() -> World:
    """Whom to ask, and which name servers are ours."""
    nodes = [*primaries(), *secondaries()]
    servers = Servers(
        names=frozenset(node.hostname.lower() for node in nodes), addresses=frozenset(node.address for node in nodes)
    )
    return World(current_app.config["CIS"], servers)


def _claim_due() -> Sequence[tuple[uuid.UUID, str, str]]:
    """Those whose time has come, which is put off: two workers ask for different ones."""
    with unit_of_work():
        waiting = (NameProof.state == "waiting", NameProof.next_at <= database_now())
        due = select(NameProof).where(*waiting).order_by(NameProof.next_at).limit(AT_ONCE)
        proofs = db.session.scalars(due.with_for_update(skip_locked=True)).all()
        for proof in proofs:
            pause = min(MOST_SECONDS, FIRST_SECONDS * 2 ** min(proof.attempts, 16))
            proof.attempts += 1
            proof.asked_at, proof.next_at = db.session.execute(select(database_now(), database_now(pause))).one()
        return [(proof.holder_id, proof.name, proof.token) for proof in proofs]


def _note(actor: Actor, zone_id: uuid.UUID, seen: Seen) -> None:
    """Write down what was seen: the text, or a delegation that was turned to us after the name was asked for."""
    with unit_of_work() as work:
        zone = get_zone(actor, zone_id, for_change=True)
        proof = read_row(NameProof, zone_id, for_change=True)
        if proof is None or proof.state != "waiting":
            return
        turned = seen.delegated == "ours" and proof.elsewhere
        if seen.text == "right" or turned:
            _settle(work, actor, zone, proof, state="proven", how="txt" if seen.text == "right" else "ns")
            return
        proof.elsewhere = proof.elsewhere or seen.delegated == "elsewhere"
        proof.finding = _finding(seen)


def _finding(seen: Seen) -> str:
    if seen.delegated == "ours":
        return "ns_before"
    return {"other": "txt_other", "missing": "txt_missing"}.get(seen.text, "no_answer")


def _settle(
    work: Work, actor: Actor, zone: Zone, proof: NameProof, *, state: str, how: str = "", reason: str = ""
) -> None:
    """From now the name is the member's, and so are those below it that wait: what was held back goes to its node."""
    for one, below in [(proof, zone), *_waiting_below(proof)]:
        one.state, one.how, one.reason, one.settled_by, one.finding = state, how, reason, actor.name, ""
        one.settled_at = db.session.scalar(select(database_now()))
        domain_names.set_proven(ZONES, holder_id=below.id)
        below.hold("")
        _tell(actor, below, one)
        follow_zone(actor, below)
        if below.want == "put":
            ask(work, actor, below, "create")


def _tell(actor: Actor, zone: Zone, proof: NameProof) -> None:
    tag = "dns:name:vouch" if proof.state == "vouched" else "dns:name:prove"
    told: dict[str, Any] = {name: value for name, value in (("how", proof.how), ("reason", proof.reason)) if value}
    record(actor, tag, kind="zone", resource_id=zone.id, name=zone.name, member_id=zone.member_id, **told)


def _waiting_below(proof: NameProof) -> list[tuple[NameProof, Zone]]:
    """What else of the member waits below the name, locked."""
    query = (
        select(NameProof, Zone)
        .join(Zone, Zone.id == NameProof.holder_id)
        .where(NameProof.member_id == proof.member_id, NameProof.state == "waiting")
        .where(NameProof.name.endswith(f".{proof.name}", autoescape=True))
        .order_by(NameProof.holder_id)
        .with_for_update(of=(NameProof, Zone), key_share=True)
    )
    return [(row[0], row[1]) for row in db.session.execute(query).unique()]


def _expire(actor: Actor) -> None:
    """Nobody blocks a name for long that is not known to be theirs: others may ask for it once the time is over."""
    over = (NameProof.state == "waiting") & (NameProof.expires_at <= database_now())
    if db.session.scalar(select(NameProof.holder_id).where(over).limit(1)) is None:
        return
    with unit_of_work():
        for proof in db.session.scalars(select(NameProof).where(over).with_for_update(skip_locked=True)):
            proof.state = "expired"
            domain_names.release(ZONES, holder_id=proof.holder_id)
            record(
                actor, "dns:name:expire", kind="zone", resource_id=proof.holder_id, name=proof.name,
                member_id=proof.member_id,
            )  # fmt: skip


def _take_again(actor: Actor, zone: Zone) -> bool:
    """Ask for the name anew, with the token that may stand there already; return whether it waits for proof again."""
    token = _proof(zone.id).token
    waits = bool(take_names(actor, [zone]))
    db.session.execute(update(NameProof).where(NameProof.holder_id == zone.id).values(token=token))
    return waits


def _to_settle(actor: Actor, zone_id: uuid.UUID, permission: str) -> tuple[Zone, NameProof]:
    """The zone and the proof that is waited for, locked."""
    zone = get_zone(actor, zone_id, permission=permission, for_change=True)
    proof = read_row(NameProof, zone_id, for_change=True)
    if proof is None or proof.state not in ("waiting", "expired"):
        raise Conflict("proven_already", name=zone.name)
    return zone, proof


def _proof(zone_id: uuid.UUID) -> NameProof:
    proof = read_row(NameProof, zone_id)
    if proof is None:
        raise NotFound("not_found")
    return proof

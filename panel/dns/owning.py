"""Who may have a name: nobody above or below another member's, nobody a public suffix, no stranger's without proof.

What the association's staff gives out it vouches for; what a member takes by itself waits for proof (``proving``),
unless it lies below a name that is known to be the member's.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence

from panel.dns.idn import to_ascii
from panel.dns.models import ZONES, Zone
from panel.dns.proofs import UNPROVEN, forget_proofs, is_unproven, open_proofs
from panel.dns.suffixes import is_public_suffix
from panel.kernel.access import Actor
from panel.kernel.errors import Conflict, Invalid, PanelError
from panel.ledger import domain_names, names
from panel.ledger.domain_names import Claim, Relative
from provisioning.resources import InvalidResource
from provisioning.zone import check_zone_name

Asked = tuple[uuid.UUID | None, str]
"""A member (None: the association) and the name asked for it."""


def zone_name(text: str, *, field: str = "name") -> str:
    """A zone's name as it is kept: A-labels, lower case, no final dot.

    Raises Invalid ``zone_…`` (as ``check_zone_name`` has it), ``name_idn``, ``name_public_suffix``.
    """
    name = to_ascii(text.strip(" ").rstrip("."), field=field).lower()
    try:
        check_zone_name(name)
    except InvalidResource as error:
        raise Invalid(f"zone_{error.code}", field=field, name=name) from None
    if is_public_suffix(name):
        raise Invalid("name_public_suffix", field=field, name=name)
    return name


def require_own_name(actor: Actor, *, member_id: uuid.UUID | None, name: str, reason: str = "") -> None:
    """Go on only if the member may have ``name``, as ``zone_name`` made it. Raises Conflict, as ``name_faults`` has."""
    for fault in name_faults(actor, [(member_id, name)], reasons=[reason]).values():
        raise fault


def name_faults(actor: Actor, asked: Sequence[Asked], *, reasons: Sequence[str] = ()) -> dict[int, PanelError]:
    """Why members may not have names, by the row at fault.

    Conflict ``name_others``: at, above or below another member's, or the association's, from which only who may vouch
    (``dns:vouch``) gives names, and never from a domain of its mail. ``name_released``: another member gave it up, or
    what lies above it, within the last years; who may vouch gives it with a reason.
    """
    return _faults(actor, asked, _held(asked), reasons)


def take_names(actor: Actor, zones: Sequence[Zone], *, reasons: Sequence[str] = ()) -> list[Zone]:
    """Hold the zones' names for their members, before the zones' rows are inserted in the running unit of work.

    Return the zones whose names wait for proof; they are held back (``Zone.hold``). Raises Conflict: ``taken``, and as
    ``name_faults``.
    """
    domain_names.wait_for_turn()
    asked: list[Asked] = [(zone.member_id, zone.name) for zone in zones]
    held = _held(asked)
    for fault in _faults(actor, asked, held, reasons).values():
        raise fault
    known = [_is_known(actor, zone, held[zone.name]) for zone in zones]
    domain_names.claim(
        ZONES,
        [
            Claim(name=zone.name, holder_id=zone.id, member_id=zone.member_id, proven=proven)
            for zone, proven in zip(zones, known, strict=True)
        ],
        kind="zone",
    )
    waiting = [zone for zone, proven in zip(zones, known, strict=True) if not proven]
    for zone in waiting:
        zone.hold(UNPROVEN)
    open_proofs([(zone.id, zone.member_id, zone.name) for zone in waiting if zone.member_id is not None])
    return waiting


def release_name(zone: Zone) -> None:
    """Give up a zone's name; it waits for its member for years. One that never was proven waits for nobody."""
    former = None if is_unproven(zone.id) else zone.member_id
    domain_names.release(ZONES, holder_id=zone.id, former=former)
    forget_proofs([zone.id])


def _faults(
    actor: Actor, asked: Sequence[Asked], held: Mapping[str, Sequence[Relative]], reasons: Sequence[str]
) -> dict[int, PanelError]:
    former = names.released(ZONES, sorted({above for _, name in asked for above in _and_above(name)}))
    faults: dict[int, PanelError] = {}
    for row, (member_id, name) in enumerate(asked):
        may = actor.may_everywhere("dns:vouch") if member_id is None else actor.may("dns:vouch", member_id)
        if any(not _may_be_near(one, member_id, may=may) for one in held[name]):
            faults[row] = Conflict("name_others", field="name", name=name, row=row)
            continue
        others = {former[above] for above in _and_above(name) if above in former} - {member_id}
        if others and not (may and reasons and reasons[row]):
            faults[row] = Conflict("name_released", field="name", name=name, years=names.RELEASED_YEARS, row=row)
    return faults


def _held(asked: Sequence[Asked]) -> dict[str, list[Relative]]:
    """What is held near each name, also by others that ask for theirs at the same time."""
    held = domain_names.relatives([name for _, name in asked])
    owners = {name: member_id for member_id, name in asked}
    for member_id, name in asked:
        for above in _and_above(name)[1:]:
            if above in owners and owners[above] != member_id:
                held[name].append(Relative(space=ZONES, name=above, member_id=owners[above], proven=False, above=True))
    return held


def _may_be_near(one: Relative, member_id: uuid.UUID | None, *, may: bool) -> bool:
    if one.member_id == member_id:
        return True
    return one.member_id is None and one.above and one.space == ZONES and may


def _is_known(actor: Actor, zone: Zone, held: Iterable[Relative]) -> bool:
    """Whether the name needs no proof: staff vouches for what it gives, and below an own name all is own."""
    if zone.member_id is None or actor.may("dns:vouch", zone.member_id):
        return True
    return any(one.above and one.proven and one.member_id == zone.member_id for one in held)


def _and_above(name: str) -> list[str]:
    """``name`` and the names above it but the top-level domain."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]

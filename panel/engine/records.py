"""What the engine writes down about resources: sent, applied, seen, or why not. All in few statements."""

from __future__ import annotations

import random
import uuid
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Float, bindparam, func, null, update

from panel.engine.kinds import Kind, Wanted
from panel.kernel.access import SYSTEM
from panel.kernel.bulk import execute_many
from panel.kernel.db import database_now, unit_of_work, utcnow
from panel.ledger.events import record_many
from panel.ledger.nodes import Lease, Node, note_batch, require_lease
from provisioning.probes.findings import Finding, NotSeen, Seen

RETRY_SECONDS = (5, 15, 60, 300, 900, 3600)
GOOD = ("applied", "unchanged")
NOT_SEEN = "not_seen_"
"""How the problem codes begin that say a resource was looked for and not seen."""

MESSAGE_MOST = 1_000
_TOLD = "told_"
_LOOK_SECONDS_MOST = 600.0
_MISSING = {"outcome": "failed", "code": "no_outcome", "message": "the agent did not mention it"}


@dataclass(frozen=True, slots=True)
class Bad:
    """Why something is not as wanted: a code, the service's words, and whether trying again may help."""

    one: Wanted
    code: str
    message: str
    again: bool


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often what was seen is looked at again, and for how long a lease is taken, in seconds."""

    look_seconds: float
    lease_seconds: int


def mark_sent(lease: Lease, batch: uuid.UUID, wanted: Sequence[Wanted], pace: Pace) -> None:
    """Note the batch on its way, and what is in it, so that pages can say *applying*. Raises LeaseLost."""
    with unit_of_work():
        note_batch(lease, batch, seconds=pace.lease_seconds)
        for kind, group in by_kind(wanted):
            update_rows(kind, _generations(group), sent_generation=bindparam("generation"))


def forget_batch(lease: Lease, pace: Pace) -> None:
    """Note that no batch is on its way: the agent said that it did nothing. Raises LeaseLost."""
    with unit_of_work():
        note_batch(lease, None, seconds=pace.lease_seconds)


def record_outcomes(
    node: Node,
    lease: Lease,
    wanted: Sequence[Wanted],
    outcomes: Mapping[tuple[str, str], Mapping[str, Any]],
    pace: Pace,
    *,
    own: Container[uuid.UUID] = (),
) -> tuple[list[Wanted], list[Bad]]:
    """Record what the node said of each resource; return those it has now, and the others. Raises LeaseLost.

    Of resources with a job of their own (``own``) the timeline tells that the node confirmed them; of those done in
    bulk it tells so with what was seen a moment later, in one line instead of two.
    """
    told = [(one, outcomes.get(one.key, _MISSING)) for one in wanted]
    good = [one for one, outcome in told if outcome["outcome"] in GOOD]
    bad = [
        Bad(one, outcome["code"] or outcome["outcome"], outcome["message"], outcome["outcome"] != "refused")
        for one, outcome in told
        if outcome["outcome"] not in GOOD
    ]
    with unit_of_work():
        note_batch(lease, None, seconds=pace.lease_seconds)
        for kind, group in by_kind(good):
            update_rows(kind, _generations(group), applied_generation=bindparam("generation"), plan_id=null())
        record_problems(bad)
        record_many(
            SYSTEM,
            [event(node, one, "applied") for one in good if one.row.id in own]
            + [event(node, one.one, "refused", code=one.code, message=one.message) for one in bad],
        )
    return good, bad


def record_findings(
    node: Node, lease: Lease, applied: Sequence[Wanted], findings: Mapping[tuple[str, str], Finding], pace: Pace
) -> tuple[list[tuple[Wanted, Seen]], list[Bad]]:
    """Record what was seen from outside; return what was seen as wanted, and the rest. Raises LeaseLost."""
    seen, unseen = sorted_findings(applied, findings)
    with unit_of_work():
        require_lease(lease, seconds=pace.lease_seconds)
        for kind, rows in seen_rows(seen, pace):
            update_rows(
                kind,
                rows,
                seen_generation=bindparam("generation"),
                seen_at=database_now(bindparam("ago", type_=Float())),
                seen_how=bindparam("how"),
                look_at=database_now(bindparam("look", type_=Float())),
                **told_binds(kind, rows),
                attempts=0,
                problem_code=None,
                problem_message=None,
                problem_since=None,
                retry_at=None,
            )
        record_problems(unseen)
        record_many(
            SYSTEM,
            [event(node, one, "seen" if one.row.want == "put" else "gone", how=finding.how) for one, finding in seen]
            + [event(node, one.one, "not_seen", code=one.code, message=one.message) for one in unseen],
        )
    return seen, unseen


def seen_rows(seen: Iterable[tuple[Wanted, Seen]], pace: Pace) -> list[tuple[Kind, list[dict[str, Any]]]]:
    """What is written down of each that was seen, by kind: ``key generation ago how look``, and ``told_…`` of the kind.

    ``ago`` seconds since then: it is kept by the database's clock, and probes have this host's. ``look``: in how many
    seconds to look again; None for what is gone: that it stays away is told by comparing whole nodes.
    """
    now = utcnow()
    groups: dict[str, tuple[Kind, list[dict[str, Any]]]] = {}
    for one, finding in seen:
        row = one.row
        groups.setdefault(one.kind.name, (one.kind, []))[1].append(
            {
                "key": row.id,
                "generation": row.wanted_generation,
                "ago": max(-_LOOK_SECONDS_MOST, min(0.0, (finding.at - now).total_seconds())),
                "how": finding.how,
                "look": spread(pace.look_seconds) if row.want == "put" else None,
                **_told(one.kind, row, finding),
            }
        )
    return list(groups.values())


def told_binds(kind: Kind, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The kind's own columns that ``seen_rows`` has values for, as values of a statement."""
    names = [name.removeprefix(_TOLD) for name in rows[0] if name.startswith(_TOLD)]
    return {name: bindparam(f"{_TOLD}{name}", type_=kind.table.c[name].type) for name in names}


def _told(kind: Kind, row: Any, finding: Seen) -> dict[str, Any]:
    if kind.told is None:
        return {}
    return {f"{_TOLD}{name}": value for name, value in kind.told(row, finding).items()}


def sorted_findings(
    some: Sequence[Wanted], findings: Mapping[tuple[str, str], Finding]
) -> tuple[list[tuple[Wanted, Seen]], list[Bad]]:
    """What was seen, and what was not and why; what was not looked at was not seen."""
    pairs = [(one, findings.get(one.key) or NotSeen("protocol", "not looked at")) for one in some]
    seen = [(one, finding) for one, finding in pairs if isinstance(finding, Seen)]
    unseen = [
        Bad(one, f"{NOT_SEEN}{finding.code}", finding.message, again=True)
        for one, finding in pairs
        if isinstance(finding, NotSeen)
    ]
    return seen, unseen


def record_bad_rows(node: Node, bad: Iterable[tuple[Kind, Any, str]]) -> None:
    """Record that rows hold what no node may be given: nothing is sent for them before a person changes them."""
    for kind, row, words in bad:
        values = {"key": row.id, "code": "bad_value", "message": words[:MESSAGE_MOST]}
        data = {"code": "bad_value", "message": words, "generation": row.wanted_generation}
        with unit_of_work():
            update_rows(
                kind,
                [values],
                problem_code=bindparam("code"),
                problem_message=bindparam("message"),
                problem_since=database_now(),
                retry_at=None,
            )
            record_many(SYSTEM, [_line(node, kind, row, "refused", data)])


def record_problems(bad: Sequence[Bad]) -> None:
    """Write down, within the running unit of work, why resources are not as wanted and when to try again."""
    for kind, group in bad_by_kind(bad):
        rows = [
            {
                "key": one.one.row.id,
                "generation": one.one.item.generation,
                "code": one.code,
                "message": one.message[:MESSAGE_MOST],
                "retry": retry_seconds(one.one.row.attempts) if one.again else None,
            }
            for one in group
        ]
        model = kind.model
        update_rows(
            kind,
            rows,
            current_only=True,
            problem_code=bindparam("code"),
            problem_message=bindparam("message"),
            retry_at=database_now(bindparam("retry", type_=Float())),
            attempts=model.attempts + 1,
            problem_since=func.coalesce(model.problem_since, database_now()),
        )


def retry_seconds(attempts: int) -> float:
    """How long to wait after ``attempts`` failures: longer each time, and not all until the same moment."""
    return spread(RETRY_SECONDS[min(attempts, len(RETRY_SECONDS) - 1)])


def spread(seconds: float) -> float:
    """About ``seconds``, so that not everything comes at the same moment."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing


def update_rows(kind: Kind, rows: list[dict[str, Any]], *, current_only: bool = False, **values: Any) -> None:
    """One statement, many rows. ``current_only`` leaves rows alone that a person has changed meanwhile.

    Rows are taken in the order of their ids, as everywhere: two writers then never wait for each other in a circle.
    """
    table = kind.table
    statement = update(table).where(table.c.id == bindparam("key"))
    if current_only:
        statement = statement.where(table.c.wanted_generation == bindparam("generation"))
    execute_many(statement.values(updated_at=table.c.updated_at, **values), sorted(rows, key=itemgetter("key")))


def by_kind(wanted: Iterable[Wanted]) -> list[tuple[Kind, list[Wanted]]]:
    """``wanted`` by kind."""
    groups: dict[str, tuple[Kind, list[Wanted]]] = {}
    for one in wanted:
        groups.setdefault(one.kind.name, (one.kind, []))[1].append(one)
    return list(groups.values())


def bad_by_kind(bad: Iterable[Bad]) -> list[tuple[Kind, list[Bad]]]:
    """``bad`` by kind."""
    groups: dict[str, tuple[Kind, list[Bad]]] = {}
    for one in bad:
        groups.setdefault(one.one.kind.name, (one.one.kind, []))[1].append(one)
    return list(groups.values())


def _generations(group: Iterable[Wanted]) -> list[dict[str, Any]]:
    return [{"key": one.row.id, "generation": one.item.generation} for one in group]


def event(node: Node, one: Wanted, action: str, **data: Any) -> dict[str, Any]:
    """One line of the resource's timeline, for ``record_many``."""
    return _line(node, one.kind, one.row, action, {"generation": one.item.generation, **data})


def _line(node: Node, kind: Kind, row: Any, action: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "tag": f"engine:{kind.name}:{action}",
        "kind": kind.name,
        "resource_id": row.id,
        "name": kind.name_of(row),
        "member_id": row.member_id,
        "node_id": node.id,
        "data": data,
    }

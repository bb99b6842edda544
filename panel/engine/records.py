"""What the engine writes down about resources: sent, applied, seen, or why not. All in few statements."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Float, bindparam, func, update

from panel.engine.kinds import Kind, Wanted
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work, utcnow
from panel.ledger.events import record_many
from panel.ledger.nodes import Node
from provisioning.probes.findings import Finding, NotSeen, Seen

RETRY_SECONDS = (5, 15, 60, 300, 900, 3600)
_MESSAGE_MOST = 1_000
_LOOK_SECONDS_MOST = 600.0


def mark_sent(wanted: Sequence[Wanted]) -> None:
    """Note which generation is on its way, so that pages can say *applying*."""
    with unit_of_work():
        for kind, group in _by_kind(wanted):
            _update(
                kind,
                [{"key": one.row.id, "generation": one.item.generation} for one in group],
                sent_generation=bindparam("generation"),
            )


def record_outcomes(
    node: Node, by_key: Mapping[tuple[str, str], Wanted], outcomes: Mapping[tuple[str, str], Mapping[str, Any]]
) -> list[Wanted]:
    """Record what the node said of each resource; return those it has now."""
    missing = {"outcome": "failed", "code": "no_outcome", "message": "the agent did not mention it"}
    told = [(one, outcomes.get(key, missing)) for key, one in by_key.items()]
    good = [one for one, outcome in told if outcome["outcome"] in ("applied", "unchanged")]
    bad = [
        (one, outcome["code"] or outcome["outcome"], outcome["message"], outcome["outcome"] != "refused")
        for one, outcome in told
        if outcome["outcome"] not in ("applied", "unchanged")
    ]
    with unit_of_work():
        for kind, group in _by_kind(good):
            _update(
                kind,
                [{"key": one.row.id, "generation": one.item.generation} for one in group],
                applied_generation=bindparam("generation"),
            )
        _record_problems(bad)
        record_many(
            SYSTEM,
            [_event(node, one, "applied") for one in good]
            + [_event(node, one, "refused", code=code, message=message) for one, code, message, _ in bad],
        )
    return good


def record_findings(node: Node, applied: Sequence[Wanted], findings: Mapping[tuple[str, str], Finding]) -> list[Wanted]:
    """Record what was seen from outside; return the resources that were seen as wanted."""
    pairs = [(one, findings.get(one.key) or NotSeen("protocol", "not looked at")) for one in applied]
    seen = [(one, finding) for one, finding in pairs if isinstance(finding, Seen)]
    unseen = [
        (one, f"not_seen_{finding.code}", finding.message, True)
        for one, finding in pairs
        if isinstance(finding, NotSeen)
    ]
    with unit_of_work():
        for kind, group in _by_kind([one for one, _ in seen]):
            at = {one.key: finding for one, finding in seen}
            rows = [
                {"key": one.row.id, "generation": one.item.generation, "ago": _ago(at[one.key]), "how": at[one.key].how}
                for one in group
            ]
            _update(
                kind,
                rows,
                seen_generation=bindparam("generation"),
                seen_at=database_now(bindparam("ago", type_=Float())),
                seen_how=bindparam("how"),
                attempts=0,
                problem_code=None,
                problem_message=None,
                problem_since=None,
                retry_at=None,
            )
        _record_problems(unseen)
        record_many(
            SYSTEM,
            [_event(node, one, "seen", how=finding.how) for one, finding in seen]
            + [_event(node, one, "not_seen", code=code, message=message) for one, code, message, _ in unseen],
        )
    return [one for one, _ in seen]


def retry_seconds(attempts: int) -> float:
    """How long to wait after ``attempts`` failures: longer each time, and not all until the same moment."""
    seconds = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS) - 1)]
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing


def _ago(finding: Seen) -> float:
    """Seconds, not above 0, since then: what was seen is kept by the database's clock, and probes have this host's."""
    return max(-_LOOK_SECONDS_MOST, min(0.0, (finding.at - utcnow()).total_seconds()))


def _record_problems(bad: Sequence[tuple[Wanted, str, str, bool]]) -> None:
    """``bad``: resource, code, the service's words, whether to try again."""
    rows = {
        one.key: (code, message[:_MESSAGE_MOST], retry_seconds(one.row.attempts) if again else None)
        for one, code, message, again in bad
    }
    for kind, group in _by_kind([one for one, *_ in bad]):
        values = [
            {
                "key": one.row.id,
                "generation": one.item.generation,
                "code": rows[one.key][0],
                "message": rows[one.key][1],
                "retry": rows[one.key][2],
            }
            for one in group
        ]
        model = kind.model
        _update(
            kind,
            values,
            current_only=True,
            problem_code=bindparam("code"),
            problem_message=bindparam("message"),
            retry_at=database_now(bindparam("retry", type_=Float())),
            attempts=model.attempts + 1,
            problem_since=func.coalesce(model.problem_since, database_now()),
        )


def _update(kind: Kind, rows: list[dict[str, Any]], *, current_only: bool = False, **values: Any) -> None:
    """One statement, many rows. ``current_only`` leaves rows alone that a person has changed meanwhile.

    Rows are taken in the order of their ids, as everywhere: two writers then never wait for each other in a circle.
    """
    table = kind.model.__table__  # type: ignore[attr-defined]  # every kind's model is mapped
    statement = update(table).where(table.c.id == bindparam("key"))
    if current_only:
        statement = statement.where(table.c.wanted_generation == bindparam("generation"))
    if rows:
        db.session.connection().execute(
            statement.values(updated_at=table.c.updated_at, **values), sorted(rows, key=itemgetter("key"))
        )


def _by_kind(wanted: Sequence[Wanted]) -> list[tuple[Kind, list[Wanted]]]:
    groups: dict[str, tuple[Kind, list[Wanted]]] = {}
    for one in wanted:
        groups.setdefault(one.kind.name, (one.kind, []))[1].append(one)
    return list(groups.values())


def _event(node: Node, one: Wanted, action: str, **data: Any) -> dict[str, Any]:
    return {
        "tag": f"engine:{one.kind.name}:{action}",
        "kind": one.kind.name,
        "resource_id": uuid.UUID(one.item.id),
        "name": one.kind.name_of(one.row),
        "member_id": one.row.member_id,
        "node_id": node.id,
        "data": {"generation": one.item.generation, **data},
    }

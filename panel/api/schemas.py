"""What answers look like, as JSON Schema (2020-12): one component for each thing in ``panel.shapes``."""

from __future__ import annotations

from panel.api.contract_schemas import CONTRACTS
from panel.api.import_schemas import IMPORTS
from panel.api.people_schemas import PEOPLE
from panel.api.schema_parts import (
    ANYTHING,
    FLAG,
    ID,
    LINKS,
    MOMENT,
    TEXT,
    WHOLE,
    Schema,
    list_of,
    one_of,
    or_null,
    page_of,
    ref,
    thing,
)
from panel.api.staff_schemas import STEP_IN
from panel.api.webhook_schemas import WEBHOOKS
from panel.api.zone_schemas import zone_components
from panel.ledger import jobs
from panel.ledger.backups import BACKUP_STATES
from panel.ledger.differences import STATES as DIFFERENCE_STATES
from panel.ledger.differences import WHATS
from panel.ledger.resources import RESOURCE_STATES
from panel.mail.choosing import ACTIONS
from panel.members.models import MEMBER_KINDS
from panel.search.everything import KINDS

__all__ = ["COMPONENTS", "page_of", "ref"]

_TIMES = {"created_at": MOMENT, "updated_at": MOMENT}
_PROBLEM = or_null(thing({"code": TEXT, "message": TEXT, "since": or_null(MOMENT)}))
_RESOURCE = {
    "id": ID,
    "member_id": or_null(ID),
    "state": one_of(RESOURCE_STATES),
    "wanted_generation": WHOLE,
    "applied_generation": WHOLE,
    "seen_at": or_null(MOMENT),
    "seen_how": or_null(TEXT),
    "waits_for_approval": FLAG,
    "problem": _PROBLEM,
    **_TIMES,
    "links": LINKS,
}
_ACTIVATION = thing(
    {"state": one_of(["none", "sent", "expired"]), "sent_at": or_null(MOMENT)},
    also={"link": TEXT | {"description": "Where the holder sets a password; in the first answer only."}},
)
_MAILBOX = {
    **_RESOURCE,
    "address": TEXT,
    "domain_id": ID,
    "quota_mb": WHOLE,
    "used_mb": or_null(WHOLE),
    "used_at": or_null(MOMENT),
    "login": one_of(["waiting", "open", "blocked"]),
    "statutory": FLAG,
    "aliases": list_of(TEXT),
    "activation": _ACTIVATION,
    "removed_at": or_null(MOMENT),
    "purge_at": or_null(MOMENT),
}
_WARNINGS = list_of(thing({"code": one_of(["near_double"]), "message": TEXT}))
_NEW_MAILBOX = {"id": ID, "member_id": ID, "address": TEXT, "quota_mb": WHOLE, "state": one_of(RESOURCE_STATES)}

_HIT = thing({"id": ID, "name": TEXT, "note": TEXT, "member_id": or_null(ID)})

COMPONENTS: dict[str, Schema] = {
    "SearchResults": thing(
        {
            "groups": list_of(
                thing({"kind": one_of(tuple(KINDS)), "items": list_of(_HIT), "total": WHOLE, "total_exact": FLAG})
            )
        }
    ),
    "Member": thing(
        {
            "id": ID,
            "name": TEXT,
            "kind": one_of(MEMBER_KINDS),
            "official_kind": TEXT,
            "teryt": or_null(TEXT),
            "county": TEXT,
            "county_rights": FLAG,
            "voivodeship": or_null(TEXT),
            "nip": or_null(TEXT),
            "regon": or_null(TEXT),
            "rspo": or_null(TEXT),
            "slug": TEXT,
            "parent_id": or_null(ID),
            "e_delivery_address": TEXT,
            "address": TEXT,
            "contacts": list_of({"type": "object", "additionalProperties": TEXT}),
            **_TIMES,
            "links": LINKS,
        }
    ),
    "MailDomain": thing(_RESOURCE | {"name": TEXT, "shared": FLAG}, also={"job": or_null(ID)}),
    "Mailbox": thing(_MAILBOX, also={"job": or_null(ID), "warnings": _WARNINGS}),
    "MailboxBatch": thing(
        {
            "items": list_of(thing(_NEW_MAILBOX | {"warnings": _WARNINGS}, also={"activation": thing({"link": TEXT})})),
            "total": WHOLE,
            "jobs": list_of(ID),
        }
    ),
    "MailboxChanges": thing(
        {
            "action": one_of(ACTIONS),
            "digest": TEXT,
            "total": WHOLE,
            "counts": thing({"change": WHOLE, "unchanged": WHOLE, "refused": WHOLE}),
            "items": list_of(
                thing(
                    {"id": ID, "address": TEXT, "verdict": one_of(["change", "unchanged", "refused"])},
                    also={"problem": thing({"code": TEXT, "message": TEXT}), "activation": thing({"link": TEXT})},
                )
            ),
            "jobs": list_of(ID),
        }
    ),
    "Node": thing(
        {
            "id": ID,
            "name": TEXT,
            "roles": list_of(TEXT),
            "address": TEXT,
            "ssh_port": WHOLE,
            "hostname": TEXT,
            "host_key_fingerprint": TEXT,
            "agent_version": TEXT,
            "release": TEXT,
            "versions": ANYTHING,
            "last_seen_at": or_null(MOMENT),
            "lease": or_null(thing({"owner": TEXT, "expires_at": MOMENT, "fence": WHOLE})),
            "drift": or_null(thing({"checked_at": MOMENT, "differing": WHOLE})),
            "problem": _PROBLEM,
            **_TIMES,
            "links": LINKS,
        }
    ),
    "Difference": thing(
        {
            "id": ID,
            "node_id": ID,
            "kind": TEXT,
            "resource_id": or_null(ID),
            "name": TEXT,
            "what": one_of(WHATS),
            "differs": list_of(TEXT),
            "wanted": or_null(ANYTHING),
            "found": or_null(ANYTHING),
            "state": one_of(DIFFERENCE_STATES),
            "reason": TEXT,
            "until": or_null(MOMENT),
            "decided_by": TEXT,
            "decided_at": or_null(MOMENT),
            "first_seen_at": MOMENT,
            "last_seen_at": MOMENT,
            "no_adopt": or_null(TEXT),
            "no_overwrite": or_null(TEXT),
        }
    ),
    "Plan": thing(
        {
            "digest": TEXT,
            "made_at": MOMENT,
            "waiting": FLAG,
            "reason": TEXT,
            "counts": list_of(thing({"kind": TEXT, "verb": TEXT, "number": WHOLE, "total": WHOLE})),
            "changes": list_of(ANYTHING),
            "total": WHOLE,
            "requested_by": list_of(TEXT),
            "second_person": FLAG,
        }
    ),
    "RepairPlan": thing(
        {
            "digest": TEXT,
            "made_at": MOMENT,
            "counts": list_of(thing({"kind": TEXT, "verb": TEXT, "number": WHOLE})),
            "changes": list_of(ANYTHING),
            "total": WHOLE,
            "left": WHOLE,
        }
    ),
    "Backup": thing(
        {
            "id": ID,
            "node_id": ID,
            "node": TEXT,
            "state": one_of(BACKUP_STATES),
            "at": MOMENT,
            "ended_at": or_null(MOMENT),
            "bytes": WHOLE,
            "files": WHOLE,
            "problem": _PROBLEM,
        }
    ),
    "Job": thing(
        {
            "id": ID,
            "node_id": ID,
            "member_id": or_null(ID),
            "cause": TEXT,
            "actor": TEXT,
            "resource": or_null(thing({"kind": TEXT, "id": or_null(ID)})),
            "state": one_of(jobs.STATES),
            "attempts": WHOLE,
            "queued_at": MOMENT,
            "started_at": or_null(MOMENT),
            "finished_at": or_null(MOMENT),
            "counts": {"type": "object", "additionalProperties": WHOLE},
            "log": list_of(ANYTHING),
        }
    ),
    "Event": thing(
        {
            "id": ID,
            "at": MOMENT,
            "tag": TEXT,
            "actor": TEXT,
            "actor_name": TEXT,
            "on_behalf_of": or_null(TEXT),
            "member_id": or_null(ID),
            "node_id": or_null(ID),
            "job_id": or_null(ID),
            "resource": or_null(thing({"kind": TEXT, "id": or_null(ID), "name": TEXT})),
            "data": ANYTHING,
        }
    ),
    "StepIn": STEP_IN,
    **CONTRACTS,
    **IMPORTS,
    **PEOPLE,
    **WEBHOOKS,
    **zone_components(_RESOURCE),
    "Problem": thing(
        {
            "type": TEXT | {"format": "uri-reference"},
            "title": TEXT,
            "status": WHOLE,
            "detail": TEXT,
            "code": TEXT,
            "errors": list_of(
                thing(
                    {"field": or_null(TEXT), "code": TEXT, "message": TEXT},
                    also={"row": WHOLE, "level": one_of(["error", "warning"])},
                ),
            ),
        }
    ),
}

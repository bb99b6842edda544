"""One change of many mailboxes."""

from __future__ import annotations

from typing import Any

from flask import current_app

from panel.api.fields import Boolean, Id, Integer, ListOf, Shape, Text
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import ref
from panel.imports.made import mailboxes_made
from panel.kernel.access import Actor
from panel.kernel.errors import Invalid
from panel.ledger.resources import RESOURCE_STATES
from panel.ledger.waiting import jobs_finished
from panel.mail.changing import ChangedMany, change_mailboxes
from panel.mail.choosing import ACTIONS, AT_MOST, Choice, Wish, plan_changes
from panel.shapes.changes import change_plan
from panel.wording import describe
from provisioning.resources import QUOTA_MB_MAX

_FILTER = Shape(
    fields={
        "search": Text(most=200),
        "member_id": Id(),
        "domain_id": Id(),
        "state": Text(choices=RESOURCE_STATES),
    }
)
_BODY = Shape(
    fields={
        "action": Text(required=True, choices=ACTIONS),
        "ids": ListOf(of=Id(), least=1, most=AT_MOST, says="The mailboxes; without them `filter` says which."),
        "filter": _FILTER,
        "import_id": Id(says=f"Instead: the mailboxes that this import made, at most {AT_MOST}."),
        "from_line": Integer(least=1, most=10_000_000, says="Those from this line of the import's file on."),
        "quota_mb": Integer(least=1, most=QUOTA_MB_MAX, says="For the action `quota`."),
        "dry_run": Boolean(says="Only say what would happen."),
        "digest": Text(most=64, says="From the answer that was looked at; 409 where something else would happen now."),
    }
)


@operation(
    "POST",
    "/mailboxes/changes",
    permission="mail:write",
    body=_BODY,
    answer=ref("MailboxChanges"),
    statuses=(200, 202),
    waits=True,
)
def change_many_mailboxes(actor: Actor, ask: Ask) -> Answer:
    """Suspend, resume, remove, restore, resize or send new links to up to 10,000 mailboxes; what cannot be is told."""
    wish = Wish(action=ask.body["action"], quota_mb=ask.body.get("quota_mb"))
    choice = _choice(actor, ask.body)
    if ask.body.get("dry_run"):
        return Answer(body=change_plan(plan_changes(actor, wish, choice), describe))
    return _changed(change_mailboxes(actor, wish, choice, digest=ask.body.get("digest")))


def _choice(actor: Actor, body: Any) -> Choice:
    """The mailboxes named; those a filter leaves only where it was given, so that nothing is never everything."""
    if "import_id" in body:
        if "ids" in body or "filter" in body:
            raise Invalid("given_twice", field="import_id")
        return Choice(ids=mailboxes_made(actor, body["import_id"], from_line=body.get("from_line", 1)))
    return Choice(**body["filter"]) if "ids" not in body and body.get("filter") else Choice(ids=body.get("ids", ()))


def _changed(done: ChangedMany) -> Answer:
    body = change_plan(done.plan, describe, jobs=done.jobs, links=_links(done))
    ids = [job.id for job in done.jobs]
    settled = jobs_finished(ids) if ids else _at_once

    def again() -> Answer:
        return Answer(body=body, status=200 if settled() else 202)

    return Answer(settled=settled, again=again)


def _links(done: ChangedMany) -> dict[str, str]:
    start = current_app.config["CIS"].public_url.rstrip("/")
    return {str(id_): f"{start}/activate/{token}" for id_, token in done.tokens.items()}


def _at_once() -> bool:
    return True

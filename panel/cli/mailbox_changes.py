"""``cis mailboxes change``: one change of many mailboxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click
from flask import current_app

from panel.cli.following import waits
from panel.cli.output import as_json, print_json, print_rows
from panel.cli.references import find_domain, find_mailbox, find_member, require_id
from panel.cli.session import with_panel
from panel.imports.made import mailboxes_made
from panel.kernel.access import Actor
from panel.ledger.resources import RESOURCE_STATES
from panel.ledger.waiting import jobs_finished, wait_until
from panel.mail.changing import change_mailboxes
from panel.mail.choosing import ACTIONS, ChangePlan, Choice, Wish, plan_changes
from panel.shapes.changes import change_plan
from panel.wording import describe

SHOWN = 20


@click.command("change")
@click.argument("action", type=click.Choice(ACTIONS))
@click.argument("mailboxes", nargs=-1)
@click.option("--search", default="", help="All whose address holds this, instead of MAILBOXES.")
@click.option("--member", metavar="MEMBER", help="All of this member.")
@click.option("--domain", metavar="DOMAIN", help="All in this domain.")
@click.option("--state", type=click.Choice(RESOURCE_STATES), help="All in this state.")
@click.option("--import", "import_id", metavar="IMPORT", help="Those that this import made, 10,000 at a time.")
@click.option("--from-line", type=int, default=1, help="Of an import: those from this line of its file on.")
@click.option("--quota", "quota_mb", type=int, help="Mebibytes, for `quota`.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@waits
@as_json
@with_panel
def change_many(
    actor: Actor, /, *, action: str, quota_mb: int | None, dry_run: bool, yes: bool, wait: float, json_: bool,
    mailboxes: tuple[str, ...], search: str, member: str | None, domain: str | None, state: str | None,
    import_id: str | None, from_line: int,
) -> None:  # fmt: skip
    """Do ACTION to MAILBOXES, or to all that the options choose; up to 10,000. What happens is shown first."""
    wish = Wish(action=action, quota_mb=quota_mb)
    filters = {"search": search, "member": member, "domain": domain, "state": state}
    choice = _choice(actor, mailboxes, filters, import_id=import_id, from_line=from_line)
    plan = plan_changes(actor, wish, choice)
    if not json_:
        _show(plan)
    if dry_run:
        if json_:
            print_json(change_plan(plan, describe))
        return
    if not (yes or json_):
        click.confirm("Do it?", abort=True)
    _do(actor, wish, choice, plan, wait=wait, json_=json_)


def _choice(
    actor: Actor, mailboxes: Sequence[str], filters: Mapping[str, str | None], *, import_id: str | None, from_line: int
) -> Choice:
    """Those named, those that the filters leave, or those that an import made."""
    if import_id is not None:
        if mailboxes or any(filters.values()):
            raise click.UsageError("--import says which mailboxes: name no others.")
        return Choice(ids=mailboxes_made(actor, require_id(import_id), from_line=from_line))
    if mailboxes or not any(filters.values()):
        return Choice(ids=[find_mailbox(actor, one).id for one in mailboxes])
    member, domain = filters["member"], filters["domain"]
    return Choice(
        search=filters["search"] or "",
        member_id=None if member is None else find_member(actor, member).id,
        domain_id=None if domain is None else find_domain(actor, domain).id,
        state=filters["state"],
    )


def _do(actor: Actor, wish: Wish, choice: Choice, plan: ChangePlan, *, wait: float, json_: bool) -> None:
    """What was shown, and nothing else."""
    done = change_mailboxes(actor, wish, choice, digest=plan.digest)
    if wait and done.jobs:
        wait_until(jobs_finished([job.id for job in done.jobs]), wait)
    start = current_app.config["CIS"].public_url.rstrip("/")
    links = {str(id_): f"{start}/activate/{token}" for id_, token in done.tokens.items()}
    if json_:
        print_json(change_plan(done.plan, describe, jobs=done.jobs, links=links))
        return
    for line in done.plan.lines:
        if str(line.row.id) in links:
            click.echo(f"{line.row.address} {links[str(line.row.id)]}")


def _show(plan: ChangePlan) -> None:
    shape = change_plan(plan, describe)
    rows = [item | {"why": item.get("problem", {}).get("message")} for item in shape["items"][:SHOWN]]
    print_rows(rows, {"address": "address", "verdict": "verdict", "why": "why"}, json_=False)
    click.echo(", ".join(f"{verdict}: {count}" for verdict, count in shape["counts"].items()), err=True)

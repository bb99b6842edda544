"""``cis mailboxes change``: one change of many mailboxes."""

from __future__ import annotations

import click
from flask import current_app

from panel.cli.following import waits
from panel.cli.output import as_json, print_json, print_rows
from panel.cli.references import find_domain, find_mailbox, find_member
from panel.cli.session import with_panel
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
@click.option("--quota", "quota_mb", type=int, help="Mebibytes, for `quota`.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@waits
@as_json
@with_panel
def change_many(
    actor: Actor, /, *, action: str, quota_mb: int | None, dry_run: bool, yes: bool, wait: float, json_: bool,
    mailboxes: tuple[str, ...], search: str, member: str | None, domain: str | None, state: str | None,
) -> None:  # fmt: skip
    """Do ACTION to MAILBOXES, or to all that the options choose; up to 10,000. What happens is shown first."""
    wish = Wish(action=action, quota_mb=quota_mb)
    choice = Choice(ids=[find_mailbox(actor, one).id for one in mailboxes])
    if not mailboxes and any((search, member, domain, state)):
        choice = Choice(
            search=search,
            member_id=None if member is None else find_member(actor, member).id,
            domain_id=None if domain is None else find_domain(actor, domain).id,
            state=state,
        )
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

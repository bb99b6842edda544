"""``cis audit``: whether the events are still what they were, and what is kept of them elsewhere."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click
from flask import current_app
from sqlalchemy import func, select

from panel.cli.exit_codes import FAILED
from panel.cli.output import as_json, print_json, print_one, print_rows
from panel.cli.session import with_panel
from panel.identity.erasing import erase_person, preview_erasure
from panel.identity.erasing_named import erase_named as erase_named_now
from panel.identity.erasing_named import preview_named
from panel.identity.models import User
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.ledger.anchors import make_anchor, read_anchor
from panel.ledger.exporting import export_lines
from panel.ledger.verifying import verify_chain
from panel.shapes import identity as shapes

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def audit() -> None:
    """The record of events: proved, anchored, taken along, and freed of persons."""


@audit.command()
@click.option(
    "--from-anchor",
    "anchor",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An anchor kept elsewhere: the chain must have been the same then; only what follows is read.",
)
@as_json
@with_panel
def verify(actor: Actor, /, *, anchor: Path | None, json_: bool) -> None:
    """Read the chain of events and name what was changed. Exit code 1: it is not as it was."""
    point = None if anchor is None else read_anchor(anchor.read_text(), current_app.config["CIS"])
    found = verify_chain(actor, since=point)
    faults = [
        {"what": one.what, "seq": one.seq, "event": one.event_id and str(one.event_id), "tag": one.tag,
         "at": one.at and one.at.isoformat(timespec="seconds")}
        for one in found.faults
    ]  # fmt: skip
    told = {
        "events": found.links,
        "head": found.seq,
        "digest": found.digest.hex(),
        "anchors": found.anchors,
        "erased": found.erased,
        "waiting": found.waiting,
        "faults": found.faulty,
    }
    if json_:
        print_json(told | {"faults": faults, "faulty": found.faulty})
    else:
        print_one(told, json_=False)
        if faults:
            print_rows(faults, {name: name for name in faults[0]}, json_=False)
    if found.faulty:
        sys.exit(FAILED)


@audit.command()
@with_panel
def anchor(actor: Actor, /) -> None:
    """Sign the chain's head now, print the anchor, and keep it in the data folder too."""
    made = make_anchor(actor, current_app.config["CIS"])
    if made is None:
        raise click.ClickException("no event is chained yet; a worker does it")
    print_json(made)


@audit.command()
@click.option("--from", "since", type=DAY, help="The first day (UTC).")
@click.option("--to", "until", type=DAY, help="The day after the last.")
@with_panel
def export(actor: Actor, /, *, since: datetime | None, until: datetime | None) -> None:
    """Print events as lines of JSON that prove themselves."""
    for line in export_lines(actor, since=_utc(since), until=_utc(until)):
        sys.stdout.write(line)


@audit.command("erase-person")
@click.argument("email")
@click.option("--reason", help="Why; it is kept, so it names nobody.")
@click.option("--dry-run", is_flag=True, help="Show what would go.")
@as_json
@with_panel
def erase(actor: Actor, /, *, email: str, reason: str | None, dry_run: bool, json_: bool) -> None:
    """Erase a person for good: the account's name and address, here and in the events."""
    user_id = db.session.scalar(select(User.id).where(func.lower(User.email) == email.strip().lower()))
    if user_id is None:
        raise NotFound("not_found")
    done = preview_erasure(actor, user_id) if dry_run else erase_person(actor, user_id, reason=reason or "")
    print_one({"user": str(user_id)} | shapes.erasure(done), json_=json_)


@audit.command()
@click.option("--name", default="", help="First and last name.")
@click.option("--email", "emails", multiple=True, help="An address of the person; may be given again.")
@click.option("--reason", help="Why; it is kept, so it names nobody.")
@click.option("--dry-run", is_flag=True, help="Show what would go.")
@as_json
@with_panel
def erase_named(
    actor: Actor, /, *, name: str, emails: tuple[str, ...], reason: str | None, dry_run: bool, json_: bool
) -> None:
    """Erase somebody who has no account, for good: a mailbox's holder, a contact person, a name in notes."""
    if dry_run:
        done = preview_named(actor, name=name, emails=emails)
    else:
        done = erase_named_now(actor, name=name, emails=emails, reason=reason or "")
    print_one(shapes.erasure(done), json_=json_)


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else datetime.fromisoformat(f"{day:%Y-%m-%d}T00:00:00+00:00")

"""Backups of nodes, and mail brought back from them."""

from __future__ import annotations

from panel.api.fields import Day, Id, Shape, Text
from panel.api.lists import list_answer, list_parameters
from panel.api.operations import Answer, Ask, accepted, operation
from panel.api.schemas import page_of, ref
from panel.kernel.access import Actor
from panel.ledger import backups
from panel.mail.restoring import restore_mail
from panel.shapes import backups as shapes
from panel.shapes import ledger, orders

_FILTERS = {"node_id": Id(), "state": Text(choices=backups.BACKUP_STATES)}
_FOLDER = Text(most=200, says="As its holder sees it, parts divided by `/`; all folders if not given.")
_INTO = Text(most=80, says="The folder made for it; named after the backup's day if not given.")


@operation(
    "GET",
    "/backups",
    permission="nodes:read",
    staff=True,
    query=list_parameters(orders.BACKUPS, _FILTERS, search=False),
    answer=page_of("Backup"),
)
def list_backups(actor: Actor, ask: Ask) -> Answer:
    """List backups of nodes, newest first."""
    filters = {name: ask.query[name] for name in _FILTERS if name in ask.query}
    query = backups.backups_query(actor, **filters).order_by(None)
    return list_answer(ask, query, shapes.backup, sorts=orders.BACKUPS, default="-at")


@operation("GET", "/backups/<uuid:id>", permission="nodes:read", staff=True, answer=ref("Backup"))
def show_backup(actor: Actor, ask: Ask) -> Answer:
    """Show a backup."""
    return Answer(body=shapes.backup(backups.get_backup(actor, ask.id)))


@operation("POST", "/nodes/<uuid:id>/backup", permission="jobs:write", staff=True, answer=ref("Job"), statuses=(202,))
def back_up_node(actor: Actor, ask: Ask) -> Answer:
    """Ask for a backup of a node."""
    return accepted(ledger.job(backups.request_backup(actor, ask.id)))


@operation(
    "POST",
    "/backups/<uuid:id>/restore",
    permission="mail:restore",
    staff=True,
    body=Shape(fields={"mailbox_id": Id(required=True), "folder": _FOLDER, "into": _INTO}),
    answer=ref("Job"),
    statuses=(202,),
)
def restore_from_backup(actor: Actor, ask: Ask) -> Answer:
    """Bring mail of a mailbox back from this backup, into a new folder; nothing is overwritten."""
    body = dict(ask.body)
    backup = backups.get_backup(actor, ask.id)
    return accepted(ledger.job(restore_mail(actor, body.pop("mailbox_id"), backup_id=backup.id, **body)))


@operation(
    "POST",
    "/mailboxes/<uuid:id>/restore-mail",
    permission="mail:restore",
    body=Shape(fields={"as_of": Day(says="The last backup of this day; the newest if not given."), "folder": _FOLDER,
                       "into": _INTO}),
    answer=ref("Job"),
    statuses=(202,),
)  # fmt: skip
def restore_mail_of_mailbox(actor: Actor, ask: Ask) -> Answer:
    """Bring mail of a mailbox back as of a day, into a new folder; nothing is overwritten."""
    return accepted(ledger.job(restore_mail(actor, ask.id, **ask.body)))

"""Mail of a mailbox brought back from a backup of its node, into a new folder; nothing is overwritten."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import current_app

from panel.kernel.access import Actor, require_kind
from panel.kernel.db import Work, unit_of_work
from panel.kernel.errors import Conflict, Invalid
from panel.kernel.i18n import TIME_ZONE
from panel.ledger.backups import RESTORE, NodeBackup, get_backup, newest_backup, start_restore
from panel.ledger.events import record
from panel.ledger.jobs import Job, request_job
from panel.mail.actions import get_mailbox
from panel.mail.models import Mailbox
from provisioning.agent.backup.restoring import Wish, check_folder

_LAST_DAY = date(9999, 12, 30)
_INTO = {"pl": "Odtworzone", "en": "Restored"}


def restore_mail(
    actor: Actor,
    mailbox_id: uuid.UUID,
    *,
    as_of: date | None = None,
    backup_id: uuid.UUID | None = None,
    folder: str | None = None,
    into: str | None = None,
) -> Job:
    """Ask for the mail a mailbox, or one folder of it, had in its node's last backup of the day ``as_of``.

    ``backup_id`` names the backup instead. The mail comes into the folder ``into``, made for it and named after the
    backup's day unless said. Raises Conflict ``no_backup``, ``removed``; Invalid ``folder_bad``; NotFound, NotAllowed.
    """
    require_kind(actor, "mailboxes")
    with unit_of_work() as work:
        box = get_mailbox(actor, mailbox_id, permission="mail:restore", for_change=True)
        if box.want != "put":
            raise Conflict("removed", field="address")
        backup = _choose(actor, box.placed(), as_of, backup_id)
        into = into or f"{_INTO[current_app.config['CIS'].language]} {_day_of(backup)}"
        job = _ask(work, actor, box, _checked(box.id, backup.snapshot or "", folder or None, into))
        _tell(actor, box, job, backup=str(_day_of(backup)), into=into)
    return job


def _ask(work: Work, actor: Actor, box: Mailbox, wish: Wish) -> Job:
    job = request_job(
        work,
        node_id=box.placed(),
        cause=RESTORE,
        actor=actor,
        member_id=box.member_id,
        resource_kind="mailbox",
        resource_id=box.id,
        params={name: getattr(wish, name) for name in ("mailbox_id", "snapshot", "folder", "into")},
    )
    start_restore(job, snapshot=wish.snapshot, name=box.address, folder=wish.folder, into=wish.into)
    return job


def _tell(actor: Actor, box: Mailbox, job: Job, **data: str) -> None:
    record(
        actor,
        "mail:mailbox:restore-mail",
        kind="mailbox",
        resource_id=box.id,
        member_id=box.member_id,
        node_id=box.node_id,
        job_id=job.id,
        name=box.address,
        **data,
    )


def _choose(actor: Actor, node_id: uuid.UUID, as_of: date | None, backup_id: uuid.UUID | None) -> NodeBackup:
    if backup_id is not None:
        backup: NodeBackup | None = get_backup(actor, backup_id)
    else:
        backup = newest_backup(node_id, until=None if as_of is None else _end_of(as_of))
    if backup is None or backup.node_id != node_id or backup.snapshot is None:
        raise Conflict("no_backup", field="as_of")
    return backup


def _end_of(day: date) -> datetime:
    """The end of a day where the panel's people live; what comes after the last day of all counts as that."""
    return datetime.combine(min(day, _LAST_DAY) + timedelta(days=1), time(), ZoneInfo(TIME_ZONE)).astimezone(UTC)


def _day_of(backup: NodeBackup) -> date:
    return backup.at.astimezone(ZoneInfo(TIME_ZONE)).date()


def _checked(mailbox_id: uuid.UUID, snapshot: str, folder: str | None, into: str) -> Wish:
    """The same check as the node's."""
    field = "folder"
    try:
        if folder is not None:
            check_folder(folder)
        field = "into"
        return Wish(str(mailbox_id), snapshot, folder, into)
    except ValueError as error:
        raise Invalid("folder_bad", field=field) from error

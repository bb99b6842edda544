"""Files are no archive: what nobody committed goes after a week, what was done once nobody asks for its report."""

from __future__ import annotations

from sqlalchemy import delete, or_, select

from panel.imports.models import Import, ImportRow
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work

UNCOMMITTED_DAYS, REPORT_DAYS = 7, 90
_DAY = 24 * 3600


def forget_old_imports(actor: Actor) -> None:
    """Remove imports that have had their time, with all their rows."""
    require(actor, "nodes:write", staff=True)
    uncommitted = (Import.state == "checked") & (Import.created_at < database_now(-UNCOMMITTED_DAYS * _DAY))
    over = Import.finished_at < database_now(-REPORT_DAYS * _DAY)
    old = select(Import.id).where(or_(uncommitted, over))
    if db.session.scalar(old.limit(1)) is None:
        return
    with unit_of_work():
        ids = db.session.scalars(old).all()
        db.session.execute(delete(ImportRow).where(ImportRow.import_id.in_(ids)))
        db.session.execute(delete(Import).where(Import.id.in_(ids)))

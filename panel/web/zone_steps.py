"""Changes of a zone in steps: typed, shown as a difference with what the lint says, saved. Nothing typed is lost."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.dns.actions import Changed
from panel.dns.models import Zone, ZoneVersion
from panel.dns.previewing import Previewed
from panel.dns.versions import Compared, compare_versions, zone_versions
from panel.kernel.db import db
from panel.kernel.errors import Conflict, Invalid, OverLimit
from panel.kernel.i18n import _
from panel.web.forms.zones import ChangeForm
from panel.web.session import actor
from panel.web.zone_parts import keeper, names_of, told, whole

_OWN = {"csrf_token", "step", "version", "shown", "comment", "accept_warnings"}


def in_steps(
    zone_id: uuid.UUID,
    zone: Zone,
    form: ChangeForm,
    *,
    preview: Callable[[], Previewed],
    save: Callable[[int, bool], Changed],
    page: Callable[[], str] | None,
    heading: str,
) -> ResponseReturnValue:
    """Answer a request on a form of changes.

    ``preview`` compares what is typed with the zone as it is; ``save`` takes the version that was compared with, and
    whether warnings are accepted; ``page`` is the form, None where there is nothing to type.
    """
    if page is not None and form.step not in ("preview", "save"):
        return page()
    if request.method == "POST" and not form.validate():
        return (page() if page else _shown(zone, form, preview(), heading, page)), form.status
    if form.step == "save" and form.compared:
        changed = _saved(form, save)
        if changed is not None:
            return done(zone_id, changed)
    try:
        found = preview()
    except (Invalid, Conflict) as error:
        if page is None:
            raise
        form.refuse(error)
        return page(), form.status
    status = 409 if form.compared and form.compared != found.version else form.status
    return _shown(zone, form, found, heading, page), status


def done(zone_id: uuid.UUID, changed: Changed) -> ResponseReturnValue:
    """To the zone's page, saying what became of the change."""
    if changed.version is None:
        flash(_("Nothing changed: the zone is so already."), "info")
    elif changed.job is None:
        flash(_("Saved as version %(number)s. The zone is not served yet.", number=changed.version.number), "success")
    else:
        flash(_("Saved as version %(number)s. It is on its way to the name servers.", number=changed.version.number),
              "success")  # fmt: skip
    return redirect(url_for("zones.show", zone_id=zone_id), 303)


def _saved(form: ChangeForm, save: Callable[[int, bool], Changed]) -> Changed | None:
    try:
        return save(form.compared, bool(form.accept_warnings.data))
    except (Invalid, Conflict, OverLimit) as error:
        if error.code != "stale":
            form.refuse(error)
        return None


def _shown(zone: Zone, form: ChangeForm, found: Previewed, heading: str, page: Callable[[], str] | None) -> str:
    """The page with the difference; what somebody else saved meanwhile stands above it."""
    meanwhile, authors = _meanwhile(zone, form.base, found.version)
    theirs = {(one.name, one.type) for one in meanwhile.sets} if meanwhile else set()
    return render_template(
        "zones/preview.html", zone=zone, form=form, found=found, heading=heading, names=names_of(zone),
        kept={key: (keeper(one.source), one.overridden) for key, one in found.kept.items()},
        remarks=told(found.remarks), meanwhile=meanwhile, authors=authors, whole=whole,
        both=[one for one in found.changes if (one.name, one.type) in theirs], can_type=page is not None,
        typed=[(name, value) for name, value in request.form.items(multi=True) if name not in _OWN],
    )  # fmt: skip


def _meanwhile(zone: Zone, base: int, now: int) -> tuple[Compared | None, Sequence[ZoneVersion]]:
    """What others changed since version ``base``, and the versions by which they did."""
    if not 1 <= base < now:
        return None, []
    since = zone_versions(actor(), zone.id).where(ZoneVersion.number > base)
    return compare_versions(actor(), zone.id, old=base, new=now), db.session.scalars(since.limit(20)).all()

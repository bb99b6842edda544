"""One box for everything, each within what one may see."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template, request

from panel import wording
from panel.kernel.i18n import _l
from panel.search.everything import LETTERS_MOST, MOST, Found, Hit, search
from panel.web.layout import page_url
from panel.web.session import actor, signed_in

area = Blueprint("search", __name__, url_prefix="/search")

SHOWN = 10
LOOKS = {
    "member": (_l("Members"), "building"),
    "mailbox": (_l("Mailboxes"), "envelope"),
    "alias": (_l("Other addresses of mailboxes"), "envelope"),
    "mail_domain": (_l("Mail domains"), "globe2"),
    "zone": (_l("DNS zones"), "globe2"),
    "user": (_l("People"), "people"),
    "contract": (_l("Contracts"), "file-earmark-text"),
    "node": (_l("Nodes"), "hdd-network"),
    "job": (_l("Jobs"), "list-task"),
}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Matches of one kind as they are shown, SHOWN of ``count``; ``more``: there are more than that."""

    title: str
    icon: str
    hits: list[tuple[str, str, str | None]]
    count: int
    more: bool


@area.get("")
@signed_in
def show():
    """Show what the words in the box are part of; ``kind`` shows more of one kind."""
    words, kind = request.args.get("search", "").strip()[:LETTERS_MOST], request.args.get("kind", "")
    found = search(actor(), words, kinds=[kind] if kind in LOOKS else [])
    shown = MOST if kind in LOOKS else SHOWN
    groups = [_group(one, shown) for one in found]
    return render_template(
        "search/show.html", words=words, groups=groups, kinds=[one.kind for one in found], most=MOST, shown=shown
    )


def _group(found: Found, shown: int) -> Group:
    title, icon = LOOKS[found.kind]
    hits = [_line(hit) for hit in found.hits[:shown]]
    return Group(title=str(title), icon=icon, hits=hits, count=len(found.hits), more=found.more)


def _line(hit: Hit) -> tuple[str, str, str | None]:
    cause, _space, node = hit.note.partition(" ")
    note = f"{wording.cause_word(cause)} – {node}" if hit.kind == "job" else hit.note
    return hit.name, note, page_url("mailbox" if hit.kind == "alias" else hit.kind, hit.id)

"""Forms that a page shows: whoever gets one may send it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException

from tests.matrix.asking import Answer
from tests.matrix.families import Asker, Families
from tests.matrix.needs import PAGES

_FORM = re.compile(r"<form\b[^>]*\bmethod=\"post\"[^>]*>", re.IGNORECASE)
_ACTION = re.compile(r"\baction=\"([^\"]*)\"")


def offered_in_vain(families: Families, who: Asker, answer: Answer) -> list[str]:
    """The addresses of forms in ``answer`` that would be refused to ``who`` if they were sent, by the table."""
    if answer.request.method != "GET" or answer.outcome != "ok":
        return []
    return [path for path in _forms(answer) if not _may_send(families, who, answer, path)]


def _forms(answer: Answer) -> Iterator[str]:
    """Where the forms of the page's own part go: those around it are everybody's."""
    own = answer.text.partition('<main id="main"')[2].partition("</main>")[0]
    for form in _FORM.findall(own):
        action = _ACTION.search(form)
        yield urlsplit(action[1]).path if action and action[1] else answer.request.path


def _may_send(families: Families, who: Asker, answer: Answer, path: str) -> bool:
    try:
        endpoint, arguments = families.world.app.url_map.bind("localhost").match(path, method="POST")
    except HTTPException:
        return False
    need = PAGES[endpoint]
    permission = need.by_post or need.permission
    if permission is None:
        return not need.inside
    if need.staff:
        return who.may_everywhere(permission)
    named = [*arguments.values(), *(answer.request.query.values() if path == answer.request.path else ())]
    places = {where for one in named for where in _places_of(families, str(one))}
    if need.no_staff and who.may_everywhere(permission):
        return False
    return all(who.may(permission, one) for one in places) if places else who.may_somewhere(permission)


def _places_of(families: Families, value: str) -> list[str]:
    """The place of the row with this id."""
    return [place for rows in families.rows.values() for place, one in rows.items() if str(one) == value]

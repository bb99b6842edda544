"""Every page and operation × everybody × every place: refused, absent or open exactly as the table says."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator

import pytest

from panel.api import operations
from tests.matrix.asking import Answer, Pages, Programs, Request, arguments_of, kinds_of
from tests.matrix.families import NOBODY, WORDS, Asker, Families
from tests.matrix.forms import offered_in_vain
from tests.matrix.needs import OPERATIONS, PAGES
from tests.matrix.rows import OF_NOBODY
from tests.matrix.ways import Way, faults_of_table, pages_of, way_of

EVERY_PAGE = pytest.mark.parametrize("endpoint", PAGES)
EVERY_OPERATION = pytest.mark.parametrize(
    "operation", [one for one in operations.OPERATIONS if one.name in OPERATIONS], ids=lambda one: one.name
)
WHOLE = os.environ.get("CIS_MATRIX") == "all"
THOROUGH = {"association_admin of all", "member_admin of one", "reader here and administrator there"}
Ask = Callable[[Asker, Request], Answer]


def test_the_table_says_what_everything_needs_and_so_does_the_code(both: Families) -> None:
    faults = faults_of_table(both.world.app)
    assert not faults, "\n".join(faults)


@EVERY_PAGE
def test_a_page_opens_to_those_who_may_and_to_nobody_else(both: Families, pages: Pages, endpoint: str) -> None:
    if PAGES[endpoint].public:
        return
    for way in pages_of(both.world.app, endpoint):
        faults = list(_faults(both, way, pages.ask))
        answer = pages.ask(NOBODY, way.request(both, "own"))
        faults += [] if answer.outcome == "sign_in" and not answer.wrote else [_said(NOBODY, way, "own", answer)]
        faults += [] if way.is_safe else _unmarked(both, way, pages)
        assert not faults, "\n".join(faults)


def test_a_mailboxs_holder_opens_the_own_page_and_nothing_else(both: Families, pages: Pages) -> None:
    for endpoint, need in PAGES.items():
        for way in [] if need.public else pages_of(both.world.app, endpoint):
            answer = pages.ask_as_holder(way.request(both, "own"))
            assert answer.outcome == ("ok" if need.holder else "sign_in"), f"{way}: {answer.status}"
            assert answer.tells_of(both) <= {"own"}
            assert not answer.wrote


@EVERY_OPERATION
def test_an_operation_is_done_for_those_who_may_and_for_nobody_else(
    both: Families, pages: Pages, programs: Programs, operation: operations.Operation
) -> None:
    way = way_of(operation)
    faults = list(_faults(both, way, programs.ask))
    admin = next(one for one in both.askers if one.name == "association_admin of all")
    for asked in (programs.ask(NOBODY, way.request(both, "own")), pages.ask(admin, way.request(both, "own"))):
        faults += [] if asked.status == 401 and not asked.wrote else [_said(NOBODY, way, "own", asked)]
    assert not faults, "\n".join(faults)


def _faults(families: Families, way: Way, ask: Ask) -> Iterator[str]:
    """What comes back otherwise than the table says, of everybody about every place."""
    for who in _askers(families, way):
        answers = {place: ask(who, way.request(families, place)) for place in _places(way, who)}
        for place, answer in answers.items():
            expected = _expected(way, who, place)
            told = answer.tells_of(families) - {one for one in WORDS if who.reaches(one)} - way.need.tells
            if answer.outcome != expected and not _is_wrong_value(way, place, answer):
                yield f"{_said(who, way, place, answer)}, not {expected}"
            elif told:
                yield f"{_said(who, way, place, answer)}, and tells of {sorted(told)}"
            elif answer.wrote and ((way.is_safe and not way.need.notes) or expected != "ok"):
                yield f"{_said(who, way, place, answer)}, and wrote"
            elif in_vain := offered_in_vain(families, who, answer):
                yield f"{_said(who, way, place, answer)}, and offers what it refuses to be sent: {in_vain}"
        if "absent" in answers and answers["absent"].outcome != "ok" and not _is_anybodys(way):
            yield from (
                f"{_said(who, way, place, answer)}, told apart from what is absent"
                for place, answer in answers.items()
                if place in WORDS and not who.reaches(place)
                and (answer.status, answer.plain) != (answers["absent"].status, answers["absent"].plain)
            )  # fmt: skip


def _askers(families: Families, way: Way) -> list[Asker]:
    """Everybody; by ``CIS_MATRIX=all`` each role on the own member and on all, else on one of them by turns.

    Where no permission is asked for, somebody with and somebody without roles.
    """
    if WHOLE:
        return families.askers
    always = [who for who in families.askers if who.name in THOROUGH or not who.held]
    if way.need.permission is None:
        return always
    turn = zlib.crc32(str(way).encode()) % 2
    others = [who for who in families.askers if who not in always]
    return always + [
        who for number, who in enumerate(others) if len(who.held) > 1 or (number // 2 + number) % 2 == turn
    ]


def _places(way: Way, who: Asker) -> tuple[str, ...]:
    """The places worth asking about: where nothing is named, none in particular; for whom all are alike, one.

    Two people with each way of holding a role ask about all places, the others where the answers differ most; by
    ``CIS_MATRIX=all`` everybody asks about all.
    """
    kinds = kinds_of(way.need, way.rule)
    if not kinds:
        return ("own",)
    thorough = WHOLE or who.name in THOROUGH
    if kinds <= OF_NOBODY or who.reaches("above"):
        return ("own", "absent") if thorough else ("own",)
    if not who.may_somewhere(way.need.permission or ""):
        return ("own", "foreign") if thorough else ("own",)
    return (*WORDS, "absent") if thorough else ("own", "foreign", "absent")


def _expected(way: Way, who: Asker, place: str) -> str:
    """What must come back, by the table alone."""
    need = way.need
    permission = need.by_post if need.by_post and not way.is_safe else need.permission
    if need.inside or (need.also and not who.may_somewhere(need.also)):
        return "refused"
    if need.holder:
        return "sign_in"
    if permission is None:
        return "absent" if need.private or place == "absent" else "ok"
    if not (who.may_everywhere(permission) if need.staff else who.may_somewhere(permission)):
        sees = permission == need.by_post and who.may_everywhere(need.permission or "")
        return "absent" if sees and place == "absent" else "refused"
    return _expected_there(way, who, permission, place) if kinds_of(need, way.rule) else "ok"


def _expected_there(way: Way, who: Asker, permission: str, place: str) -> str:
    """What must come back about rows, to somebody who holds ``permission`` somewhere."""
    need = way.need
    if place == "absent" or not who.reaches(place) or (need.makers and not who.may_everywhere(permission)):
        return "absent"
    if not who.may(permission, place):
        return "absent" if need.hides else "refused"
    return "refused" if need.no_staff and who.may_everywhere(permission) else "ok"


def _is_anybodys(way: Way) -> bool:
    """Whether what it is about belongs to no member and is open to whoever is signed in, as ways to sign in are."""
    return way.need.permission is None and kinds_of(way.need, way.rule) <= OF_NOBODY


def _is_wrong_value(way: Way, place: str, answer: Answer) -> bool:
    """Whether what is absent was named in the body only: then it may as well be called a wrong value."""
    return place == "absent" and not arguments_of(way.rule) and answer.status == 422


def _unmarked(families: Families, way: Way, pages: Pages) -> list[str]:
    """A form without its mark does nothing, whoever sends it."""
    admin = next(one for one in families.askers if one.name == "association_admin of all")
    answer = pages.ask(admin, way.request(families, "own"), token=False)
    return [] if answer.status == 400 and not answer.wrote else [f"{_said(admin, way, 'own', answer)} without a mark"]


def _said(who: Asker, way: Way, place: str, answer: Answer) -> str:
    return f"{way} to {who.name} about {place}: {answer.status} ({answer.outcome})"

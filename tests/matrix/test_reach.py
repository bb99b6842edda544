"""What lists show, filters narrow, rows name and nested ids join: never more than the reach of who asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from panel.api import operations
from panel.api.fields import Id
from tests.matrix.asking import Answer, Pages, Programs, Request, arguments_of
from tests.matrix.families import WORDS, Asker, Families
from tests.matrix.needs import OPERATIONS, PAGES
from tests.matrix.rows import KINDS
from tests.matrix.ways import Way, pages_of, way_of

Ask = Callable[[Asker, Request], Answer]
WHO = ("member_admin of one", "reader here and administrator there", "association_admin of all")


def test_a_list_shows_all_rows_in_reach_and_no_other(both: Families, pages: Pages, programs: Programs) -> None:
    """With nothing asked for, and with a word that all rows have."""
    for way, ask in _ways(both, pages, programs):
        kind = way.need.lists
        if kind is None:
            continue
        size = {"page_size": "200"}
        searches = "search" in way.operation.query if way.operation is not None else True
        for who in _people(both):
            for query in (size, size | {"search": "drzewo"}) if searches else (size,):
                answer = ask(who, Request("GET", way.rule, query))
                in_reach = {place for place in WORDS if who.may(way.need.permission or "", place)}
                assert answer.outcome == ("ok" if in_reach else "refused"), f"{way}: {answer.status}"
                assert in_reach <= answer.listed(both, kind) <= in_reach | way.need.tells, (
                    f"{way} to {who.name}: {query}"
                )


def test_no_filter_opens_what_is_out_of_reach(both: Families, pages: Pages, programs: Programs) -> None:
    """By the id of a foreign row as by one that is nowhere: the same answer, and nothing of that place in it."""
    for way, ask in _ways(both, pages, programs):
        for name in _filters(way):
            kind = KINDS.get(name.removesuffix("_id"), "member")
            for who in _people(both)[:2]:
                here = way.request(both, "own")
                asked = {
                    place: ask(who, Request("GET", here.path, {**here.query, name: str(both.id_of(kind, place))}))
                    for place in ("foreign", "above", "absent")
                    if place == "absent" or not (who.reaches(place) or place in way.need.tells)
                }
                for place, answer in asked.items():
                    assert not answer.tells_of(both) & {place}, f"{way} by {name} of {place} to {who.name}"
                    assert _same(answer, asked["absent"]), f"{way} by {name} of {place} to {who.name}"


def test_ids_of_two_families_open_nothing_together(both: Families, pages: Pages, programs: Programs) -> None:
    """An own row with a foreign one below it, and the other way round: as absent as a row that is nowhere."""
    for way, ask in _ways(both, pages, programs, safe=False):
        names = arguments_of(way.rule)
        if len(names) < 2:
            continue
        for who in _people(both):
            if not (who.may_everywhere if way.need.staff else who.may_somewhere)(way.need.permission or ""):
                continue
            for first, second in (("own", "foreign"), ("foreign", "own"), ("own", "absent")):
                answer = ask(who, way.request(both, "own", {names[0]: first, names[1]: second}))
                asked_in_vain = who.reaches(first) and not who.may(way.need.permission or "", first)
                assert answer.outcome in ({"absent", "refused"} if asked_in_vain else {"absent"}), (
                    f"{way} to {who.name} of {first} and {second}: {answer.status}"
                )
                assert not answer.wrote


def test_one_foreign_row_among_many_makes_none_and_is_named(both: Families, programs: Programs) -> None:
    clerk = next(one for one in both.askers if one.name == "member_admin of one")
    for place in ("foreign", "above", "absent"):
        rows = [
            {"member_id": str(both.id_of("member", of)), "address": f"brzoza.{number}@info.wokiss.pl"}
            for number, of in enumerate(("own", "below", place))
        ]
        answer = programs.ask(clerk, Request("POST", "/api/v1/mailboxes/batch", body={"mailboxes": rows}))
        assert answer.outcome == "absent"
        assert not answer.wrote
        assert [error["row"] for error in json.loads(answer.text)["errors"]] == [2]
        assert not answer.tells_of(both)


def _ways(families: Families, pages: Pages, programs: Programs, *, safe: bool = True) -> Iterator[tuple[Way, Ask]]:
    """Every way, or those that only look, with how to ask by it."""
    every: list[tuple[Way, Ask]] = [(way, pages.ask) for name in PAGES for way in pages_of(families.world.app, name)]
    every += [(way_of(one), programs.ask) for one in operations.OPERATIONS if one.name in OPERATIONS]
    for way, ask in every:
        if (way.is_safe or not safe) and not way.need.public:
            yield way, ask


def _filters(way: Way) -> list[str]:
    """The filters by an id that a list takes."""
    if way.operation is None:
        return list(way.need.names)
    return [name for name, one in way.operation.query.items() if isinstance(one, Id) and name not in way.need.query]


def _people(families: Families) -> list[Asker]:
    return [next(one for one in families.askers if one.name == name) for name in WHO]


def _same(one: Answer, other: Answer) -> bool:
    return (one.status, one.plain) == (other.status, other.plain)

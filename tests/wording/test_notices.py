"""Every notice that our source tells has a text which says what it is told, and nothing that it is not told."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pytest

from panel import web
from panel.kernel.i18n import LANGUAGES, force_locale
from panel.notices.links import PATHS
from panel.wording import notices as wording
from tests.checks.files import python_files, read
from tests.worlds import World

_TELLERS = {"tell_user", "tell_address", "tell_holders", "tell_many"}
_NO_PARAMS = {"link", "language"}
_PLACE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class Telling:
    """One call that tells something; ``params`` None where they come from elsewhere (``**names``)."""

    place: str
    code: str
    params: frozenset[str] | None
    linked: bool


def test_every_notice_in_the_source_has_a_text_that_says_what_it_is_told() -> None:
    tellings = list(_tellings())
    assert len(tellings) > 5, "the search finds what it should"
    faults = [f"{one.place}: {one.code} {fault}" for one in tellings for fault in _faults(one)]
    assert faults == []


def test_no_text_is_for_nothing() -> None:
    told = {one.code for one in _tellings()} | {word for path in _ours() for word in _strings(path)}
    assert wording.known_notices() - told - {"notices:test"} == set()


def test_purposes_of_links_have_a_place_on_our_pages(world: World) -> None:
    web.register(world.app)
    rules = [rule.rule for rule in world.app.url_map.iter_rules()]
    for purpose, path in PATHS.items():
        begin = path.partition("{token}")[0]
        assert any(rule.startswith(begin) for rule in rules), purpose


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_said(world: World, language: str) -> None:
    said: dict[str, set[str]] = defaultdict(set)
    for one in _tellings():
        said[one.code] |= one.params or set()
    with world.app.test_request_context(), force_locale(language):
        for code, params in said.items():
            told = {name: _example(name, code) for name in params | _asked_for(code)}
            words = wording.notice_words(code, told, public_url="https://panel.example", link="https://l.example")
            assert words.subject
            assert len(words.subject) < 120, words.subject
            assert all("%(" not in line for line in (words.subject, *words.lines)), code


def _faults(one: Telling) -> Iterator[str]:
    if one.code not in wording.known_notices():
        yield "has no text"
        return
    asked, free = _asked_for(one.code), _has_functions(one.code)
    known = (one.params or frozenset()) | {"panel"} | ({"link"} if one.linked else set())
    if one.params is not None:
        yield from (f"is not told {name}" for name in sorted(asked - known))
        yield from (f"does not say {name}" for name in sorted(one.params - asked) if not free)
    if one.linked and "link" not in asked and not free:
        yield "does not show its link"


def _asked_for(code: str) -> set[str]:
    subject, lines = wording._NOTICES[code]
    return {name for line in (subject, *lines) if not callable(line) for name in _PLACE.findall(str(line))}


def _has_functions(code: str) -> bool:
    subject, lines = wording._NOTICES[code]
    return any(callable(line) for line in (subject, *lines))


def _example(name: str, code: str) -> object:
    if name.endswith("_at"):
        return "2026-11-23T12:00:00+00:00"
    if name.endswith("_on"):
        return "2026-11-23"
    level = "95" if code.startswith("mailbox:") else "no_send"
    figures = {"days": 30, "left": 3, "number": 5, "count": 5, "level": level, "role": "member_admin", "steps": []}
    return figures.get(name, "x")


def _tellings() -> Iterator[Telling]:
    for path in _ours():
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.Call) and _name(node.func) in _TELLERS and node.args:
                named = _named_to_many(node) if _name(node.func) == "tell_many" else {one.arg for one in node.keywords}
                params = None if None in named else frozenset(name for name in named if name) - _NO_PARAMS
                for code in _codes(node.args[0]):
                    yield Telling(f"{path}:{node.lineno}", code, params, "link" in named)


def _named_to_many(call: ast.Call) -> set[str | None]:
    """What each is told by one call for many: the names of the dict written out beside the member."""
    told = call.args[2].elt if isinstance(call.args[2], ast.GeneratorExp) else None
    params = told.elts[1] if isinstance(told, ast.Tuple) else None
    keys = params.keys if isinstance(params, ast.Dict) else [None]
    return {str(key.value) if isinstance(key, ast.Constant) else None for key in keys}


def _ours() -> list[str]:
    """Our source without the words themselves and without what takes notices in."""
    aside = ("panel/wording/", "panel/ledger/notices.py")
    return [path for path in python_files() if path.startswith("panel/") and not path.startswith(aside)]


def _strings(path: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _codes(word: ast.expr) -> Iterator[str]:
    """The code written out, each that a choice in it can give, and each known one that fits where a name is in it."""
    for code in _written(word) if not isinstance(word, ast.Name | ast.Attribute) else ():
        yield from (known for known in wording.known_notices() if fnmatchcase(known, code)) if "*" in code else (code,)


def _written(word: ast.expr) -> Iterator[str]:
    if isinstance(word, ast.Constant):
        yield str(word.value)
    elif isinstance(word, ast.IfExp):
        yield from (*_written(word.body), *_written(word.orelse))
    elif isinstance(word, ast.JoinedStr):
        beginnings = [""]
        for part in word.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            beginnings = [begin + end for begin in beginnings for end in _written(inner)]
        yield from beginnings
    else:
        yield "*"

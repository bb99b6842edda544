"""Everything that the lint and the reader of zone files say has words, and these say what they are told."""

from __future__ import annotations

import ast

import pytest

from panel.dns.lint.codes import LEVELS
from panel.dns.records.editors import EDITORS, GENERIC
from panel.kernel.i18n import LANGUAGES, force_locale
from panel.wording.zone_lint import known_notes, known_remarks, note_words, remark_words
from tests.checks.files import python_files, read
from tests.worlds import World


def test_every_code_of_the_lint_has_words_and_is_known() -> None:
    assert known_remarks() == LEVELS.keys()
    assert {code for code, _ in _told("panel/dns/lint/", "Found", 0)} <= LEVELS.keys()


def test_every_note_about_a_zone_file_has_words() -> None:
    assert {code for code, _ in _told("panel/dns/zonefile/", "note", 1)} == known_notes()


@pytest.mark.one_database
@pytest.mark.parametrize("language", LANGUAGES)
def test_words_say_what_they_are_told(world: World, language: str) -> None:
    told: dict[str, dict[str, str]] = {}
    for code, params in _told("panel/dns/lint/", "Found", 0):
        told.setdefault(code, {}).update(dict.fromkeys(params, "x"))
    with world.app.test_request_context(), force_locale(language):
        for code in known_remarks():
            assert "%(" not in remark_words(code, told.get(code) or dict.fromkeys(["target"], "x"))
        for code in known_notes():
            assert "%(" not in note_words(code, {"about": "RRSIG"})
        for editor in (*EDITORS.values(), GENERIC):
            assert all(str(text) for field in editor.fields for text in (editor.title, field.label, field.about))


def _told(folder: str, called: str, place: int) -> list[tuple[str, list[str]]]:
    """The codes given to ``called`` in ``folder``, at any of the first places, with the names of their params."""
    found = []
    for path in python_files():
        for node in ast.walk(ast.parse(read(path))) if path.startswith(folder) else ():
            if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] != called:
                continue
            dicts = [arg for arg in node.args if isinstance(arg, ast.Dict)]
            names = [str(key.value) for one in dicts for key in one.keys if isinstance(key, ast.Constant)]
            words = [one.value for one in ast.walk(node.args[place]) if isinstance(one, ast.Constant)]
            found += [(code, names) for code in words if isinstance(code, str)]
    return found

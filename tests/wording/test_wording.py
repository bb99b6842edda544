"""Every code that our source can raise, record or store has its words, in both languages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import get_args

import pytest

from panel.backups.finishing import RESTORED
from panel.contracts.models import ENTITLEMENT_KINDS, SUSPENSION_LEVELS
from panel.engine.conditions import CODES
from panel.engine.marks import PROBLEMS
from panel.kernel import errors as kinds
from panel.kernel.access import PERMISSIONS, ROLES
from panel.kernel.errors import OverLimit, PanelError
from panel.kernel.i18n import LANGUAGES, force_locale
from panel.kinds import KINDS
from panel.ledger.differences import FILE, MAP_ROW, WHATS
from panel.ledger.differences import STATES as DIFFERENCE_STATES
from panel.ledger.jobs import STATES
from panel.ledger.resources import RESOURCE_STATES
from panel.members.models import MEMBER_KINDS
from panel.wording import (
    describe,
    entitlement_word,
    field_label,
    level_words,
    member_kind_word,
    permission_word,
    role_word,
)
from panel.wording.alarms import alarm_words, known_alarms
from panel.wording.differences import closed_words, kind_word, known_whats
from panel.wording.errors import known_codes
from panel.wording.events import event_look, known_tags, log_line
from panel.wording.names import cause_word
from panel.wording.problems import known_problems
from panel.wording.states import state_look
from provisioning.probes.findings import Reason
from tests.checks.files import python_files, read
from tests.worlds import World

_RAISED = {name for name, kind in vars(kinds).items() if isinstance(kind, type) and issubclass(kind, PanelError)}
_RESOURCE_CODES = "provisioning/checks.py"


def test_every_error_code_in_the_source_has_a_text() -> None:
    found = {code: place for path in _ours() for code, place in _codes(path)}
    assert {f"{place}: {code}" for code, place in found.items() if code not in known_codes()} == set()
    assert len(found) > 30, "the search finds what it should"


def test_what_addresses_and_domains_are_refused_for_has_a_text() -> None:
    codes = {"control", "too_long", "not_ascii", "plus", "local_too_long", "syntax"}
    assert codes <= {code for code, _place in _strings_of_calls(_RESOURCE_CODES, {"InvalidResource"}, 1)}
    assert {f"address_{code}" for code in codes} <= known_codes()
    assert {f"domain_{code}" for code in codes - {"plus", "local_too_long"}} <= known_codes()


def test_every_event_tag_in_the_source_has_a_sentence() -> None:
    tags = {tag for path in _ours() for tag in _event_tags(path)}
    assert tags - known_tags() == set()
    for action in ("applied", "refused", "seen", "not_seen"):
        assert event_look(f"engine:mailbox:{action}").word != f"engine:mailbox:{action}"


def test_every_cause_of_a_job_has_words(world: World) -> None:
    causes = {code for path in _ours() for code, _place in _keywords(path, "cause")} - {""}
    assert {cause for cause in causes if cause_word(cause) == cause} == set()


def test_every_problem_has_a_name_and_advice() -> None:
    codes = {
        *PROBLEMS.values(),
        "refused",
        "failed",
        "unknown",
        "no_outcome",
        *(f"not_seen_{reason}" for reason in get_args(Reason)),
    }
    assert codes - known_problems() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_states_and_names_have_words(world: World, language: str) -> None:
    with world.app.test_request_context(), force_locale(language):
        for family, states in (("resource", RESOURCE_STATES), ("job", STATES), ("difference", DIFFERENCE_STATES)):
            assert all(state_look(family, state).tone for state in states)
            assert {state_look(family, state).icon for state in states} != {"circle"}
        named = [
            (member_kind_word, MEMBER_KINDS),
            (entitlement_word, ENTITLEMENT_KINDS),
            (role_word, ROLES),
            (permission_word, PERMISSIONS),
        ]
        assert [code for name, codes in named for code in codes if name(code) == code and language == "pl"] == []
        assert all(level_words(level) for level in SUSPENSION_LEVELS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_alarm_and_every_difference_has_words(world: World, language: str) -> None:
    assert known_alarms() >= CODES
    assert set(WHATS) <= known_whats()
    with world.app.test_request_context(), force_locale(language):
        told = {"node": "mail1", "number": 2, "since": "2026-11-23T08:00:00+00:00", "ends": "2026-12-01T00:00:00+00:00"}
        for code in CODES:
            words = alarm_words(code, told)
            assert "mail1" in words.title or code in ("engine_closed", "messages_failing", "messages_waiting"), code
            assert words.advice
            assert "%" not in words.title
        kinds = [*(kind.name for kind in KINDS), MAP_ROW, FILE]
        assert [kind for kind in kinds if kind_word(kind) == kind and language == "pl" and kind != "alias"] == []
        assert closed_words(RESTORED) != RESTORED


def test_states_are_the_words_the_design_fixes(world: World) -> None:
    with world.app.test_request_context(), force_locale("pl"):
        words = [state_look("resource", state).word for state in RESOURCE_STATES]
    assert words == ["oczekuje", "wdrażanie", "działa", "błąd", "zawieszone", "usuwane", "usunięte", "różni się"]


def test_an_error_is_said_with_its_figures(world: World) -> None:
    error = OverLimit("over_limit", field="quota_mb", kind="mailbox_mb", granted=10_240, used=9_216, wanted=2_048)
    with world.app.test_request_context(), force_locale("pl"):
        assert describe(error) == (
            "Umowy dają „Miejsce na pocztę”: 10\N{NO-BREAK SPACE}GB; wykorzystano 9\N{NO-BREAK SPACE}GB, "
            "a poproszono o kolejne 2\N{NO-BREAK SPACE}GB."
        )
    with world.app.test_request_context(), force_locale("en"):
        assert "The contracts grant 10\N{NO-BREAK SPACE}GB" in describe(error)


def test_an_unknown_code_and_missing_figures_break_nothing(world: World) -> None:
    with world.app.test_request_context():
        assert describe(PanelError("brand_new")) == "brand_new"
        assert describe(PanelError("text_long"))


def test_fields_of_rows_are_named_with_their_row(world: World) -> None:
    with world.app.test_request_context(), force_locale("pl"):
        assert field_label("items.2.quantity") == "Liczba (wiersz 3)"
        assert field_label("discount_percent") == "Rabat (%)"


def test_a_line_of_a_log_is_said_with_its_figures(world: World) -> None:
    with world.app.test_request_context(), force_locale("pl"):
        assert (
            log_line({"at": "x", "text": "batch applied", "sent": 5, "applied": 4}) == "Serwer przyjął zasoby: 4 z 5."
        )
        assert (
            log_line({"at": "x", "text": "unreachable", "message": "no route"})
            == "Nie można połączyć się z serwerem. no route"
        )


def _ours() -> list[str]:
    return [path for path in python_files() if path.startswith("panel/") and not path.startswith("panel/wording/")]


def _codes(path: str) -> Iterator[tuple[str, str]]:
    yield from _strings_of_calls(path, _RAISED, 0)
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "refuse":
            yield from (
                (str(arg.value), f"{path}:{node.lineno}") for arg in node.args[3:] if isinstance(arg, ast.Constant)
            )


def _strings_of_calls(path: str, names: set[str], position: int) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(read(path))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in names
            and len(node.args) > position
            and not isinstance(node.args[position], ast.Subscript)
        ):
            for part in ast.walk(node.args[position]):
                if (
                    isinstance(part, ast.Constant)
                    and isinstance(part.value, str)
                    and not isinstance(node.args[position], ast.JoinedStr)
                ):
                    yield part.value, f"{path}:{node.lineno}"


def _keywords(path: str, keyword: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(read(path))):
        if (
            isinstance(node, ast.keyword)
            and node.arg == keyword
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value.value, path


def _event_tags(path: str) -> Iterator[str]:
    """Tags given to ``record`` outright, and those made of an action: ``f"mail:mailbox:{action}"`` with its calls."""
    tree = ast.parse(read(path))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "record"
            and len(node.args) > 1
        ):
            if isinstance(node.args[1], ast.Constant):
                yield str(node.args[1].value)
            elif isinstance(node.args[1], ast.JoinedStr) and isinstance(node.args[1].values[0], ast.Constant):
                start = str(node.args[1].values[0].value)
                yield from (start + action for action in _actions(tree))


def _actions(tree: ast.Module) -> Iterator[str]:
    """Words that the module's own ``_record``, ``_change`` and ``_tell`` are called with as the action."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_record", "_change"):
            words = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            yield from words[:1]

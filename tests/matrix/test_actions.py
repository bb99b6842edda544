"""Every action asks for its right by itself, whoever calls it: found in the code, called by those who lack it."""

from __future__ import annotations

import ast
import importlib
import inspect
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from config import Settings
from panel.kernel.access import PERMISSIONS, SYSTEM, Actor, Reach
from tests.checks.files import ROOT
from tests.worlds import World, small_world

EDGES = ("panel/web/", "panel/api/", "panel/cli/", "panel/kernel/")
OWN = uuid.uuid4()
FOREIGN = uuid.uuid4()
ELSEWHERE = Actor(
    ref="user:else", name="else", grants=(Reach(permissions=PERMISSIONS, member_ids=frozenset({OWN})),), fresh=True
)
"""Somebody who may do everything there is, on one member."""

_DUMMIES: dict[str, Any] = {
    "uuid.UUID": FOREIGN, "str": "x", "int": 1, "bytes": b"x", "bool": False, "date": date(2027, 1, 1),
    "datetime": datetime(2027, 1, 1, tzinfo=UTC),
}  # fmt: skip


@dataclass(frozen=True)
class Asking:
    """A function that begins with ``require(actor, permission, …)``.

    ``inner``: a chore, made by the function of this name; ``staff``: the right must be held on the whole association;
    ``member``: it is asked for on a member. ``line``: where.
    """

    path: str
    line: int
    name: str
    inner: bool
    permission: str
    staff: bool
    member: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.name}"

    def call(self, actor: Actor, settings: Settings) -> object:
        """Call it as ``actor``, with values that mean nothing."""
        found: Any = _module(self.path)
        for part in self.name.split("."):
            found = getattr(found, part)
        if self.inner:
            done = found(**_dummies(found, settings))(actor)
        else:
            done = found(**_dummies(found, settings, actor=actor))
        return next(done) if inspect.isgenerator(done) else done


def test_whoever_lacks_one_right_is_refused_by_what_needs_it(world: World, asking: list[Asking]) -> None:
    """By staff who hold every other one: whoever holds less is refused by the same line."""
    assert len(asking) > 90
    faults = []
    for one in asking:
        rights = Reach(permissions=PERMISSIONS - {one.permission}, member_ids=None)
        nearly = Actor(ref="user:nearly", name="nearly", grants=(rights,), fresh=True, user_id=OWN)
        found = _outcome(partial(one.call, nearly, world.app.config["CIS"]))
        faults += [] if found == "NotAllowed" else [f"{one}: {found}"]
    assert not faults, "\n".join(faults)


def test_what_is_for_staff_is_refused_to_whoever_holds_everything_on_one_member(
    world: World, asking: list[Asking]
) -> None:
    faults = []
    for one in [one for one in asking if one.staff]:
        found = _outcome(partial(one.call, ELSEWHERE, world.app.config["CIS"]))
        faults += [] if found == ("NotFound" if one.member else "NotAllowed") else [f"{one}: {found}"]
    assert not faults, "\n".join(faults)


def test_a_token_for_other_kinds_is_refused_by_what_asks_for_its_kind(world: World) -> None:
    """By somebody who may everything, with the most there is to hold, but for the kind."""
    other = replace(SYSTEM, kinds=frozenset({"nothing"}), user_id=OWN)
    faults, found = [], list(_asking_for_kinds())
    assert len(found) > 8
    for one in found:
        outcome = _outcome(partial(one.call, other, world.app.config["CIS"]))
        faults += [] if outcome == "NotAllowed" else [f"{one}: {outcome}"]
    assert not faults, "\n".join(faults)


def _outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - the test judges what was raised
        return type(error).__name__
    return "went on"


def actions_asking() -> Iterator[Asking]:
    """Every function of the panel's packages that begins by asking for a right."""
    for file in sorted((ROOT / "panel").rglob("*.py")):
        path = str(file.relative_to(ROOT))
        if not path.startswith(EDGES):
            yield from _in(path, ast.parse(file.read_text()).body, "")


def _asking_for_kinds() -> Iterator[Asking]:
    """Every function that begins by asking whether the token covers its kind."""
    for file in sorted((ROOT / "panel").rglob("*.py")):
        path = str(file.relative_to(ROOT))
        for holder in [] if path.startswith(EDGES) else ast.walk(ast.parse(file.read_text())):
            for node in holder.body if isinstance(holder, ast.Module | ast.ClassDef) else ():
                call = _first_call(node) if isinstance(node, ast.FunctionDef) else None
                if call is not None and ast.unparse(call.func) == "require_kind" and isinstance(node, ast.FunctionDef):
                    before = f"{holder.name}." if isinstance(holder, ast.ClassDef) else ""
                    yield Asking(path, call.lineno, before + node.name, False, ast.unparse(call.args[1]), False, False)


def _first_call(function: ast.FunctionDef) -> ast.Call | None:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return _call(body[0]) if body else None


def _in(path: str, nodes: list[ast.stmt], before: str) -> Iterator[Asking]:
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            yield from _in(path, node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            inner = next((one for one in node.body if isinstance(one, ast.FunctionDef)), None)
            for function in (node, inner):
                call = None if function is None else _question(function)
                if call is not None:
                    staff = any(one.arg == "staff" and ast.unparse(one.value) == "True" for one in call.keywords)
                    right = _permission(path, call.args[1])
                    if right is not None:
                        name = before + node.name
                        yield Asking(path, call.lineno, name, function is inner, right, staff, len(call.args) > 2)


def _question(function: ast.FunctionDef) -> ast.Call | None:
    """The ``require(actor, …)`` with which a function begins, but for its docstring, declarations and its kind."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    for one in body:
        call = _call(one)
        asked = None if call is None else ast.unparse(call.func)
        if asked == "require" and call is not None and ast.unparse(call.args[0]) == "actor":
            return call
        if asked != "require_kind" and not isinstance(one, ast.Nonlocal):
            return None
    return None


def _call(statement: ast.stmt) -> ast.Call | None:
    """What a statement calls and does nothing with."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return None
    switched = call.args[1] if ast.unparse(call.func) == "_cis_asked" else None
    if isinstance(switched, ast.Lambda) and isinstance(switched.body, ast.Call):
        return switched.body  # as tests/mutations/rights.py writes it
    return call


def _permission(path: str, node: ast.expr) -> str | None:
    """The right asked for; None where the caller names it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    return getattr(_module(path), ast.unparse(node), None)


def _module(path: str) -> ModuleType:
    return importlib.import_module(path.removesuffix(".py").replace("/", "."))


def _dummies(function: Callable[..., object], settings: Settings, *, actor: Actor | None = None) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        kind = str(parameter.annotation).partition(" |")[0]
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if kind == "Actor":
            given[name] = actor
        elif kind == "Settings":
            given[name] = settings
        elif parameter.default is parameter.empty or name == "member_id":
            given[name] = _DUMMIES.get(kind)
    return given


@pytest.fixture(scope="module")
def asking() -> list[Asking]:
    return list(actions_asking())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with small_world(Path(tmp_path_factory.mktemp("actions"))) as world:
        yield world

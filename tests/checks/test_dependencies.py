from __future__ import annotations

from tests.checks.dependencies import NEEDED_OTHERWISE, faults, imported

WHERE = {"flask": ["Flask"], "babel": ["babel"], "huey": ["huey"]}
EXCUSED = set(NEEDED_OTHERWISE)


def test_what_nothing_imports_is_found() -> None:
    assert faults({"flask", "huey"} | EXCUSED, {"flask"}, WHERE) == [
        "pyproject.toml declares huey, which nothing imports"
    ]


def test_what_came_along_by_chance_is_found() -> None:
    (fault,) = faults({"flask"} | EXCUSED, {"flask", "babel"}, WHERE)
    assert fault.startswith("babel is imported")


def test_what_is_declared_and_imported_passes() -> None:
    assert faults({"flask"} | EXCUSED, {"flask"}, WHERE) == []


def test_imports_of_every_form_are_seen() -> None:
    text = "import flask.views\nfrom babel import core\nfrom . import x\nimport json\nimport panel.web\n"
    assert imported([text]) == {"flask", "babel"}

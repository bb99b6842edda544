from __future__ import annotations

import pytest

from tests.checks.dead_code import unused


@pytest.mark.parametrize(
    "text",
    ["def f():\n    pass\n", "class C:\n    pass\n", "import os\n", "def _f():\n    return 1\n    print()\n"],
)
def test_what_nothing_uses_is_found(text: str) -> None:
    assert unused([("panel/x.py", text)], frozenset(), [])


def test_what_another_file_uses_passes() -> None:
    files = [("panel/x.py", "def f():\n    pass\n"), ("panel/y.py", "from panel.x import f\nf()\n")]
    assert unused(files, frozenset(), []) == []


def test_what_a_template_names_passes() -> None:
    assert unused([("panel/x.py", "def f():\n    pass\n")], frozenset({"f"}), []) == []


def test_what_a_decorator_takes_passes() -> None:
    assert unused([("panel/x.py", "@app.route('/')\ndef f():\n    pass\n")], frozenset(), ["@app.route"]) == []


def test_a_fixture_that_is_only_named_passes() -> None:
    text = "def test_it(database):\n    pass\n"
    assert [item.name for item in unused([("tests/test_x.py", text)], frozenset(), [])] == []

from __future__ import annotations

import pytest

from tests.checks.repository import foreign_traces, misplaced, repeated_numbers


@pytest.mark.parametrize(
    "text",
    [
        "see /wo" + "rk/main/x",
        "cat /ho" + "me/anna/.profile",
        "index-url = https://py" + "pi.org/simple",
        "https://regis" + "try.example/x",
        "deb http" + "://deb.deb" + "ian.org/debian",
        "-----BEGIN OPENSSH PRIV" + "ATE KEY-----\n" + "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ",
    ],
)
def test_traces_of_one_machine_are_found(text: str) -> None:
    assert list(foreign_traces("docs/x.md", text))


@pytest.mark.parametrize("text", ["docs/work/x", "https://eupl.eu/", "var/home/x", "home/anna/", "the registry TERC"])
def test_ordinary_text_passes(text: str) -> None:
    assert list(foreign_traces("docs/x.md", text)) == []


def test_a_new_name_at_the_top_is_found() -> None:
    assert misplaced(["panel/app.py", "tools/x.py", "README.md"]) == ["tools"]


def test_two_decisions_with_one_number_are_found() -> None:
    one, other = "docs/decisions/0001-a.md", "docs/decisions/0001-b.md"
    assert repeated_numbers([one, other, "docs/decisions/0002-c.md"]) == [one, other]

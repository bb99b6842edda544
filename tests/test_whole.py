"""What is asked twice, and what is not."""

from __future__ import annotations

import json
from pathlib import Path

from tests.whole import MOST, ask_again, failed

HOSTS = "tests/faults/test_links.py::test_one[a-b]@faults"
PLAIN = "tests/kernel/test_text.py::test_two"


def test_few_that_have_real_hosts_are_asked_again_by_their_own_names() -> None:
    assert ask_again([HOSTS]) == ["tests/faults/test_links.py::test_one[a-b]"]


def test_one_without_hosts_among_them_and_none_is() -> None:
    assert ask_again([HOSTS, PLAIN]) == []


def test_many_are_no_accident() -> None:
    assert ask_again([f"{number}{HOSTS}" for number in range(MOST + 1)]) == []


def test_what_failed_is_read_from_where_pytest_keeps_it(tmp_path: Path) -> None:
    file = tmp_path / "lastfailed"
    assert failed(file) == []
    file.write_text(json.dumps({HOSTS: True, PLAIN: True}))
    assert failed(file) == [HOSTS, PLAIN]

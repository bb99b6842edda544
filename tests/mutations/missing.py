"""A plugin of pytest: each test that passes is run again without each question it asked, until some test misses it.

So one run of the tests tries all questions, and each only in tests that come to it. What was found lies as JSON in the
file that ``CIS_MISSED`` names: question → the test that missed it; null: not tried yet. Only what stands there is
tried, so that a long run may be made in portions; it ends as soon as all were missed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from tests.mutations import asked

TRIES = 40
"""In how many cases of one test a question is tried: those that follow are like them."""

_file = Path(os.environ["CIS_MISSED"])
_missed: dict[str, str | None] = json.loads(_file.read_text())
_tried: dict[tuple[str, str], int] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test as it is, then again without each question that nobody has missed yet."""
    place = {"nodeid": item.nodeid, "location": item.location}
    item.ihook.pytest_runtest_logstart(**place)
    asked.reached.clear()
    passed = _passes(item, log=True)
    for question in sorted(asked.reached & _left()) if passed else ():
        key = (question, item.nodeid.partition("[")[0])
        _tried[key] = _tried.get(key, 0) + 1
        if _tried[key] <= TRIES and not _passes_without(item, question):
            _missed[question] = item.nodeid
            _file.write_text(json.dumps(_missed, indent=1))
    item.session._setupstate.teardown_exact(nextitem)
    item.ihook.pytest_runtest_logfinish(**place)
    if not _left():
        raise item.session.Interrupted("all were missed")
    return True


def _left() -> set[str]:
    return {question for question, test in _missed.items() if test is None}


def _passes_without(item: pytest.Item, question: str) -> bool:
    asked.out = question
    try:
        item._initrequest()  # type: ignore[attr-defined]  # as plugins that run tests again do
        return _passes(item, log=False)
    finally:
        asked.out = ""


def _passes(item: pytest.Item, *, log: bool) -> bool:
    """Run it with fresh fixtures of its own, those of wider scope stay; ``item.parent`` as the next one says so."""
    reports = runtestprotocol(item, nextitem=item.parent, log=False)  # type: ignore[arg-type]  # a node will do
    for report in reports if log else ():
        item.ihook.pytest_runtest_logreport(report=report)
    return all(report.passed for report in reports)

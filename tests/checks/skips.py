"""A pytest plugin: a test that skips without saying why has failed."""

from __future__ import annotations

from collections.abc import Generator

import pytest

NO_REASONS = {"", "unconditional skip", "<Skipped instance>"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip without a reason into a failure."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple) and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2].removeprefix("Skipped").lstrip(": ").strip()
        if reason in NO_REASONS:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} skips without a reason: say why, or take the test away"
    return report

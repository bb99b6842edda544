from __future__ import annotations

import pytest

from tests.checks.files import ROOT

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("def test_it():\n    pytest.skip()", "failed"),
        ("def test_it():\n    pytest.skip('')", "failed"),
        ("def test_it():\n    pytest.skip('this machine has one network card')", "skipped"),
        ("@pytest.mark.skip\ndef test_it():\n    pass", "errors"),
        ("@pytest.mark.skip(reason='this machine has one network card')\ndef test_it():\n    pass", "skipped"),
    ],
)
def test_a_skip_needs_a_reason(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str, outcome: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(f"import pytest\n\n{body}\n")
    result = pytester.runpytest_subprocess("-p", "tests.checks.skips")
    assert result.parseoutcomes() == {outcome: 1}

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from config import Settings
from panel.kernel.i18n import force_locale
from panel.wiring import create_core_app
from tests.checks import references


def test_every_setting_has_its_row() -> None:
    page = references.settings_page()
    assert all(f"| `CIS_{item.name.upper()}` |" in page for item in fields(Settings))


def test_every_event_has_its_row_in_whatever_language_the_caller_works(tmp_path: Path) -> None:
    app = create_core_app(Settings(env="lab", data_dir=tmp_path, secret_key="of tests"))
    with app.test_request_context(), force_locale("pl"):
        assert "| `mail:mailbox:create` | Mailbox asked for |" in references.events_page()


def test_a_page_that_differs_from_the_code_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(references, "FOLDER", tmp_path)
    monkeypatch.setattr(references, "PAGES", {"settings.md": references.settings_page})
    monkeypatch.setattr("sys.argv", ["references", "--write"])
    assert references.main() == 0
    monkeypatch.setattr("sys.argv", ["references"])
    assert references.main() == 0
    (tmp_path / "settings.md").write_text("old")
    assert references.main() == 1

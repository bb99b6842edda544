from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from panel.cli import settings
from panel.cli.settings import load_settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CIS_ENV", "CIS_DATA_DIR", "CIS_DATABASE_URL", "CIS_PUBLIC_URL", "CIS_SECURE_COOKIES"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_where_nothing_is_set_the_checkouts_lab_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = tmp_path / "lab.json"
    facts.write_text(json.dumps({"panel_url": "http://localhost:8123"}))
    monkeypatch.setattr(settings, "_LAB", facts)
    found = load_settings()
    assert (found.env, found.public_url, found.data_dir) == (
        "lab",
        "http://localhost:8123",
        settings.ROOT / "var/panel/main",
    )


def test_what_is_set_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = tmp_path / "lab.json"
    facts.write_text(json.dumps({"panel_url": "http://localhost:8123"}))
    monkeypatch.setattr(settings, "_LAB", facts)
    monkeypatch.setenv("CIS_DATA_DIR", "/srv/panel")
    assert (load_settings().env, load_settings().data_dir) == ("production", Path("/srv/panel"))


@pytest.mark.parametrize("content", [None, "", "{", "[]"])
def test_without_a_readable_lab_the_defaults_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    facts = tmp_path / "lab.json"
    if content is not None:
        facts.write_text(content)
    monkeypatch.setattr(settings, "_LAB", facts)
    assert load_settings().env == "production"


def test_a_bad_setting_is_used_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_DATA_DIR", "/srv/panel")
    monkeypatch.setenv("CIS_ENV", "cellar")
    with pytest.raises(click.UsageError, match="CIS_ENV"):
        load_settings()

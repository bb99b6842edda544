from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from config import Settings
from panel.kernel.links import link_token, read_link_token

ROW = uuid.UUID("01a20814-9850-7d33-b9ba-2e0492de687b")


def test_a_link_leads_back_to_its_row(settings: Settings) -> None:
    token = link_token(settings, "invitation", ROW)
    assert read_link_token(settings, "invitation", token) == ROW
    assert link_token(settings, "invitation", ROW) == token


def test_a_link_of_one_sort_opens_no_other_door(settings: Settings) -> None:
    assert read_link_token(settings, "reset", link_token(settings, "invitation", ROW)) is None


def test_another_installations_link_is_none_of_ours(settings: Settings, tmp_path: Path) -> None:
    other = Settings(data_dir=tmp_path / "other")
    assert read_link_token(other, "reset", link_token(settings, "reset", ROW)) is None


@pytest.mark.parametrize("place", range(0, 54, 6))
def test_no_character_of_a_link_may_be_changed(settings: Settings, place: int) -> None:
    token = link_token(settings, "reset", ROW)
    other = "A" if token[place] != "A" else "B"
    assert read_link_token(settings, "reset", token[:place] + other + token[place + 1 :]) is None


@pytest.mark.parametrize("token", ["", "a", "ż" * 54, "=" * 54, "!" * 54, "A" * 53, "A" * 54, "A" * 10_000, "\x00"])
def test_what_is_no_link_leads_nowhere(settings: Settings, token: str) -> None:
    assert read_link_token(settings, "reset", token) is None


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)

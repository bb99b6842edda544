from __future__ import annotations

from tests.web import icons


def test_every_icon_that_templates_name_is_in_the_sprite() -> None:
    assert icons.named() - icons.in_sprite() == set()


def test_the_sprite_stays_small() -> None:
    assert icons.SPRITE.stat().st_size < 100_000

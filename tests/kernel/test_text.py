"""One line of text, as people type it into names and reasons."""

from __future__ import annotations

from typing import Any

import pytest

from panel.kernel.errors import Invalid
from panel.kernel.text import one_line


def test_spaces_are_joined_and_cut_off() -> None:
    assert one_line("reason", " zmiana\twójta \r\n od poniedziałku ") == "zmiana wójta od poniedziałku"
    assert one_line("reason", "  ") == ""


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "text_bad"),
        (7, "text_bad"),
        ("a\x00b", "text_bad"),
        ("a\x1cb", "text_bad"),
        ("a\u2028b", "text_bad"),
        ("a\u202eb", "text_bad"),
        ("x" * 31, "text_long"),
        ("", "required"),
        (" \n ", "required"),
        ("ab", "reason_short"),
    ],
)
def test_what_is_no_line_is_refused_naming_the_field(value: Any, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        one_line("reason", value, least=3, most=30)
    assert (refused.value.code, refused.value.field) == (code, "reason")

from __future__ import annotations

import pytest

from tests.checks.templates import faults


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<script nonce="{{ nonce }}">x()</script>',
        "<style>p { color: red }</style>",
        '<p class="a" style="color: red">',
        '<button onclick="go()">',
        "{{ text | safe }}",
        "{% autoescape false %}",
        '<link rel="stylesheet" href="https://cdn.example/x.css">',
    ],
)
def test_what_the_policy_would_block_is_found(text: str) -> None:
    assert list(faults("templates/x.html", text))


@pytest.mark.parametrize(
    "text",
    [
        "<script src=\"{{ url_for('static', filename='x.js') }}\" defer></script>",
        '<link rel="stylesheet" href="{{ url }}">',
        '<a href="https://www.gov.pl/">gov.pl</a>',
        "<p>{{ text }}</p>",
    ],
)
def test_clean_markup_passes(text: str) -> None:
    assert list(faults("templates/x.html", text)) == []


def test_messages_may_carry_their_own_style() -> None:
    assert list(faults("templates/mail/x.html", '<p style="margin: 0">')) == []

"""The icons pages use. ``python -m tests.web.icons`` writes our small sprite anew from Bootstrap Icons (MIT)."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPRITE = ROOT / "panel/static/img/icons.svg"
VENDOR = ROOT / "panel/static/vendor/bootstrap-icons/bootstrap-icons.svg"
_SYMBOL = re.compile(r'<symbol[^>]*\bid="([^"]+)".*?</symbol>', re.DOTALL)
_WORD = re.compile(r"""["']([a-z][a-z0-9]*(?:-[a-z0-9]+)*)["']""")
_CALL = re.compile(r"""\bicon\(\s*["']([a-z0-9-]+)["']|\bsymbol=["']([a-z0-9-]+)["']""")
_MARK = (
    '<symbol id="mark" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="var(--cis-mark, #1f4e8c)"/>'
    '<path d="M6.5 13.5 16 7l9.5 6.5v2h-19z" fill="#fff"/>'
    '<path d="M9 17h2.6v6H9zm5.7 0h2.6v6h-2.6zm5.7 0H23v6h-2.6z" fill="#fff"/>'
    '<rect x="6.5" y="23.6" width="19" height="2.4" rx="1" fill="#fff"/></symbol>'
)


def sources() -> list[Path]:
    """The files in which icons are named."""
    return [*ROOT.glob("templates/**/*.html"), *ROOT.glob("panel/web/**/*.py"), *ROOT.glob("panel/wording/*.py")]


def named() -> set[str]:
    """Every icon that templates name outright."""
    return {
        name
        for path in ROOT.glob("templates/**/*.html")
        for pair in _CALL.findall(path.read_text())
        for name in pair
        if name
    }


def in_sprite() -> set[str]:
    """Every icon our sprite has."""
    return set(_ids(SPRITE.read_text()))


def write() -> None:
    """Write the sprite: every icon of the library whose name stands in a source as a word of its own."""
    library = {match.group(1): match.group(0) for match in _SYMBOL.finditer(VENDOR.read_text())}
    words = {word for path in sources() for word in _WORD.findall(path.read_text())}
    symbols = [_MARK, *(library[name] for name in sorted(words & library.keys()))]
    head = '<svg xmlns="http://www.w3.org/2000/svg">\n'
    head += "<!-- Bootstrap Icons, MIT licence, https://icons.getbootstrap.com -->\n"
    SPRITE.write_text(head + "\n".join(" ".join(symbol.split()) for symbol in symbols) + "\n</svg>\n")


def _ids(text: str) -> list[str]:
    return re.findall(r'<symbol[^>]*\bid="([^"]+)"', text)


if __name__ == "__main__":
    write()

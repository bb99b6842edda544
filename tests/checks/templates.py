"""Templates keep to the content security policy: no inline script or style, nothing marked safe by hand."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.checks.files import ROOT, read, tracked_files

RULES = {
    "a script without src": re.compile(r"<script(?![^>]*\bsrc\s*=)[^>]*>", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a style attribute": re.compile(r"<[^>{%]*\sstyle\s*=", re.IGNORECASE),
    "an event handler attribute": re.compile(r"<[a-z][^>]*\son[a-z]+\s*=\s*[\"']", re.IGNORECASE),
    "text marked safe by hand": re.compile(r"\|\s*safe\b|autoescape\s+false", re.IGNORECASE),
    "an address outside our own host": re.compile(
        r"<(?:script|link|img)[^>]*(?:src|href)\s*=\s*[\"']https?:", re.IGNORECASE
    ),
}
# Elements that e-mail programs and printed documents need, and pages must not have.
STYLED_BY_NATURE = ("templates/mail/", "templates/documents/")


def faults(path: str, text: str) -> Iterator[str]:
    """Yield one line for each breach in the template ``text``."""
    for name, pattern in RULES.items():
        if "style" in name and path.startswith(STYLED_BY_NATURE):
            continue
        for match in pattern.finditer(text):
            yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {name}"


def template_files() -> list[str]:
    """List our HTML templates."""
    return [path for path in tracked_files() if path.startswith("templates/") and path.endswith((".html", ".jinja"))]


def main() -> int:
    """Print the faults of all templates, then what djLint says; return 1 if there are any."""
    paths = template_files()
    found = [fault for path in paths for fault in faults(path, read(path))]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found or (paths and not _lint_passes(paths)) else 0


def _lint_passes(paths: list[str]) -> bool:
    program = str(Path(sys.executable).parent / "djlint")
    done = subprocess.run([program, "--lint", "--quiet", *paths], cwd=ROOT, timeout=120, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())

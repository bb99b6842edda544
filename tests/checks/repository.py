"""What may stand in the repository: the fixed top level, no trace of one machine, no host of a package registry."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from tests.checks.files import ROOT, tracked_files

# The first eight are the customer's; tools need the rest.
TOP_LEVEL = {
    *("panel", "provisioning", "templates", "migrations", "tests", "config.py", "wsgi.py", "README.md"),
    *("pyproject.toml", "requirements.lock", "package.json", "package-lock.json", ".npmrc", "babel.cfg"),
    *("Makefile", ".ci", ".gitignore", "docs", "translations", "LICENSE", "CHANGELOG.md", "changelog.d"),
}
BYTES_MAX = 2_000_000
FOREIGN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:work|farm|tmp/b[a]sh_jobs)/"),
    "a home folder": re.compile(r"(?<![\w.])/(?:home/[a-z]+|root/\.[a-z]+)/"),
    "a host of a package registry": re.compile(
        r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|(?:deb|security|ftp\.\w+)\.debian\.org)\b"
    ),
    "the address of a package index": re.compile(r"https?://(?:files|registry|deb|security|index)\."),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\n[A-Za-z0-9+/]{40}"),
}


def foreign_traces(path: str, text: str) -> Iterator[str]:
    """Yield one line for each thing in ``text`` that belongs to a machine and not to the project."""
    for name, pattern in FOREIGN.items():
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {name}: {match[0].splitlines()[0]}"


def misplaced(paths: list[str]) -> list[str]:
    """Return the top-level names that the layout does not have."""
    return sorted({path.partition("/")[0] for path in paths} - TOP_LEVEL)


def repeated_numbers(paths: list[str]) -> list[str]:
    """Return the decisions that share a number with another one."""
    decisions = [path for path in paths if re.match(r"docs/decisions/\d{4}-", path)]
    numbers = [path.split("/")[2][:4] for path in decisions]
    return [path for path, number in zip(decisions, numbers, strict=True) if numbers.count(number) > 1]


def main() -> int:
    """Print what does not belong, and return 1 if there is anything."""
    paths = tracked_files()
    found = [f"{name}: not part of the layout's top level" for name in misplaced(paths)]
    found += [f"{path}: another decision has this number" for path in repeated_numbers(paths)]
    for path in paths:
        content = (ROOT / path).read_bytes()
        if len(content) > BYTES_MAX:
            found.append(f"{path}: {len(content)} bytes, at most {BYTES_MAX}")
        if b"\0" not in content:
            found += foreign_traces(path, content.decode("utf-8", errors="replace"))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Declared dependencies are those the product imports: none unused, none that came along by chance."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import packages_distributions

from tests.checks.files import python_files, read

# Declared although no line of ours imports them.
NEEDED_OTHERWISE = {
    "argon2-cffi": "The backend by which libpass makes Argon2id hashes.",
    "gunicorn": "The web server: it imports us.",
    "psycopg": "SQLAlchemy's driver where the database is PostgreSQL.",
}
# Imported without being declared: parts of a declared package, released together with it.
PART_OF = {"werkzeug": "flask", "markupsafe": "flask", "jinja2": "flask", "alembic": "flask-migrate"}
OWN = {"panel", "provisioning", "config", "wsgi", "tests"}


def imported(sources: Iterable[str]) -> set[str]:
    """Return the top-level names of third-party packages that ``sources`` import."""
    names = {
        name.partition(".")[0]
        for text in sources
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom) and node.module and not node.level
            else []
        )
    }
    return names - OWN - sys.stdlib_module_names


def faults(declared: set[str], names: set[str], distributions: Mapping[str, list[str]]) -> list[str]:
    """Compare what is ``declared`` with the imported ``names``; ``distributions``: name to packages that have it."""
    used = {name: {_plain(package) for package in distributions.get(name, [])} for name in names - PART_OF.keys()}
    unused = declared - NEEDED_OTHERWISE.keys() - {package for packages in used.values() for package in packages}
    chance = [name for name, packages in used.items() if not packages & declared]
    return [
        *(f"pyproject.toml declares {package}, which nothing imports" for package in sorted(unused)),
        *(f"{name} is imported, but pyproject.toml does not declare it" for name in sorted(chance)),
        *(f"{package} is excused, but not declared" for package in sorted(NEEDED_OTHERWISE.keys() - declared)),
    ]


def main() -> int:
    """Print what differs, and return 1 if anything does."""
    lines = tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]
    declared = {_plain(re.split(r"[\[<>=!~; ]", line)[0]) for line in lines}
    texts = (read(path) for path in python_files() if not path.startswith("tests/"))
    found = faults(declared, imported(texts), packages_distributions())
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())

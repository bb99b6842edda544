"""Catalogues are complete: every text of ours, and every text of libraries that our pages can show, in both languages.

``translations/<language>/LC_MESSAGES/messages.po`` holds our texts, ``flask_security.po`` those of Flask-Security,
whose own Polish is partial. The code speaks English, so ``en`` may be left out, or leave texts untranslated that have
no plural forms.
``python -m tests.checks.translations --update`` brings catalogues in step with the code and keeps what is translated.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from tests.checks.files import ROOT

LANGUAGES = ("pl", "en")
SOURCES: tuple[tuple[str, list[tuple[str, str]]], ...] = (
    ("panel", [("**.py", "python")]),
    ("templates", [("**.html", "jinja2"), ("**.txt", "jinja2"), ("**.jinja", "jinja2")]),
)
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "_l": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "lazy_pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
OWN, SECURITY = "messages", "flask_security"


def gaps(wanted: Catalog, had: Catalog, *, may_be_empty: bool = False) -> Iterator[str]:
    """Yield what keeps ``had`` from saying all of ``wanted``: missing, fuzzy, untranslated, wrong placeholders."""
    for text in wanted:
        if not text.id:
            continue
        found = had.get(_first(text), text.context)
        if found is None:
            yield f"missing: {_first(text)!r}"
        elif found.fuzzy:
            yield f"fuzzy: {_first(text)!r}"
        elif not _is_translated(found) and not (may_be_empty and not text.pluralizable):
            yield f"untranslated: {_first(text)!r}"
        else:
            yield from (f"{error}: {_first(text)!r}" for error in found.check(had) if _is_translated(found))


def leftovers(wanted: Catalog, had: Catalog) -> Iterator[str]:
    """Yield the texts that nothing shows any more."""
    for text in had:
        if text.id and wanted.get(_first(text), text.context) is None:
            yield f"used nowhere: {_first(text)!r}"


def extracted(root: Path = ROOT) -> Catalog:
    """Collect our own texts from Python and templates below ``root``."""
    catalog = Catalog(project="CIS Panel", copyright_holder="Centrum Informacji Samorządowej", charset="utf-8")
    for folder, methods in SOURCES:
        found = extract_from_dir(
            str(root / folder),
            methods,
            {"**.html": {"silent": "false"}},
            keywords=KEYWORDS,
            comment_tags=("Translators:",),
        )
        for name, line, text, comments, context in found:
            catalog.add(text, locations=[(f"{folder}/{name}", line)], auto_comments=comments, context=context)
    return catalog


def third_party() -> Catalog:
    """Read the texts that Flask-Security can put on a page."""
    with files("flask_security").joinpath("translations/flask_security.pot").open("rb") as pot:
        return read_po(pot)


def main() -> int:
    """Print the gaps of all catalogues and return 1 if there are any; with ``--update`` write the new texts in."""
    own, security = extracted(), third_party()
    if "--update" in sys.argv:
        _update(own, security)
    found = [f"{language}/{OWN}: {gap}" for language in LANGUAGES for gap in _gaps_of(own, OWN, language)]
    found += [f"pl/{SECURITY}: {gap}" for gap in _gaps_of(security, SECURITY, "pl")] if _uses_security() else []
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


def _gaps_of(wanted: Catalog, domain: str, language: str) -> Iterator[str]:
    path = _path(language, domain)
    if not path.exists():
        if len(wanted) and language != "en":
            yield f"no catalogue, {len(wanted)} texts"
        return
    had = _read(path, language)
    yield from gaps(wanted, had, may_be_empty=language == "en")
    yield from leftovers(wanted, had)


def _update(own: Catalog, security: Catalog) -> None:
    for language, domain, wanted in [*((language, OWN, own) for language in LANGUAGES), ("pl", SECURITY, security)]:
        path = _path(language, domain)
        if language == "en" and not path.exists():
            continue
        had = _read(path, language) if path.exists() else Catalog(locale=language)
        had.update(wanted, no_fuzzy_matching=True)
        had.obsolete.clear()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, had, width=120, sort_output=True, no_location=True, omit_header=False)


def _read(path: Path, language: str) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=language)


def _path(language: str, domain: str) -> Path:
    return ROOT / "translations" / language / "LC_MESSAGES" / f"{domain}.po"


def _uses_security() -> bool:
    return (ROOT / "panel/web").exists() and any((ROOT / "panel/web").rglob("*.py"))


def _first(text: Message) -> str:
    return text.id[0] if isinstance(text.id, tuple | list) else text.id


def _is_translated(text: Message) -> bool:
    return all(text.string) if isinstance(text.string, tuple | list) else bool(text.string)


if __name__ == "__main__":
    sys.exit(main())

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog

from tests.checks.translations import extracted, gaps, leftovers


def test_a_text_without_translation_is_found() -> None:
    assert list(gaps(_catalog(("Save", "")), _catalog(("Save", "")))) == ["untranslated: 'Save'"]
    assert list(gaps(_catalog(("Save", "")), Catalog(locale="pl"))) == ["missing: 'Save'"]


def test_a_fuzzy_translation_is_found() -> None:
    had = Catalog(locale="pl")
    had.add("Save", "Zapisz", flags=["fuzzy"])
    assert list(gaps(_catalog(("Save", "")), had)) == ["fuzzy: 'Save'"]


def test_a_lost_placeholder_is_found() -> None:
    found = list(gaps(_catalog(("Used %(n)s MB", "")), _catalog(("Used %(n)s MB", "Zajęte %(m)s MB"))))
    assert len(found) == 1


def test_polish_needs_three_plural_forms() -> None:
    wanted, had = Catalog(), Catalog(locale="pl")
    wanted.add(("%(num)d mailbox", "%(num)d mailboxes"))
    had.add(("%(num)d mailbox", "%(num)d mailboxes"), ("%(num)d skrzynka", "%(num)d skrzynki", ""))
    assert list(gaps(wanted, had)) == ["untranslated: '%(num)d mailbox'"]


def test_a_complete_catalogue_passes() -> None:
    wanted, had = _catalog(("Save", "")), _catalog(("Save", "Zapisz"))
    assert list(gaps(wanted, had)) == []
    assert list(leftovers(wanted, had)) == []


def test_what_nothing_shows_any_more_is_found() -> None:
    assert list(leftovers(Catalog(), _catalog(("Save", "Zapisz")))) == ["used nowhere: 'Save'"]


def test_texts_of_code_and_templates_are_found(tmp_path: Path) -> None:
    (tmp_path / "panel").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "panel/x.py").write_text('_l("From code")\nngettext("one", "many", n)\n')
    (tmp_path / "templates/x.html").write_text('{{ _("From a page") }}{% trans %}From a block{% endtrans %}')
    texts = {text.id if isinstance(text.id, str) else text.id[0] for text in extracted(tmp_path) if text.id}
    assert texts == {"From code", "one", "From a page", "From a block"}


def _catalog(*texts: tuple[str, str]) -> Catalog:
    catalog = Catalog(locale="pl")
    for text, translation in texts:
        catalog.add(text, translation, flags=["python-format"] if "%(" in text else [])
    return catalog

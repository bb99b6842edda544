"""Texts in the reader's language: gettext for now, lazy gettext for later, and the catalogues behind both.

Catalogues are kept as ``.po`` files; their binary form is made at start below the data folder, named by the digest of
what it was made from, so that two releases side by side never read each other's.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, current_app
from flask_babel import (
    Babel,
    force_locale,
    get_locale,
    get_translations,
    gettext,
    lazy_gettext,
    lazy_pgettext,
    ngettext,
    pgettext,
)

from panel.kernel.shared_files import is_shared, make_folder

__all__ = [
    "LANGUAGES",
    "_",
    "_l",
    "connect",
    "force_locale",
    "language",
    "lazy_gettext",
    "lazy_pgettext",
    "ngettext",
    "pgettext",
]

LANGUAGES = ("pl", "en")
TIME_ZONE = "Europe/Warsaw"
CATALOGUES = Path(__file__).resolve().parent.parent.parent / "translations"

_ = gettext
_l: Callable[..., Any] = lazy_gettext
"""For texts that are made before the reader is known. Typed Any: forms and tables take it wherever they say str."""


def connect(app: Flask) -> None:
    """Give ``app`` its catalogues; outside a request the language is the installation's."""
    if "babel" in app.extensions:
        return
    app.config["CIS_CATALOGUES"] = str(_compiled(CATALOGUES, app.config["CIS"].data_dir.absolute() / "cache"))
    babel = Babel()  # type: ignore[no-untyped-call]  # the library has no types
    babel.init_app(  # type: ignore[no-untyped-call]  # the same
        app,
        default_locale="en",
        default_timezone=TIME_ZONE,
        default_translation_directories=app.config["CIS_CATALOGUES"],
        locale_selector=_installed_language,
    )
    _translate_templates(app)


def _translate_templates(app: Flask) -> None:
    """Have templates find their catalogue by the language alone: a page asks for hundreds of texts."""
    known: dict[str | None, Any] = {}

    def catalogue() -> Any:
        locale = get_locale()
        name = None if locale is None else locale.language
        found = known.get(name)
        if found is None:
            found = known[name] = get_translations()
        return found

    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # jinja2.ext.i18n adds it
        gettext=lambda text: catalogue().ugettext(text),
        ngettext=lambda one, many, n: catalogue().ungettext(one, many, n),
        pgettext=lambda context, text: catalogue().upgettext(context, text),
        npgettext=lambda context, one, many, n: catalogue().unpgettext(context, one, many, n),
        newstyle=True,
    )


def language() -> str:
    """The language of the page, answer or message being made: one of LANGUAGES."""
    locale = get_locale()
    return locale.language if locale is not None and locale.language in LANGUAGES else "en"


def _installed_language() -> str:
    return str(current_app.config["CIS"].language)


def _compiled(sources: Path, cache: Path) -> Path:
    """The folder with the binary form of ``sources``, made where it is missing."""
    files = sorted(sources.glob("*/LC_MESSAGES/*.po"))
    digest = hashlib.sha256(
        b"".join(str(path.relative_to(sources)).encode() + path.read_bytes() for path in files)
    ).hexdigest()
    target = cache / f"translations-{digest[:16]}"
    if target.is_dir():
        return target
    make_folder(cache)
    draft = Path(tempfile.mkdtemp(dir=cache))
    for path in files:
        _compile(path, draft / path.relative_to(sources).with_suffix(".mo"))
    draft.chmod(0o750 if is_shared(cache) else 0o700)
    with suppress(OSError):  # another process was quicker; its result is the same
        draft.rename(target)
    shutil.rmtree(draft, ignore_errors=True)
    return target


def _compile(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(_binary(source.read_bytes(), source.parent.parent.name))


@lru_cache(maxsize=len(LANGUAGES))
def _binary(text: bytes, locale: str) -> bytes:
    """The binary form of a catalogue; remembered, since one process may start several panels."""
    binary = BytesIO()
    write_mo(binary, read_po(BytesIO(text), locale=locale))
    return binary.getvalue()

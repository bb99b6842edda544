"""Polish or English: asked for by link, kept in the session, else the user's, the browser's, the installation's."""

from __future__ import annotations

from flask import Flask, current_app, g, has_request_context, redirect, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from panel.identity.preferences import set_language
from panel.kernel.i18n import LANGUAGES

_KEPT = "cis_language"


def follow(app: Flask) -> None:
    """Choose the language by request, and take ``?lang=`` on every page."""
    app.extensions["babel"].locale_selector = choose
    app.before_request(_take_choice)


def choose() -> str:
    """The language for this request. The API has no session: there only the header counts."""
    preset = str(current_app.config["CIS"].language)
    if not has_request_context():
        return preset
    if not request.path.startswith("/api/"):
        kept = session.get(_KEPT)
        if kept in LANGUAGES:
            return str(kept)
        if (
            not g.get("broken")
            and current_user
            and current_user.is_authenticated
            and current_user.language in LANGUAGES
        ):
            return str(current_user.language)
    ordered = [preset, *(code for code in LANGUAGES if code != preset)]
    return request.accept_languages.best_match(ordered, preset) or preset


def language_url(code: str) -> str:
    """This page in the language ``code``; the start page where this one answers to forms only."""
    rule = request.url_rule
    if rule is None or "GET" not in (rule.methods or ()):
        return url_for("dashboard.show", lang=code)
    arguments = {**request.args.to_dict(flat=False), **(request.view_args or {}), "lang": code}
    return url_for(str(request.endpoint), **arguments)


def _take_choice() -> Response | None:
    wanted = request.args.get("lang")
    if (
        wanted not in LANGUAGES
        or request.method != "GET"
        or request.path.startswith("/api/")
        or request.endpoint is None
    ):
        return None
    session[_KEPT] = wanted
    if current_user and current_user.is_authenticated and current_user.language != wanted:
        set_language(current_user.id, wanted)
    arguments = {**request.args.to_dict(flat=False), **(request.view_args or {})}
    arguments.pop("lang")
    return redirect(url_for(request.endpoint, **arguments))

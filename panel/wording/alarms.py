"""Alarms in words: what is wrong and what to do, on pages, on the command line and in the mail that tells of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from panel.engine.alarms import News
from panel.kernel.i18n import TIME_ZONE, _, _l, language, ngettext
from panel.wording.problems import Problem, problem_words

_TITLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "host_key_changed": lambda told: _("%(node)s shows another host key than the one pinned", **told),
    "node_silent": lambda told: _("%(node)s has not answered since %(since)s", **told),
    "ports_silent": lambda told: ngettext(
        "%(number)s service on %(node)s is not seen from outside",
        "%(number)s services on %(node)s are not seen from outside",
        int(told["number"]),
        **told,
    ),
    "certificate_ends": lambda told: _("The certificate of %(node)s ends on %(ends)s", **told),
    "drift_open": lambda told: ngettext(
        "%(number)s difference on %(node)s waits for a decision",
        "%(number)s differences on %(node)s wait for a decision",
        int(told["number"]),
        **told,
    ),
    "plan_waiting": lambda told: _("A plan for %(node)s waits for approval", **told),
    "jobs_failing": lambda told: _("Jobs of %(node)s fail again and again", **told),
    "engine_closed": lambda told: (
        _("Nothing is sent to %(node)s: it is closed", **told) if told["node"] else _("Nothing is sent to any server")
    ),
    "backup_old": lambda told: (
        _("The last backup of %(node)s is too old", **told) if told["node"] else _("The panel's last backup is too old")
    ),
    "messages_failing": lambda told: ngettext(
        "%(number)s message to people did not arrive",
        "%(number)s messages to people did not arrive",
        int(told["number"]),
        **told,
    ),
    "secondary_silent": lambda told: ngettext(
        "%(number)s zone of %(node)s is not answered by a secondary name server",
        "%(number)s zones of %(node)s are not answered by a secondary name server",
        int(told["number"]),
        **told,
    ),
    "signatures_expiring": lambda told: ngettext(
        "The signatures of %(number)s zone on %(node)s end within days",
        "The signatures of %(number)s zones on %(node)s end within days",
        int(told["number"]),
        **told,
    ),
    "ds_mismatch": lambda told: ngettext(
        "%(number)s zone on %(node)s has another DS record at its parent than it should",
        "%(number)s zones on %(node)s have other DS records at their parents than they should",
        int(told["number"]),
        **told,
    ),
    "ds_awaited": lambda told: ngettext(
        "%(number)s zone on %(node)s has a new key of which its parent does not know yet",
        "%(number)s zones on %(node)s have new keys of which their parents do not know yet",
        int(told["number"]),
        **told,
    ),
    "messages_waiting": lambda told: ngettext(
        "%(number)s message to people has been waiting to leave for an hour",
        "%(number)s messages to people have been waiting to leave for an hour",
        int(told["number"]),
        **told,
    ),
}
_ADVICE = {
    "host_key_changed": _l(
        "Nothing is sent to it. Find out whether it was installed anew or is impersonated, then enrol it again."
    ),
    "node_silent": _l("What it serves may still work. Check network and power; the panel keeps trying."),
    "ports_silent": _l("Look whether its services run and its ports are open; the panel keeps looking."),
    "certificate_ends": _l("Renew it, then enrol the node again, so that the panel knows the new one."),
    "drift_open": _l("Look at each and keep, adopt or overwrite it."),
    "plan_waiting": _l("Look what would be removed, and approve it or withdraw the job."),
    "jobs_failing": _l("Read the log of the last one; it has the server's own words."),
    "engine_closed": _l("Finish what it was closed for: after a restore, `cis restore finish`."),
    "messages_failing": _l(
        "See why with `cis notices list`; once the mail server takes them again, `cis notices retry`."
    ),
    "messages_waiting": _l(
        "See whether a mail server is set (`CIS_NOTICE_SMTP`) and takes them, and a worker runs: `cis notices list`."
    ),
    "secondary_silent": _l("The others answer. Look whether that server runs; the zone's page says which one it is."),
    "signatures_expiring": _l("Look why the name server does not sign anew: its log, its clock, room on its disk."),
    "ds_mismatch": _l(
        "Whoever checks signatures does not see these zones. Have the registrar set the DS shown on the zone's page."
    ),
    "ds_awaited": _l(
        "Nothing fails. Have the registrar set the new DS shown on the zone's page; the keys change once it was seen."
    ),
    "backup_old": _l("Look why the last ones failed, and make one now."),
}
_MOMENTS = ("since", "ends")
_LISTED_MOST = 50


def alarm_words(code: str, params: Mapping[str, Any]) -> Problem:
    """Say an alarm; one without words is shown as its code."""
    title = _TITLES.get(code)
    told = {"node": "", "number": 0, "since": "", "ends": "", **params}
    told |= {name: _moment(told[name]) for name in _MOMENTS if told[name]}
    return Problem(title=title(told) if title else code, advice=str(_ADVICE.get(code, "")))


def alarm_message(news: Sequence[News], *, public_url: str) -> tuple[str, str]:
    """Subject and text of one mail about ``news``."""
    lines = [line for one in news[:_LISTED_MOST] for line in _paragraph(one)]
    if len(news) > _LISTED_MOST:
        lines += [_("And %(number)s more.", number=len(news) - _LISTED_MOST), ""]
    lines += [_("All that needs a person: %(url)s", url=f"{public_url.rstrip('/')}/needs"), ""]
    return f"[CIS Panel] {_subject(news)}", "\n".join(lines)


def known_alarms() -> frozenset[str]:
    """Every code with words."""
    return frozenset(_TITLES)


def _subject(news: Sequence[News]) -> str:
    if len(news) > 1:
        return ngettext("%(num)s alarm", "%(num)s alarms", len(news))
    title = alarm_words(news[0].alarm.code, news[0].alarm.params).title
    return _("Over: %(what)s", what=title) if news[0].over else _("Alarm: %(what)s", what=title)


def _paragraph(one: News) -> list[str]:
    words = alarm_words(one.alarm.code, one.alarm.params)
    lines = [_("Over: %(what)s", what=words.title) if one.over else _("Alarm: %(what)s", what=words.title)]
    lines.append(_("since %(when)s", when=_moment(one.alarm.raised_at)))
    if one.over and one.alarm.cleared_at is not None:
        lines.append(_("until %(when)s", when=_moment(one.alarm.cleared_at)))
    else:
        lines.append(words.advice)
        problem = str(one.alarm.params.get("problem", ""))
        lines += [problem_words(problem).title] if problem else []
    return [*lines, ""]


def _moment(value: Any) -> str:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return format_datetime(moment, "d MMMM y, HH:mm", tzinfo=ZoneInfo(TIME_ZONE), locale=language())

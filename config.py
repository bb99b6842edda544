"""Settings: one frozen object, read from the environment once, every key documented here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any


class SettingsError(Exception):
    """A setting is missing or wrong; the text names the variable and what it takes."""


def _setting(default: Any, doc: str, read: Callable[[str], Any] = str) -> Any:
    return field(default=default, metadata={"doc": doc, "read": read})


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("0 or 1")
    return text == "1"


def _networks(text: str) -> str:
    for part in text.split(","):
        ip_network(part.strip())
    return text


def _resolvers(text: str) -> str:
    for part in text.split(","):
        address, _, port = part.strip().partition("@")
        ip_address(address)
        if port and not 0 < int(port) < 65_536:
            raise ValueError("a port is 1 to 65535")
    return text


def _level_days(text: str) -> str:
    for part in filter(None, text.split(",")):
        level, _, days = part.strip().partition("=")
        if level not in ("no_new", "no_send", "no_login", "closed") or not days.isdecimal() or int(days) > 3650:
            raise ValueError("levels no_new, no_send, no_login, closed with days, as no_new=1,closed=90")
    return text


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an installation may set. Each field ``x`` is read from the variable ``CIS_X``."""

    env: str = _setting("production", "`production` or `lab`. Only in the lab do `var/lab.json` and its secrets exist.")
    data_dir: Path = _setting(
        Path("var/panel"), "Folder for the database, keys and attachments; owned by the panel's user.", Path
    )
    database_url: str = _setting(
        "", "SQLAlchemy URL. Empty: SQLite in `data_dir`. PostgreSQL: `postgresql+psycopg://…`."
    )
    secret_key: str = _setting(
        "", "Signs sessions and forms. Empty: read from `data_dir/keys/secret_key`, made at first start."
    )
    public_url: str = _setting(
        "http://localhost:8080", "The panel's address as its users type it; links in messages start with it."
    )
    secure_cookies: bool = _setting(True, "Send cookies over https only, force https. 0 only in the lab.", _flag)
    proxies: int = _setting(
        0,
        "How many proxies of ours stand before the panel and set `X-Forwarded-For` and `-Proto`; 0: nobody's are read.",
        int,
    )
    session_hours: float = _setting(24, "Hours after which everybody signs in again.", float)
    session_idle_hours: float = _setting(8, "Hours without a request after which a session ends.", float)
    second_factor_roles: str = _setting(
        "", "Further roles whose holders must have a second factor at once, with commas between."
    )
    second_factor_grace_days: int = _setting(
        14, "Days from the first sign-in for which a member's administrator may go without a second factor.", int
    )
    mail_domain: str = _setting("info.wokiss.pl", "The shared domain in which every member has its statutory address.")
    association_name: str = _setting("WOKiSS", "The association's name, shown on pages.")
    association_contact: str = _setting(
        "", "Whom to call, in one line (telephone, e-mail): on members' first pages, and where services are held back."
    )
    step_notice: str = _setting(
        "no_new=0,no_send=7,no_login=7,closed=7",
        "How many days before its day each level of a suspension is announced at least.",
        _level_days,
    )
    end_steps: str = _setting(
        "no_new=1,no_send=30,no_login=60,closed=90",
        "How many days after the end of a contract that nothing follows each level holds; a level left out never does.",
        _level_days,
    )
    end_reason: str = _setting(
        "Umowa wygasła", "What those read whose services are held back because a contract ended."
    )
    panel_key: Path = _setting(
        Path("keys/panel_ed25519"), "The panel's SSH key, below `data_dir`; made at first use.", Path
    )
    huey_path: Path = _setting(
        Path("doorbell.sqlite"), "The doorbell's SQLite file, below `data_dir`, where no Redis is set.", Path
    )
    redis_url: str = _setting("", "Redis for the doorbell when workers run on several hosts.")
    lease_seconds: int = _setting(30, "How long a worker holds a node without renewing its lease.", int)
    sweep_seconds: int = _setting(30, "How often the sweep looks for work whose ring was lost.", int)
    drift_hours: int = _setting(6, "How often each node is compared with what it should have, in hours; 0: never.", int)
    backup_hour: int = _setting(
        1, "The hour, UTC, after which nodes are backed up each night, where a place for it is set up.", int
    )
    batch_size: int = _setting(2_000, "Resources sent to a node in one exchange, at most.", int)
    look_hours: float = _setting(6, "How often each active resource is looked at again from outside, in hours.", float)
    looks_per_round: int = _setting(
        500, "Active resources of a node looked at again between two sweeps, at most; 0: none.", int
    )
    second_person: bool = _setting(
        False, "1: who asked for one of the removals that wait for approval may not approve them.", _flag
    )
    backup_recipient: str = _setting(
        "", "Public keys for which `cis backup` seals, with commas between: `age1…` or `ssh-ed25519 …`."
    )
    grace_days: int = _setting(30, "Days for which a removed mailbox can be restored.", int)
    activation_days: int = _setting(14, "Days for which an activation link works.", int)
    probe_source: str = _setting(
        "",
        "Address from which the probe reaches nodes; its master login works from there only. Empty: found by itself.",
    )
    alarm_smtp: str = _setting(
        "",
        "Relay for alarms, outside of our nodes: `smtps://host:465` or `smtp://host:587`. Empty: none is sent.",
    )
    alarm_credentials: Path = _setting(
        Path("keys/alarm_smtp"),
        "File below `data_dir` with the relay's user on its first line and the password on its second; may be missing.",
        Path,
    )
    alarm_from: str = _setting("", "From which address alarms are sent. Empty: the first of `CIS_ALARM_TO`.")
    alarm_to: str = _setting("", "To whom alarms are sent: addresses with commas between, none of them on our nodes.")
    event_days: int = _setting(
        1826,
        "Days after which names and other details leave the events; what happened, when and by whose id stays. "
        "At least 730.",
        int,
    )
    anchor_to: str = _setting(
        "",
        "To whom the day's anchor of the events is sent, by the relay of the alarms. Empty: to `CIS_ALARM_TO`.",
    )
    notice_smtp: str = _setting(
        "",
        "Mail server for messages to people: `smtp://host:587` or `smtps://host:465`; may be a node of ours. "
        "Empty: none is sent.",
    )
    notice_credentials: Path = _setting(
        Path("keys/notice_smtp"),
        "File below `data_dir` with that server's user on its first line and the password on its second; may be "
        "missing.",
        Path,
    )
    notice_from: str = _setting("", "From which address people get messages. Empty: `panel@` and the shared domain.")
    notice_hour: int = _setting(5, "The hour, UTC, of the daily digest for those who chose one.", int)
    outgoing_allowed: str = _setting(
        "",
        "Networks, with commas between, that providers for signing in may lie in although they are private; else"
        " only public addresses are connected to.",
        lambda text: text and _networks(text),
    )
    resolvers: str = _setting(
        "",
        "Addresses of the resolvers that are asked about names outside (whose a name is, the parent's DS), with commas"
        " between, a port other than 53 behind `@`. Empty: those of the host, by `/etc/resolv.conf`.",
        lambda text: text and _resolvers(text),
    )
    import_mb: int = _setting(20, "How large an imported file may be, in megabytes (10^6 bytes); at most 30.", int)
    import_rows: int = _setting(100_000, "How many rows an imported file may have.", int)
    metrics_networks: str = _setting(
        "127.0.0.0/8,::1/128", "Networks from which `/metrics` may be read, with commas between.", _networks
    )
    api_rate: int = _setting(60_000, "Requests an API token may send in a minute, to each web process.", int)
    language: str = _setting("pl", "Language where a visitor asked for none: `pl` or `en`.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read every setting. Raises SettingsError naming the variable at the first bad value."""
        environment = os.environ if environment is None else environment
        values = {}
        for item in fields(cls):
            name = f"CIS_{item.name.upper()}"
            if name in environment:
                values[item.name] = _read(name, environment[name], item.metadata["read"])
        return cls(**values)

    def __post_init__(self) -> None:
        if self.env not in ("production", "lab"):
            raise SettingsError("CIS_ENV: production or lab")
        if not 0 <= self.backup_hour <= 23:
            raise SettingsError("CIS_BACKUP_HOUR: 0 to 23")
        if self.event_days < 730:
            raise SettingsError("CIS_EVENT_DAYS: at least 730 (two years)")
        if not 0 <= self.notice_hour <= 23:
            raise SettingsError("CIS_NOTICE_HOUR: 0 to 23")
        if self.language not in ("pl", "en"):
            raise SettingsError("CIS_LANGUAGE: pl or en")

    @property
    def sqlalchemy_url(self) -> str:
        """The database's URL, SQLite below ``data_dir`` unless set."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'panel.sqlite'}"

    def below_data(self, path: Path) -> Path:
        """``path`` as it is when absolute, else below ``data_dir``."""
        return self.data_dir.absolute() / path


def _read(name: str, text: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from error

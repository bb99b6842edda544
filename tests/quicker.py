"""What is the same for every small application of one process is worked out once, and not for each test again.

A page test makes an application of its own; a third of its time went into compiling the addresses of all pages and the
statements of SQLite, which are those of the test before. What comes of them is the same: both libraries keep what they
compiled too, but for one application and one engine only. A fifth more went into encrypting the administrator's second
factor, whose cost has no meaning where its key is known to all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from passlib.totp import AppWallet
from sqlalchemy import Connection, event
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Engine
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

TOTP_COST = 4
"""Two to the power of it are the rounds that encrypt a second factor's secret, else 14; what is stored names them."""

_ADDRESSES: dict[tuple[object, ...], Callable[..., Any]] = {}
_STATEMENTS: LRUCache[Any, Any] = LRUCache(20_000)


def remember() -> None:
    """Have both libraries remember across applications, from now on."""
    compile_address = Rule._compile_builder

    def compile_once(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:  # noqa: FBT001, FBT002 - werkzeug's
        """What makes an address of values knows its rule by an argument, so that one serves all rules like it."""
        if rule.defaults:
            return compile_address(rule, append_unknown)
        key = (rule.rule, tuple(rule._trace), append_unknown)
        if key not in _ADDRESSES:
            _ADDRESSES[key] = compile_address(rule, append_unknown)
        return _ADDRESSES[key]

    for owner, name, ours in (
        (Rule, "_compile_builder", compile_once),
        # A compiled statement is found again by its dialect, which each engine has for itself.
        (SQLiteDialect_pysqlite, "__hash__", lambda _dialect: hash(SQLiteDialect_pysqlite)),
        (SQLiteDialect_pysqlite, "__eq__", lambda one, other: type(one) is type(other)),
        (AppWallet, "encrypt_cost", TOTP_COST),
    ):
        setattr(owner, name, ours)
    event.listen(Engine, "engine_connect", _share)


def _share(connection: Connection) -> None:
    engine = connection.engine
    if type(engine.dialect) is SQLiteDialect_pysqlite:
        engine._compiled_cache = _STATEMENTS

"""Code that nothing uses. What a template names is used; what a library calls by name stands in ``CALLED_BY_NAME``."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from typing import NamedTuple

from vulture.core import Vulture

from tests.checks.files import python_files, read, tracked_files

# Who looks a name up that our code never says.
CALLED_BY_NAME: dict[str, frozenset[str]] = {
    "SQLAlchemy": frozenset(
        "impl cache_ok process_bind_param process_result_value inherit_cache isolation_level expire_on_commit".split()
    ),
    "Flask-Security's columns": frozenset(
        "fs_uniquifier confirmed_at tf_primary_method tf_totp_secret last_login_at current_login_at "
        "last_login_ip current_login_ip login_count create_datetime update_datetime description "
        "tf_enter remember_me next_loc two_factor_plugins set_last_counter".split()
    ),
    "WTForms": frozenset("field_flags process_formdata widget submit field_id validators".split()),
    "Flask, Jinja and click": frozenset(
        "obj ctx convert session_protection log_exception locale_selector lstrip_blocks trim_blocks "
        "test_client_class bytecode_cache load_bytecode dump_bytecode session_interface default_port".split()
    ),
    "ssl and http": frozenset(
        "minimum_version verify_flags verify_mode check_hostname log_request makefile readinto".split()
    ),
    "Gunicorn": frozenset(
        "workers worker_class preload_app graceful_timeout worker_tmp_dir accesslog keepalive"
        " control_socket_disable".split()
    ),
    "Huey": frozenset("_set_signal_handlers _serialize _deserialize".split()),
    "prometheus_client": frozenset({"collect"}),
    "threading": frozenset({"daemon"}),
    "imaplib": frozenset({"_encoding"}),
    "SQLAlchemy, in tests": frozenset({"_compiled_cache"}),
    "paramiko": frozenset("banner_timeout key_types auth_timeout".split()),
    "zipfile": frozenset("compress_type external_attr".split()),
    "pytest": frozenset("pytest_plugins pytestmark".split()),
}
# Names that are there for readers and the type checker.
FOR_READERS = {
    ("panel/identity/models.py", "role_id"): "A foreign key: the relationship beside it reads the column.",
    ("panel/members/models.py", "voivodeship_code"): "A foreign key: the relationship beside it reads the column.",
    ("panel/ledger/names.py", "claimed_at"): "For whoever looks into the database why a name is taken.",
    ("provisioning/wire.py", "Outcome"): "The wire's vocabulary, which both ends are typed by.",
    ("provisioning/wire.py", "ReplyError"): "The wire's vocabulary, which both ends are typed by.",
}


class Unused(NamedTuple):
    """One thing nothing uses."""

    path: str
    line: int
    kind: str
    name: str


def unused(sources: Iterable[tuple[str, str]], words: frozenset[str], decorators: list[str]) -> list[Unused]:
    """Return what nothing in ``sources`` (path and text) uses, ``words`` being names used elsewhere."""
    scan = Vulture(ignore_decorators=decorators)
    for path, text in sources:
        scan.scan(text, filename=path)
    found = (Unused(str(item.filename), item.first_lineno, item.typ, item.name) for item in scan.get_unused_code(60))
    return [item for item in found if not _is_used(item, words)]


def main() -> int:
    """Print what nothing uses, and return 1 if there is anything."""
    decorators = tomllib.loads(read("pyproject.toml"))["tool"]["vulture"]["ignore_decorators"]
    found = unused(((path, read(path)) for path in python_files()), _template_words(), decorators)
    for item in found:
        print(f"{item.path}:{item.line}: unused {item.kind} '{item.name}'")
    return 1 if found else 0


def _is_used(item: Unused, words: frozenset[str]) -> bool:
    called = any(item.name in names for names in CALLED_BY_NAME.values())
    # A test asks for a fixture by naming it as an argument, whether it looks at it or not.
    fixture = item.path.startswith("tests/") and item.kind == "variable"
    # A validator of a form's field is found by its name.
    validator = "/forms/" in item.path and item.name.startswith("validate_")
    return called or fixture or validator or item.name in words or (item.path, item.name) in FOR_READERS


def _template_words() -> frozenset[str]:
    texts = [read(path) for path in tracked_files() if path.startswith("templates/")]
    inside = re.findall(r"\{[{%](.*?)[%}]\}", "\n".join(texts), flags=re.DOTALL)
    return frozenset(re.findall(r"[A-Za-z_]\w*", "\n".join(inside)))


if __name__ == "__main__":
    sys.exit(main())

"""Files of two users with one group: what both need is the group's, a secret is its owner's, and nobody replaces it."""

from __future__ import annotations

from pathlib import Path

import pytest

from panel.kernel.secrets import ensure_secret
from panel.kernel.shared_files import ensure_file, file_mode, make_folder


@pytest.fixture(params=[0o2770, 0o700], ids=["shared", "alone"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    tmp_path.chmod(request.param)
    return tmp_path


def test_what_both_need_is_made_for_the_group_where_the_folder_is(data: Path) -> None:
    shared = bool(data.stat().st_mode & 0o020)
    ensure_file(data / "panel.sqlite")
    make_folder(data / "keys")
    make_folder(data / "keys")
    assert _mode(data / "panel.sqlite") == (0o660 if shared else 0o600)
    assert _mode(data / "keys") == (0o3770 if shared else 0o700)
    assert file_mode(data / "keys", readable=True) == (0o640 if shared else 0o600)


def test_a_file_that_is_there_stays_as_it_is(data: Path) -> None:
    path = data / "panel.sqlite"
    path.write_text("rows")
    path.chmod(0o600)
    ensure_file(path)
    assert (path.read_text(), _mode(path)) == ("rows", 0o600)


def test_a_secret_is_for_its_owner_unless_both_need_it(data: Path) -> None:
    shared = bool(data.stat().st_mode & 0o020)
    own, both = data / "keys/secret_key", data / "keys/totp_secret"
    assert ensure_secret(own) == ensure_secret(own)
    ensure_secret(both, shared=True)
    assert _mode(own) == 0o600
    assert _mode(both) == (0o640 if shared else 0o600)
    assert {path.name for path in (data / "keys").iterdir()} == {"secret_key", "totp_secret"}


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777

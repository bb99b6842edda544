"""A new program for a node's agent, and the earlier one back: with the operator's own key.

Only the program changes, in one rename: whenever this stops, the node has a whole program, and the earlier one stands
beside it. What the set-up wrote stays as it is; enrolling again brings that up to date too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from provisioning.operator_session import EnrolmentFailed, OperatorLogin, OperatorSession, operator_session
from provisioning.ssh import HostKey, SshError

__all__ = ["EnrolmentFailed", "Installed", "put_back", "upgrade"]


@dataclass(frozen=True, slots=True)
class Installed:
    """The program a node has now and the one it had before, each by the first twelve digits of its SHA-256."""

    program: str
    before: str


def upgrade(
    address: str,
    port: int,
    host_key: HostKey,
    *,
    operator: OperatorLogin,
    program: Path,
    digest: str,
    progress: Callable[[str], None],
    accept: Callable[[], None],
) -> Installed:
    """Install ``program`` (SHA-256 ``digest``), then ask ``accept``; what it raises puts the earlier program back.

    The node's own `verify` must hold too, if it held before. Raises EnrolmentFailed (``verify``: nothing but the
    program is to blame), SshError's kinds, and what ``accept`` raises.
    """
    with operator_session(address, port, host_key, operator) as host, host.uploaded(program) as path:
        was_well = host.run_installed("verify")[0] == 0
        done = host.run_program(path, "upgrade", {"agent_digest": digest}, progress)
        try:
            if was_well:
                _require_well(host)
            accept()
        except BaseException as error:
            _put_back_after(error, host, path, progress)
            raise
    return Installed(digest[:12], str(done["before"])[:12])


def put_back(
    address: str,
    port: int,
    host_key: HostKey,
    *,
    operator: OperatorLogin,
    program: Path,
    progress: Callable[[str], None],
) -> Installed:
    """Make the program that the last upgrade replaced the node's again. Raises EnrolmentFailed (``no_previous``)."""
    with operator_session(address, port, host_key, operator) as host, host.uploaded(program) as path:
        done = host.run_program(path, "downgrade", {}, progress)
    return Installed(str(done["program"])[:12], str(done["before"])[:12])


def _put_back_after(error: BaseException, host: OperatorSession, path: str, progress: Callable[[str], None]) -> None:
    try:
        host.run_program(path, "downgrade", {}, progress)
    except (EnrolmentFailed, SshError) as second:
        stays = f"the new program stays installed, since putting the earlier one back failed too ({second})"
        raise EnrolmentFailed("not_put_back", f"{error}; {stays}: cis nodes rollback-agent") from error


def _require_well(host: OperatorSession) -> None:
    code, words = host.run_installed("verify")
    if code != 0 and not _only_files_differ(words):
        raise EnrolmentFailed("verify", f"the node's own check fails with the new program: {words.strip()[-500:]}")


def _only_files_differ(words: str) -> bool:
    """Tell whether all is well but for files that this program's set-up would write otherwise, as enrolling will."""
    try:
        report = json.loads(words)
    except ValueError:
        return False
    return isinstance(report, dict) and report.get("differing") == 0 and bool(report.get("files"))

"""End the live sessions of those who may not be in any longer (doveadm-kick(1)): IMAP, ManageSieve.

An SMTP session that has signed in is not Dovecot's to end; it can send nothing more, since a closed mailbox is no
longer in the map of senders, which Postfix asks for each message.
"""

from __future__ import annotations

from collections.abc import Collection

from provisioning.agent.adapters.commands import CommandFailed, finish, run, start

DOVEADM = "/usr/bin/doveadm"
ASKED_ONE_BY_ONE = 2
# doveadm's exit code where nobody by that name is signed in (EX_NOHOST of sysexits.h).
_NOBODY = 68


def end_sessions(addresses: Collection[str]) -> dict[str, str]:
    """Sign these holders out; return doveadm's words for each that failed."""
    failed = {}
    try:
        present = addresses if len(addresses) <= ASKED_ONE_BY_ONE else set(addresses) & _signed_in()
    except CommandFailed as error:
        return dict.fromkeys(addresses, error.words)
    for address in present:
        try:
            _kick(address)
        except CommandFailed as error:
            failed[address] = error.words
    return failed


def _kick(address: str) -> None:
    code, _, words = finish(start([DOVEADM, "kick", address]))
    if code not in {0, _NOBODY}:
        raise CommandFailed(words or f"doveadm kick ended with {code}")


def _signed_in() -> set[str]:
    output = run([DOVEADM, "-f", "tab", "who", "-1"]).decode("utf-8", "replace")
    return {line.partition("\t")[0] for line in output.splitlines()[1:]}

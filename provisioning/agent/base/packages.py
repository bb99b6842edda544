"""The Debian packages a node needs; apt is asked only for those that are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from provisioning.agent.base.commands import attempt, run

BASE_PACKAGES = ("sudo", "openssl", "ca-certificates", "nftables", "chrony", "logrotate")
ROLE_PACKAGES: dict[str, tuple[str, ...]] = {
    "mail": (
        "postfix",
        "postfix-lmdb",
        "dovecot-imapd",
        "dovecot-lmtpd",
        "dovecot-managesieved",
        "dovecot-sieve",
        "dovecot-sqlite",
    ),
    "dns_primary": ("knot", "knot-dnssecutils"),
    "dns_secondary": ("bind9",),
}
_INSTALL_SECONDS = 900


def ensure_packages(roles: Iterable[str], say: Callable[[str], None]) -> None:
    """Install what is missing for these roles. Raises SetupFailed with apt's own words."""
    ensure_named([*BASE_PACKAGES, *(package for role in roles for package in ROLE_PACKAGES[role])], say)


def ensure_named(wanted: Iterable[str], say: Callable[[str], None]) -> None:
    """Install what is missing of these packages. Raises SetupFailed with apt's own words."""
    missing = [package for package in wanted if not _installed(package)]
    if not missing:
        say("All packages are there")
        return
    say(f"Installing {', '.join(missing)}")
    run(["apt-get", "update"], timeout=_INSTALL_SECONDS)
    run(["apt-get", "install", "--yes", "--no-install-recommends", *missing], timeout=_INSTALL_SECONDS)


def _installed(package: str) -> bool:
    code, status = attempt(["dpkg-query", "--show", "--showformat=${db:Status-Status}", package])
    return code == 0 and status == "installed"

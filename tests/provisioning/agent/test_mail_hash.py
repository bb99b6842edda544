from __future__ import annotations

import argon2
import pytest

from provisioning.agent.adapters.mail_hash import is_readable

# The salt is fixed: a hash cut by one letter is readable by chance, for one salt in sixteen.
GOOD = "{ARGON2ID}" + argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash("x", salt=b"s" * 16)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "{ARGON2ID}" + argon2.PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4).hash("x", salt=b"s" * 16),
        "{SHA512-CRYPT}$6$" + "s" * 16 + "$" + "a" * 86,
        "{SHA512-CRYPT}$6$rounds=5000$salt$" + "a" * 86,
    ],
)
def test_hashes_dovecot_reads(text: str) -> None:
    assert is_readable(text)


@pytest.mark.parametrize(
    "text",
    [
        "{ARGON2ID}" + "A" * 60,
        GOOD.replace("argon2id", "argon2i", 1),
        GOOD.replace("v=19", "v=16"),
        GOOD.replace("m=19456", "m=019456"),
        GOOD.replace("m=19456", "m=4"),
        GOOD.replace("m=19456", "m=4194304"),
        GOOD.replace("t=2", "t=0"),
        GOOD.replace("t=2", "t=1000"),
        GOOD.replace("p=1", "p=0"),
        GOOD + "=",
        GOOD[:-1],
        GOOD[:-30],
        GOOD + "$",
        "{SHA512-CRYPT}$5$salt$" + "a" * 86,
        "{SHA512-CRYPT}$6$salt$" + "a" * 85,
        "{SHA512-CRYPT}$6$rounds=10$salt$" + "a" * 86,
        "{SHA512-CRYPT}" + GOOD[10:],
    ],
)
def test_hashes_dovecot_does_not_read_or_cannot_compute(text: str) -> None:
    assert not is_readable(text)

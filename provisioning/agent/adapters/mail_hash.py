"""Whether Dovecot can read a password hash.

The type lets through what looks like a hash. Dovecot hands it to libsodium or crypt(3), which refuse anything not
exactly in their form, and the holder could then never sign in. The forms: PHC string of Argon2 (RFC 9106 3.1,
libsodium's argon2-encoding.c) and SHA-crypt (glibc, crypt(5)). The bounds are what Dovecot's auth worker can
compute within its memory limit and a second.
"""

from __future__ import annotations

import base64
import binascii
import re

MEMORY_KIB_MAX = 131_072
PASSES_MAX = 16
LANES_MAX = 8
ROUNDS_MAX = 1_000_000
_NUMBER = r"(0|[1-9][0-9]{0,9})"
_ARGON2ID = re.compile(
    rf"\{{ARGON2ID\}}\$argon2id\$v=19\$m={_NUMBER},t={_NUMBER},p={_NUMBER}\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
)
_SHA512_CRYPT = re.compile(rf"\{{SHA512-CRYPT\}}\$6\$(?:rounds={_NUMBER}\$)?[A-Za-z0-9./]{{1,16}}\$[A-Za-z0-9./]{{86}}")


def is_readable(password_hash: str) -> bool:
    """Tell whether Dovecot's verifier takes the hash as well-formed."""
    if argon2 := _ARGON2ID.fullmatch(password_hash):
        memory, passes, lanes = (int(argon2[group]) for group in (1, 2, 3))
        sizes = 1 <= passes <= PASSES_MAX and 1 <= lanes <= LANES_MAX and 8 * lanes <= memory <= MEMORY_KIB_MAX
        return sizes and _octets(argon2[4]) >= 8 and _octets(argon2[5]) >= 16
    if sha512 := _SHA512_CRYPT.fullmatch(password_hash):
        return sha512[1] is None or 1000 <= int(sha512[1]) <= ROUNDS_MAX
    return False


def _octets(text: str) -> int:
    """Count the octets of unpadded base64; -1 where it is not the one way to write them."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return -1
    return len(data) if base64.b64encode(data).rstrip(b"=").decode() == text else -1

"""How commands end: the one table of exit codes. It loads nothing, so that help is there at once."""

from __future__ import annotations

FAILED, USAGE, NOT_FOUND, INVALID, CONFLICT, NOT_ALLOWED, OVER_LIMIT, NOT_YET, DIFFERS, TOO_MANY = range(1, 11)

EXIT_WORDS: dict[int, str] = {
    0: "done",
    FAILED: "failed",
    USAGE: "used wrongly",
    NOT_FOUND: "not found",
    INVALID: "invalid",
    CONFLICT: "conflict",
    NOT_ALLOWED: "not allowed",
    OVER_LIMIT: "over what contracts grant",
    NOT_YET: "not done in the time given to --wait",
    DIFFERS: "something differs (cis drift)",
    TOO_MANY: "tried too often",
}
EPILOG = "Exit codes: 0 done, 1 failed, 2 used wrongly; all of them: cis --help."
"""What the help of every command says of them."""


def exit_codes() -> str:
    """All exit codes in a sentence."""
    return "Exit codes: " + ", ".join(f"{code} {words}" for code, words in EXIT_WORDS.items()) + "."

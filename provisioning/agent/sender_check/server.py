"""The server that Postfix asks: one process, started as a user that can read the rows and nothing else.

Whatever goes wrong here ends the connection or puts the message off; Postfix then defers it (milter_default_action).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path

from provisioning.agent.adapters.mail_config import SENDER_CHECK_SOCKET
from provisioning.agent.sender_check.owners import owns
from provisioning.agent.sender_check.protocol import BadPacket, Conversation, Message, length_of
from provisioning.agent.sender_check.rules import refusal

_LATER = "451 4.7.1 Sprobuj pozniej / Try again later"
_IDLE_SECONDS = 600.0


def main() -> int:
    """Serve until the process is ended."""
    os.umask(0o117)
    SENDER_CHECK_SOCKET.unlink(missing_ok=True)
    asyncio.run(_serve(SENDER_CHECK_SOCKET))
    return 0


async def _serve(path: Path) -> None:
    server = await asyncio.start_unix_server(_converse, path)
    async with server:
        await server.serve_forever()


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    conversation = Conversation(judge)
    # Postfix went, keeps silent, or is not Postfix: it defers the message and begins anew.
    with suppress(BadPacket, OSError, asyncio.IncompleteReadError, TimeoutError):
        while not conversation.ended:
            head = await asyncio.wait_for(reader.readexactly(4), _IDLE_SECONDS)
            writer.write(conversation.answer(await reader.readexactly(length_of(head))))
            await writer.drain()
    writer.close()


def judge(message: Message) -> str:
    """Return the reply to a message: what cannot be looked up is put off."""
    try:
        return refusal(message, owns)
    except sqlite3.Error as error:
        sys.stderr.write(f"the rows cannot be read: {type(error).__name__}\n")
        return _LATER


if __name__ == "__main__":
    sys.exit(main())

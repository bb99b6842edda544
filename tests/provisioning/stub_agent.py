"""An agent for tests of the link: speaks the frames, and misbehaves when told to. Runs on a lab node, stdlib only."""

import json
import os
import struct
import sys
import time
from typing import Any

PROTOCOL = 0  # Set by the test that installs this.


def read() -> Any:
    head = sys.stdin.buffer.read(4)
    if not head:
        raise SystemExit(0)
    return json.loads(sys.stdin.buffer.read(struct.unpack(">I", head)[0]))


def write(message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    sys.stdout.buffer.write(struct.pack(">I", len(body)) + body)
    sys.stdout.buffer.flush()


while True:
    request = read()
    operation = request["op"]
    if operation == "hello":
        write({"ok": True, "protocol": PROTOCOL, "pid": os.getpid()})
    elif operation == "refuse":
        write({"ok": False, "error": "stale_fence", "message": "older"})
    elif operation == "sleep":
        time.sleep(request["seconds"])
        write({"ok": True, "pid": os.getpid()})
    elif operation == "noise":
        sys.stderr.write("n" * request["bytes"])
        sys.stderr.flush()
        write({"ok": True})
    elif operation == "die":
        sys.stderr.write("shot down")
        raise SystemExit(9)
    elif operation == "die later":
        write({"ok": True})
        raise SystemExit(9)
    elif operation == "half":
        sys.stdout.buffer.write(struct.pack(">I", 1000) + b'{"ok"')
        sys.stdout.buffer.flush()
        time.sleep(60)
    elif operation == "garbage":
        sys.stdout.buffer.write(b"HTTP/1.1 400 Bad Request\r\n")
        sys.stdout.buffer.flush()
        time.sleep(60)
    else:
        write({"ok": True, "pid": os.getpid(), "echo": request})

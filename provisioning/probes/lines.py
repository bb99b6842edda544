"""A line-based client connection with one deadline, the ground under the SMTP and IMAP probes.

The standard library's clients are not used: they write in small pieces, know no deadline over several replies and
cannot pipeline.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time

from provisioning.probes.findings import NotSeen, Reason

LINE_BYTES_MAX = 65_536
_CHUNK = 65_536


class ProbeError(Exception):
    """The probe cannot go on. ``code`` and ``message`` are those of the finding it becomes."""

    def __init__(self, code: Reason, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def finding(self) -> NotSeen:
        """Return what the caller of the probe is told."""
        return NotSeen(self.code, self.message)


class Deadline:
    """A moment after which nobody waits any longer."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that remain; raises ProbeError (``unreachable``) when none do."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise ProbeError("unreachable", "no answer in time")
        return left

    def passed(self) -> bool:
        """Tell whether the moment has come."""
        return time.monotonic() >= self._end


class PinnedTls:
    """TLS that trusts exactly one certificate (the one read at enrolment) and checks the host name."""

    def __init__(self, hostname: str, certificate_pem: str) -> None:
        self.hostname = hostname
        self._expected = ssl.PEM_cert_to_DER_cert(certificate_pem)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A certificate of a real authority is trusted by itself too, without its issuer.
        self._context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        self._context.load_verify_locations(cadata=certificate_pem)

    def wrap(self, plain: socket.socket) -> ssl.SSLSocket:
        """Do the handshake. Raises ProbeError (``tls``) for any other certificate."""
        try:
            wrapped = self._context.wrap_socket(plain, server_hostname=self.hostname)
        except (OSError, ValueError) as error:
            plain.close()
            raise ProbeError("tls", _words(error)) from error
        if wrapped.getpeercert(binary_form=True) != self._expected:
            wrapped.close()
            raise ProbeError("tls", "another certificate than at enrolment")
        return wrapped


class Connection:
    """Bytes out in one write, lines in. Every failure of the network is a ProbeError (``unreachable``)."""

    def __init__(self, address: str, port: int, deadline: Deadline) -> None:
        self.deadline = deadline
        self._unread = b""
        try:
            self._socket: socket.socket = socket.create_connection((address, port), timeout=deadline.left())
        except OSError as error:
            raise ProbeError("unreachable", _words(error)) from error
        # Without it each small write waits for the acknowledgement of the one before.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start_tls(self, tls: PinnedTls) -> None:
        """Go on encrypted. What was read ahead in clear is dropped (RFC 3207 4.2)."""
        self._unread = b""
        self._socket.settimeout(self.deadline.left())
        self._socket = tls.wrap(self._socket)

    def send(self, data: bytes) -> None:
        """Write all of ``data`` at once."""
        try:
            self._socket.settimeout(self.deadline.left())
            self._socket.sendall(data)
        except OSError as error:
            raise ProbeError("unreachable", _words(error)) from error

    def read_line(self) -> bytes:
        """Read one line, without its CRLF."""
        while b"\n" not in self._unread:
            if len(self._unread) > LINE_BYTES_MAX:
                raise ProbeError("protocol", "line too long")
            self._fill()
        line, _, self._unread = self._unread.partition(b"\n")
        return line.rstrip(b"\r")

    def read_exactly(self, size: int) -> bytes:
        """Read ``size`` bytes, as an IMAP literal wants it."""
        while len(self._unread) < size:
            self._fill()
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def close(self) -> None:
        """Let go of the socket; never raises."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _fill(self) -> None:
        try:
            self._socket.settimeout(self.deadline.left())
            data = self._socket.recv(_CHUNK)
        except OSError as error:
            raise ProbeError("unreachable", _words(error)) from error
        if not data:
            raise ProbeError("unreachable", "connection closed by the node")
        self._unread += data


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"{type(error).__name__}: {error}"

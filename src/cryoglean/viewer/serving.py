"""Serving the page on this machine alone."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from cryoglean.errors import UsageError
from cryoglean.viewer.api import build_app
from cryoglean.viewer.guard import Keys
from cryoglean.viewer.viewed_run import ViewedRun

LOOPBACK = "127.0.0.1"
"""The only address that is listened on."""


def serve(run: ViewedRun, *, port: int, ready: Callable[[int, Keys], None]) -> None:
    """Serve a run until Ctrl-C or SIGTERM.

    Parameters
    ----------
    run : ViewedRun
        What to serve.
    port : int
        Where to listen; 0 for any that is free.
    ready : callable
        Is told the port and the keys before the first request.

    Raises
    ------
    UsageError
        The port is taken, or may not be used.
    """
    keys = Keys()
    with _listening(port) as listener:
        ready(listener.getsockname()[1], keys)
        config = uvicorn.Config(
            build_app(run, keys),
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=2,
        )
        uvicorn.Server(config).run(sockets=[listener])


def _listening(port: int) -> socket.socket:
    # With the protocol named, asyncio sends small answers at once and not 40 ms later (Nagle's algorithm).
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise UsageError(f"--port {port}: {error.strerror}; leave it out to take one that is free") from None
    return listener

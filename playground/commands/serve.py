"""`serve`: the page and the API, with the processes that work beside them."""

import logging
import socket
import sys
from contextlib import ExitStack

import uvicorn

from playground.parts import make_parts
from playground.settings import Settings
from playground.supervisor import Supervisor

log = logging.getLogger(__name__)

INSPECTOR = "playground.inspector"
TRANSCRIBER = "playground.transcriber"
WORKER = "playground.worker"


def serve(settings: Settings, *, with_worker: bool) -> int:
    """Serve until interrupted; gives the exit status."""
    if not settings.is_loopback:
        print(
            f"{settings.host} is reachable by others, and there are no keys yet: only 127.0.0.1, localhost or ::1.",
            file=sys.stderr,
        )
        return 2
    try:
        listener = listen(settings)
    except OSError as error:
        print(
            f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}). "
            "Choose another one with --port.",
            file=sys.stderr,
        )
        return 2
    from playground import wizard
    from playground.api.app import create_api

    parts = make_parts(settings)
    app = wizard.mount(create_api(parts), parts)
    host, port = listener.getsockname()[:2]
    modules = [INSPECTOR, TRANSCRIBER, *([WORKER] if with_worker else [])]
    with ExitStack() as stack:
        stack.enter_context(Supervisor(modules, parts.settings))
        stack.callback(parts.speech_process.close)
        print(f"Voice Playground: http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=3))
        server.run(sockets=[listener])
    return 0


def listen(settings: Settings) -> socket.socket:
    """Take the port before anything else is made, so that a second start says at once that it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With the protocol named, asyncio sends small packets at once; else each answer waits 40 ms for its second.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener

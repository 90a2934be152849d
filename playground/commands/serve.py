"""`serve`: the page and the API, with the processes that work beside them."""

import signal
import socket
import sys
from contextlib import ExitStack
from typing import Any

import uvicorn

from playground.courier import Courier
from playground.parts import make_parts
from playground.processes import leave
from playground.rehearsal import Rehearsal
from playground.settings import Settings
from playground.supervisor import Supervisor

INSPECTOR = "playground.inspector"
TRANSCRIBER = "playground.transcriber"
WORKER = "playground.worker"
NO_KEY = (
    "{host} asks for a key, and there is none for everything yet. Make one first:\n"
    "  app.py keys create --name NAME --data-dir {data_dir}"
)
NO_ENCRYPTION = (
    "Keys, recordings and speech travel unencrypted: give --ssl-certfile and --ssl-keyfile, or put a proxy in front."
)


def serve(settings: Settings, *, with_worker: bool) -> int:
    """Serve until interrupted; gives the exit status."""
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
    parts.accounts.grant()
    if parts.access.needs_key and not parts.keys.can_be_managed():
        listener.close()
        print(NO_KEY.format(host=settings.host, data_dir=settings.data_dir), file=sys.stderr)
        return 2
    if not settings.is_loopback and settings.ssl_certfile is None:
        print(NO_ENCRYPTION, file=sys.stderr)
    app = wizard.mount(create_api(parts), parts)
    host, port = listener.getsockname()[:2]
    modules = [INSPECTOR, TRANSCRIBER, *([WORKER] if with_worker else [])]
    signal.signal(signal.SIGTERM, leave)  # which uvicorn raises again when it has stopped
    with ExitStack() as stack:
        stack.enter_context(Supervisor(modules, parts.settings))
        stack.enter_context(Courier(parts.webhooks))
        stack.callback(parts.speech_process.close)
        stack.callback(parts.recognition_process.close)
        rehearsal = Rehearsal(parts.speech_process, settings.weights)
        stack.callback(rehearsal.call_off)
        rehearsal.begin()
        scheme = "https" if settings.ssl_certfile else "http"
        print(f"Voice Playground: {scheme}://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
        uvicorn.Server(_config(app, settings)).run(sockets=[listener])
    return 0


def _config(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        timeout_graceful_shutdown=3,
        ssl_certfile=settings.ssl_certfile,
        ssl_keyfile=settings.ssl_keyfile,
    )


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

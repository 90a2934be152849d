"""The API for tests: in process, and behind a real server for the official SDK."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import gradio
import uvicorn
from cartesia import Cartesia
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from playground.api.app import create_api
from playground.parts import Parts, make_parts
from playground.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[Parts]:
    """All use cases, and an end to the processes that they have started."""
    parts = make_parts(settings)
    yield parts
    parts.speech_process.close()
    parts.recognition_process.close()


def api_of(parts: Parts) -> TestClient:
    """The API in process; what it does not expect is answered as a server would, not raised."""
    return TestClient(create_api(parts), base_url="http://127.0.0.1", raise_server_exceptions=False)


def with_page(parts: Parts, *, socket_path: str) -> FastAPI:
    """The API with what is mounted behind it: a socket that says hello, and a page."""
    app = create_api(parts)

    @app.websocket(socket_path)
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    return gradio.mount_gradio_app(app, _page(), path="/")


@cache
def _page() -> gradio.Blocks:
    """The same for all: to make one takes longer than to mount it."""
    with gradio.Blocks() as page:
        gradio.Markdown("# The page")
    return page


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The app behind a real server on a free port; gives its base URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def socket_url(url: str) -> str:
    """The same place for WebSockets."""
    return url.replace("http", "ws", 1)


@contextmanager
def sdk_of(parts: Parts, *, key: str = "any") -> Iterator[Cartesia]:
    """The official client, which checks every answer, against a real server."""
    with (
        served(create_api(parts)) as url,
        Cartesia(
            api_key=key, base_url=url, websocket_base_url=socket_url(url), _strict_response_validation=True
        ) as sdk,
    ):
        yield sdk

"""kokoro-onnx behind HTTP, to be measured beside the playground: the least that streams, in a process of its own.

    python -m bench.kokoro_onnx_server

Answers `POST /tts/bytes` with raw float samples as `Kokoro.create_stream` gives them, up to 510 phonemes at a time. The
model is an int8 export with the inputs that kokoro-onnx wants, joined from the packages that the playground's weights
come from too; the voice is the one of the playground's example. What else a request names is not looked at.
"""

import socket
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import uvicorn
from kokoro_onnx import Kokoro
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from model.engines.kokoro import weights
from model.engines.kokoro.styles import stock_style

VOICE = "af_heart"


def load(folder: Path) -> Kokoro:
    """kokoro-onnx with its two files, which are written to `folder`."""
    model, voices = folder / "kokoro-v1.0.int8.onnx", folder / "voices.npz"
    with model.open("wb") as file:
        for package in weights.PACKAGES:
            file.write((resources.files(package.replace("-", "_")) / "part.bin").read_bytes())
    np.savez(voices, af_heart=stock_style(VOICE)[None, None])  # (lengths, 1, 256): one style for texts of any length
    return Kokoro(str(model), str(voices))


def app_of(kokoro: Kokoro) -> Starlette:
    """Its only address."""

    async def raw(text: str) -> AsyncIterator[bytes]:
        async for waveform, _ in kokoro.create_stream(text, VOICE):
            yield waveform.astype("<f4").tobytes()

    async def speak(request: Request) -> StreamingResponse:
        return StreamingResponse(raw((await request.json())["transcript"]), media_type="audio/pcm")

    return Starlette(routes=[Route("/tts/bytes", speak, methods=["POST"])])


def main() -> None:
    """Serve on a free port until ended; prints the URL once the model is loaded."""
    with socket.socket() as listener, TemporaryDirectory() as folder:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        app = app_of(load(Path(folder)))
        print(f"kokoro-onnx: http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()

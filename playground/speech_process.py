"""The process that holds models and speaks, and the handle by which others use it.

It starts with the first request, keeps the last models loaded, and is started anew after it has died.
"""

import logging
import multiprocessing
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.devices import Device
from model.errors import ModelError
from model.files import written_aside
from playground.processes import give_memory_back
from playground.services.errors import SpeechUnavailable

if TYPE_CHECKING:
    from model.engines.protocol import Engine, SpeechModel, Style, Waveform

log = logging.getLogger(__name__)

MODELS_KEPT = 16
"""Those of one base model share its weights: each takes little more than what it remembers of its voices."""
_END = "end"


@dataclass(frozen=True, kw_only=True)
class VoiceSource:
    """Which weights speak, and in which style: a saved one, a stock one, or the one of a reference clip.

    `strength` stands in for the one that the fine-tune in `folder` has.
    """

    model_id: str
    folder: Path | None = None
    strength: float | None = None
    style_path: Path | None = None
    stock_name: str = ""
    reference_path: Path | None = None
    reference_text: str = ""


@dataclass(frozen=True, kw_only=True)
class SpeakingAs:
    """A text to speak phrase by phrase."""

    source: VoiceSource
    text: str
    language: str
    speed: float = 1.0


@dataclass(frozen=True, kw_only=True)
class StyleOf:
    """The style that a model makes of a clip."""

    source: VoiceSource
    language: str


class SpeechProcess:
    """Handle of the process; one request at a time, others wait their turn."""

    def __init__(self, weights_dir: Path, *, device: Device = "auto") -> None:
        self._weights_dir = weights_dir
        self._device: Device = device
        self._turn = threading.Lock()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def speak(self, request: SpeakingAs) -> "Iterator[Waveform]":
        """Waveforms at 24 kHz as they come. Closing the iterator early stops the work.

        Raises SpeechUnavailable when the process dies, and the engine's own ModelErrors.
        """
        yield from self._answers(request)

    def style(self, request: StyleOf) -> "Style":
        """The style of a reference clip, shape (style_size,)."""
        return next(iter([*self._answers(request)]))

    @property
    def pid(self) -> int | None:
        """The process's id, while it lives."""
        return self._process.pid if self._process and self._process.is_alive() else None

    def close(self) -> None:
        """End the process."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.terminate()
            self._process.join()
        self._process = self._connection = None

    def _answers(self, request: SpeakingAs | StyleOf) -> Iterator[Any]:
        with self._turn:
            connection = self._started()
            is_ended = False
            try:
                connection.send(request)
                while True:
                    kind, value = connection.recv()
                    is_ended = kind != "chunk"
                    if kind == "error":
                        raise value
                    if is_ended:
                        return
                    yield value
            except (EOFError, OSError) as error:
                is_ended = True
                self.close()
                raise SpeechUnavailable("The speech process ended unexpectedly. Please try again.") from error
            finally:
                if not is_ended:
                    self._stop(connection)

    def _started(self) -> Connection:
        if self._connection is None or self.pid is None:
            self.close()
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(theirs, self._weights_dir, self._device), name="speech", daemon=True
            )
            self._process.start()
            theirs.close()
        return self._connection

    def _stop(self, connection: Connection) -> None:
        """Tell the process to stop speaking, and read away what it had sent already."""
        try:
            connection.send(_END)
            while connection.recv()[0] == "chunk":
                pass
        except (EOFError, OSError):
            self.close()


def _serve(connection: Connection, weights_dir: Path, device: Device) -> None:
    """The process: a request, its chunks, an end; until the other side is gone."""
    models = _Models(weights_dir, device)
    while True:
        try:
            request = connection.recv()
            if request == _END:
                continue
            connection.send(_answer(connection, models, request))
        except (EOFError, ConnectionError):
            return


def _answer(connection: Connection, models: "_Models", request: SpeakingAs | StyleOf) -> tuple[str, Any]:
    try:
        for chunk in models.answers(request):
            connection.send(("chunk", chunk))
            give_memory_back()
            if connection.poll():
                break
    except ModelError as error:
        return "error", error
    except ConnectionError:
        raise
    except Exception as error:
        log.exception("speaking failed")
        return "error", SpeechUnavailable(f"Speaking failed: {type(error).__name__}. The log says more.")
    return _END, None


class _Models:
    """The models that were used last."""

    def __init__(self, weights_dir: Path, device: Device) -> None:
        self._weights_dir = weights_dir
        self._device: Device = device
        self._engines: dict[str, Engine] = {}
        self._loaded: OrderedDict[tuple[str, Path | None, float | None], SpeechModel] = OrderedDict()

    def answers(self, request: SpeakingAs | StyleOf) -> Iterator[Any]:
        model = self._model(request.source)
        if isinstance(request, StyleOf):
            yield _style_of(model, request.source, request.language)
        else:
            style = self._style(model, request.source, request.language)
            yield from model.synthesize(request.text, style=style, language=request.language, speed=request.speed)

    def _model(self, source: VoiceSource) -> "SpeechModel":
        key = (source.model_id, source.folder, source.strength)
        if key not in self._loaded:
            from model import base_models

            while len(self._loaded) >= MODELS_KEPT:
                self._loaded.popitem(last=False)
            base = base_models.resolve(source.model_id)
            if base.id not in self._engines:
                engine = base_models.make_engine(base, self._weights_dir, device=self._device)
                engine.prepare_weights()
                self._engines[base.id] = engine
            self._loaded[key] = self._engines[base.id].load(source.folder, strength=source.strength)
        self._loaded.move_to_end(key)
        return self._loaded[key]

    def _style(self, model: "SpeechModel", source: VoiceSource, language: str) -> "Style":
        if source.style_path is not None:
            return read_style(source.style_path)
        if source.stock_name:
            return model.stock_style(source.stock_name)
        return _style_of(model, source, language)


def _style_of(model: "SpeechModel", source: VoiceSource, language: str) -> "Style":
    from model.audio import read_wav
    from model.engines.protocol import TrainingClip

    if source.reference_path is None:
        raise ValueError("a voice has a style, a stock name or a reference clip")
    waveform, sample_rate = read_wav(source.reference_path)
    clip = TrainingClip(
        id=source.reference_path.stem,
        path=source.reference_path,
        transcript=source.reference_text,
        duration_seconds=len(waveform) / sample_rate,
    )
    return model.style_of(clip, language=language)


def read_style(path: Path) -> "Style":
    """A style that `write_style` has written; raises WeightsUnavailable when it is broken."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    from model.errors import WeightsUnavailable

    try:
        return load_file(path)["style"]
    except (SafetensorError, OSError, KeyError) as error:
        raise WeightsUnavailable(
            f"The style of this voice cannot be read ({path.name}). Train the clone again."
        ) from error


def write_style(path: Path, style: "Style") -> None:
    """Write a style aside and rename it."""
    from safetensors.numpy import save_file

    with written_aside(path) as part:
        save_file({"style": style}, part)

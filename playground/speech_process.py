"""The process that holds models and speaks, and the handle by which others use it. It keeps the last models loaded."""

from collections import OrderedDict
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.devices import Device
from model.files import written_aside
from playground.work_process import WorkProcess

if TYPE_CHECKING:
    from model.engines.protocol import Engine, SpeechModel, Stretch, Style, Waveform

MODELS_KEPT = 16
"""Those of one base model share its weights: each takes little more than what it remembers of its voices."""


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
    """Handle of the process; texts that are asked for at the same time are spoken in turns, a stretch of each."""

    def __init__(self, weights_dir: Path, *, device: Device = "auto") -> None:
        self._work = WorkProcess("speech", _Models, weights_dir, device)

    def stretches(self, request: SpeakingAs) -> "Generator[Stretch]":
        """Speech at 24 kHz as it comes. Closing the iterator early stops the work before the next stretch.

        Raises SpeechUnavailable when the process dies, and the engine's own ModelErrors.
        """
        return self._work.answers(request)

    def speak(self, request: SpeakingAs) -> "Iterator[Waveform]":
        """The same, without its times."""
        with closing(self.stretches(request)) as stretches:
            for stretch in stretches:
                yield stretch.waveform

    def style(self, request: StyleOf) -> "Style":
        """The style of a reference clip, shape (style_size,)."""
        return next(iter([*self._work.answers(request)]))

    @property
    def pid(self) -> int | None:
        """The process's id, while it lives."""
        return self._work.pid

    def close(self) -> None:
        """End the process."""
        self._work.close()


class _Models:
    """Answers requests with the models that were used last."""

    def __init__(self, weights_dir: Path, device: Device) -> None:
        self._weights_dir = weights_dir
        self._device: Device = device
        self._engines: dict[str, Engine] = {}
        self._loaded: OrderedDict[tuple[str, Path | None, float | None], SpeechModel] = OrderedDict()

    def __call__(self, request: SpeakingAs | StyleOf) -> Iterator[Any]:
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
            f"The style of this voice cannot be read ({path.name}). Make the voice again."
        ) from error


def write_style(path: Path, style: "Style") -> None:
    """Write a style aside and rename it."""
    from safetensors.numpy import save_file

    with written_aside(path) as part:
        save_file({"style": style}, part)

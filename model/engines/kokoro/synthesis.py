"""Speaking: text and style -> waveforms with the times of their words, a stretch at a time, the first one soon."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from model.engines.kokoro import phonemes, symbols
from model.engines.kokoro.decoder import SAMPLE_RATE
from model.engines.kokoro.layers import NormMemory
from model.engines.kokoro.network import LATE_FRAMES, SAMPLES_PER_FRAME, Network
from model.engines.kokoro.timing import WordFinder, times_of
from model.engines.protocol import Stretch

if TYPE_CHECKING:
    from model.engines.protocol import Style, Waveform

PAUSE_SECONDS, SHORT_PAUSE_SECONDS = 0.25, 0.1
FADE_SECONDS = 0.02
SPEEDS = (0.5, 2.0)
# Levels above the first are pressed together so that none passes the second.
LOUD, LOUDEST = 0.8, 0.97
_LEAD_FRAMES, _TAIL_FRAMES = 2, 6
_MOMENT = SAMPLE_RATE // 100
_FIRST_FRAMES, _MOST_FRAMES = 20, 90
"""Half a second first, then three times as much each time: the next is ready, or all but, before this is heard."""


def speak(
    network: Callable[[], Network],
    text: str,
    *,
    style: "Style",
    language: str,
    speed: float = 1.0,
    memory: NormMemory,
    lead_frames: int | None = None,
    melody: float = 1.0,
) -> Iterator[Stretch]:
    """Stretches at 24 kHz, up to 3.4 s each; a short pause goes before every phrase but the first.

    `network` gives the network with the voice's weights, which others may use between two stretches. `memory` is what
    the voice has said before; while it is empty, the first stretch is a long one to learn from. `lead_frames` bounds
    the silence in which a phrase begins, `melody` widens its melody, see `Network.read`.
    """
    import torch

    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise ValueError(f"speed must lie between {SPEEDS[0]} and {SPEEDS[1]}, not {speed}")
    style_tensor = torch.from_numpy(np.asarray(style, dtype=np.float32))
    pause = np.zeros(0, dtype=np.float32)
    words = WordFinder(text, language)
    frames = _FIRST_FRAMES if memory else _MOST_FRAMES
    for phrase in phonemes.phrases_of(text, language):
        ids = torch.tensor(symbols.ids_of(phrase))
        reading = network().read(ids, style_tensor, speed=speed, lead_frames=lead_frames, melody=melody)
        durations = reading.durations.tolist()
        start, end = spoken_frames(durations, phrase)
        # The base needs its silence: before a phrase it does not hum.
        closure = range(0) if lead_frames is None else closure_of(durations, phrase, start)
        place = start
        while place < end:
            after = place + frames if end - place > 1.5 * frames else end
            waveform = limited(network().render(reading, place, after, memory).cpu().numpy())
            if after == end:
                waveform = ended(waveform)
            if place == start:
                waveform = begun(waveform, closure=closure)
                times = times_of(phrase, words.find(phrase), durations, (start, end), len(pause) / SAMPLE_RATE)
                yield Stretch(waveform=np.concatenate([pause, waveform]), words=times[0], phonemes=times[1])
            else:
                yield Stretch(waveform=waveform)
            place, frames = after, min(_MOST_FRAMES, 3 * frames)
        seconds = PAUSE_SECONDS if phrase[-1] in symbols.SENTENCE_ENDS else SHORT_PAUSE_SECONDS
        pause = np.zeros(int(seconds / speed * SAMPLE_RATE), dtype=np.float32)


def spoken_frames(durations: list[int], phrase: str) -> tuple[int, int]:
    """First and last frame of what is heard: without the silence before the first symbol and the hum after the last.

    `durations (symbols + 2,)` are the frames of `phrase` and of the padding around it.
    """
    closing = len(phrase) - len(phrase.rstrip("".join(symbols.PAUSES)))
    last_sound = sum(durations[: len(phrase) + 1 - closing])
    end = min(last_sound + _TAIL_FRAMES, sum(durations[:-1]) + LATE_FRAMES, sum(durations))
    return max(0, durations[0] - LATE_FRAMES - _LEAD_FRAMES), end


def closure_of(durations: list[int], phrase: str, start: int) -> range:
    """Frames from `start` on that hold the closure of the plosive that begins a phrase; none where another sound does.

    Up to its middle: what is before the plosive is silence, in which a fine-tune may hum.
    """
    first = next((place for place, symbol in enumerate(phrase) if symbol not in symbols.SOUNDLESS), None)
    if first is None or phrase[first] not in symbols.PLOSIVES:
        return range(0)
    plosive = max(0, sum(durations[: first + 1]) - LATE_FRAMES - start)
    return range(plosive, plosive + (durations[first + 1] + 1) // 2)


def limited(waveform: "Waveform") -> "Waveform":
    """Peaks pressed below 0.97; what is below 0.8 stays as it is."""
    room = LOUDEST - LOUD
    over = np.abs(waveform) - LOUD
    pressed = np.sign(waveform) * (LOUD + room * np.tanh(np.maximum(over, 0) / room))
    return np.where(over > 0, pressed, waveform).astype(np.float32)


def begun(waveform: "Waveform", *, closure: range = range(0)) -> "Waveform":
    """Faded in over 20 ms. Before a `closure`, given in frames, is silence, up to its quietest 10 ms, which fade in:
    "compra" was heard as "e compra"."""
    around = waveform[closure.start * SAMPLES_PER_FRAME : closure.stop * SAMPLES_PER_FRAME]
    if len(around) < _MOMENT:
        return _rising(waveform, int(FADE_SECONDS * SAMPLE_RATE))
    power = np.lib.stride_tricks.sliding_window_view(around**2, _MOMENT).mean(axis=-1)
    quietest = closure.start * SAMPLES_PER_FRAME + int(power.argmin())
    waveform[:quietest] = 0
    _rising(waveform[quietest:], _MOMENT)
    return waveform


def ended(waveform: "Waveform") -> "Waveform":
    """Faded out over 20 ms."""
    return _rising(waveform[::-1], int(FADE_SECONDS * SAMPLE_RATE))[::-1]


def _rising(waveform: "Waveform", samples: int) -> "Waveform":
    """Faded in, in place, over half of it at most."""
    fade = min(samples, len(waveform) // 2)
    waveform[:fade] *= np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    return waveform

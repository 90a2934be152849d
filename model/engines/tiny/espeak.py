"""Speech of espeak-ng through ctypes: text and knobs in, a waveform and its events out. Knows nothing of speakers.

The constants are those of `speak_lib.h` of espeak-ng 1.52.
"""

import ctypes
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from model.errors import WeightsUnavailable

if TYPE_CHECKING:
    from model.engines.protocol import Waveform

SAMPLE_RATE = 24000
WOMAN = "en-us+f2"
MAN = "en-us"

RATE_LIMITS = (80, 450)
PITCH_LIMITS = (0, 100)
RANGE_LIMITS = (0, 100)

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_INITIALIZE_IPA_PHONEME_EVENTS = 0x0003
_EVENT_WORD, _EVENT_PHONEME = 1, 7
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_PARAMETER_RATE, _PARAMETER_PITCH, _PARAMETER_RANGE = 1, 3, 4
_OK = 0


class _RawEvent(ctypes.Structure):
    """`espeak_EVENT`; its union's eight bytes are read as the name of a phoneme."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("string", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_RawEvent))


@dataclass(frozen=True, kw_only=True)
class Event:
    """A phoneme (IPA, with stress) of the word about `position` begins; empty where a word or a pause begins."""

    seconds: float
    position: int
    phoneme: str


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """How espeak-ng speaks: words a minute, and pitch and pitch range from 0 to 100 with 50 in the middle."""

    rate: int = 175
    pitch: int = 50
    range: int = 50

    def __post_init__(self) -> None:
        limits = {"rate": RATE_LIMITS, "pitch": PITCH_LIMITS, "range": RANGE_LIMITS}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be from {low} to {high}, not {value}")


class Espeak:
    """One espeak-ng with a state of its own.

    The library keeps its state in globals, so each object loads a private copy of it, as phonemizer does:
    neither disturbs the other. A lock keeps threads apart. WeightsUnavailable when it cannot be loaded.
    """

    def __init__(self) -> None:
        self._library = _load_private_copy()
        self._sample_rate = _initialize(self._library)
        self._lock = threading.Lock()
        self._chunks: list[bytes] = []
        self._events: list[Event] = []
        self._callback = _make_callback(self._chunks, self._events)
        self._library.espeak_SetSynthCallback(self._callback)
        weakref.finalize(self, self._library.espeak_Terminate)

    def speak(self, text: str, *, voice: str, knobs: Knobs | None = None) -> "Waveform":
        """Speak `text` at 24 kHz: float32, shape (samples,); a few zeros when there is nothing to say."""
        return self.speak_with_events(text, voice=voice, knobs=knobs)[0]

    def speak_with_events(self, text: str, *, voice: str, knobs: Knobs | None = None) -> "tuple[Waveform, list[Event]]":
        """The same, and when its words and phonemes begin."""
        import numpy as np
        import soxr

        with self._lock:
            pcm = np.frombuffer(self._render(text, voice=voice, knobs=knobs or Knobs()), np.int16)
            events = [*self._events]
        waveform = pcm.astype(np.float32) / 32768
        return soxr.resample(waveform, self._sample_rate, SAMPLE_RATE), events

    def _render(self, text: str, *, voice: str, knobs: Knobs) -> bytes:
        self._chunks.clear()
        self._events.clear()
        library = self._library
        if library.espeak_SetVoiceByName(voice.encode()) != _OK:
            raise WeightsUnavailable(f"espeak-ng has no voice {voice!r}: reinstall espeakng-loader")
        library.espeak_SetParameter(_PARAMETER_RATE, knobs.rate, 0)
        library.espeak_SetParameter(_PARAMETER_PITCH, knobs.pitch, 0)
        library.espeak_SetParameter(_PARAMETER_RANGE, knobs.range, 0)
        encoded = text.replace("\0", " ").encode(errors="ignore")
        size = len(encoded) + 1
        status = library.espeak_Synth(encoded, size, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        if status != _OK:
            raise WeightsUnavailable(f"espeak-ng could not speak (error {status}): reinstall espeakng-loader")
        return b"".join(self._chunks)


def _load_private_copy() -> ctypes.CDLL:
    """Load a copy of the library from a temporary folder; an open library outlives its file."""
    import espeakng_loader

    source = Path(espeakng_loader.get_library_path())
    with tempfile.TemporaryDirectory(prefix="espeak-", ignore_cleanup_errors=True) as folder:
        try:
            copy = shutil.copy(source, folder)
            library = ctypes.CDLL(str(copy))
        except OSError as error:
            raise WeightsUnavailable(
                f"the speech library of espeak-ng cannot be loaded ({error}): "
                f"make room in {tempfile.gettempdir()}, or reinstall espeakng-loader"
            ) from error
    c_text, c_int, c_uint = ctypes.c_char_p, ctypes.c_int, ctypes.c_uint
    library.espeak_Initialize.argtypes = [c_int, c_int, c_text, c_int]
    library.espeak_SetVoiceByName.argtypes = [c_text]
    library.espeak_SetParameter.argtypes = [c_int, c_int, c_int]
    library.espeak_SetSynthCallback.argtypes = [_Callback]
    library.espeak_SetSynthCallback.restype = None
    library.espeak_Synth.argtypes = [
        c_text,
        ctypes.c_size_t,
        c_uint,
        c_int,
        c_uint,
        c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    return library


def _initialize(library: ctypes.CDLL) -> int:
    """Start the library on its data; returns its sample rate in Hz."""
    import espeakng_loader

    # get_data_path raises RuntimeError when the folder is missing
    try:
        data_path = espeakng_loader.get_data_path()
    except RuntimeError as error:
        raise WeightsUnavailable("the data of espeak-ng is missing: reinstall espeakng-loader") from error
    sample_rate: int = library.espeak_Initialize(
        _AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path.encode(), _INITIALIZE_DONT_EXIT | _INITIALIZE_IPA_PHONEME_EVENTS
    )
    if sample_rate <= 0:
        raise WeightsUnavailable(f"espeak-ng cannot read its data in {data_path}: reinstall espeakng-loader")
    return sample_rate


def _make_callback(chunks: list[bytes], events: list[Event]) -> "ctypes._FuncPointer":
    """The function that espeak-ng hands its 16-bit PCM and events to; it appends them to the lists."""

    def collect(pcm: int | None, samples: int, raw: "ctypes._Pointer[_RawEvent]") -> int:
        if pcm and samples > 0:
            chunks.append(ctypes.string_at(pcm, 2 * samples))
        for event in takewhile(lambda event: event.type, cast("Iterable[_RawEvent]", raw or ())):
            if event.type in (_EVENT_WORD, _EVENT_PHONEME):
                phoneme = event.string.decode(errors="ignore") if event.type == _EVENT_PHONEME else ""
                seconds = event.audio_position / 1000
                events.append(Event(seconds=seconds, position=event.text_position - 1, phoneme=phoneme))
        return 0

    return _Callback(collect)

"""A sentence that nobody hears, so that the first one that somebody waits for comes as soon as all others.

It converts the weights and compiles what computes with them: some 20 s, once for each version of the code.
"""

import logging
import threading
from contextlib import suppress
from pathlib import Path

import model
from model.base_models import production_model
from model.errors import ModelError
from model.files import version_of
from model.sentences import TEST_SENTENCES
from playground.services.errors import SpeechUnavailable
from playground.speech_process import SpeakingAs, SpeechProcess, VoiceSource

log = logging.getLogger(__name__)

_STAMPS = "rehearsed-"


class Rehearsal:
    """Begun when a server starts, and over when it stops; a file beside the weights tells that it has been held."""

    def __init__(self, speech: SpeechProcess, weights: Path) -> None:
        self._speech = speech
        self._weights = weights
        self._stamp = weights / f"{_STAMPS}{_code_hash()}"
        self._is_called_off = False

    @property
    def is_due(self) -> bool:
        """Whether this code has not spoken with these weights before."""
        return not self._stamp.exists()

    def begin(self) -> None:
        """Speak in the background, if that is due."""
        if self.is_due:
            threading.Thread(target=self._speak, name="rehearsal", daemon=True).start()

    def call_off(self) -> None:
        """The process that speaks is about to end: that is no fault."""
        self._is_called_off = True

    def _speak(self) -> None:
        base = production_model()
        voice = base.stock_voices[0]
        source = VoiceSource(model_id=base.id, stock_name=voice.name)
        text = TEST_SENTENCES[voice.language][0]
        try:
            for _ in self._speech.speak(SpeakingAs(source=source, text=text, language=voice.language)):
                pass
        except (ModelError, SpeechUnavailable) as error:
            if not self._is_called_off:
                log.warning("The voices could not be made ready: %s", error)
            return
        log.info("The voices are ready to speak")
        with suppress(OSError):  # where nothing may be written, the next start rehearses again
            for former in self._weights.glob(f"{_STAMPS}*"):
                former.unlink(missing_ok=True)
            self._stamp.touch()


def _code_hash() -> str:
    """Of the package `model`: what has changed there may have to be compiled anew."""
    return version_of(Path(model.__file__ or "").parent.rglob("*.py"))

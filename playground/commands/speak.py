"""`speak`: a text in a voice, into a file."""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.encoding import CONTAINERS, SAMPLE_RATE, EncodedFormat, encode
from model.files import written_aside
from playground.parts import Parts, make_parts
from playground.services.errors import Refused
from playground.services.speech_plan import SpeechPlan, SpeechRequest
from playground.settings import Settings


def speak(settings: Settings, *, voice_id: str, model_id: str, text: str, out: Path) -> int:
    """Write the speech aside and rename it; gives the exit status."""
    container = out.suffix.lower().lstrip(".")
    if container not in CONTAINERS:
        raise Refused(f"The file's ending says the format: one of {', '.join(CONTAINERS)}, not {out.suffix!r}.")
    parts = make_parts(settings)
    plan = parts.speech.plan(SpeechRequest(voice_id=voice_id, text=text, model_id=model_id))
    if plan.fine_tuned is False:
        print(f"Note: {plan.base.id} is not the clone's own model; the base model speaks.", file=sys.stderr)
    if out.is_dir():
        raise Refused(f"{out} is a folder. Name a file in it.")
    if out.parent.exists() and not out.parent.is_dir():
        raise Refused(f"{out.parent} is a file, not a folder.")
    try:
        with written_aside(out) as part:
            part.touch()  # what cannot be written is told before anything is spoken and charged
            waveform = _spoken(parts, plan)
            part.write_bytes(encode(waveform, SAMPLE_RATE, EncodedFormat(container=container)))
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror or error}. Choose another place with -o.") from error
    print(f"{out}: {len(waveform) / SAMPLE_RATE:.1f} s, {plan.credits:g} credits, {plan.base.id}")
    return 0


def _spoken(parts: Parts, plan: SpeechPlan) -> NDArray[np.float32]:
    try:
        return np.concatenate([*parts.speech.stream(plan)])
    finally:
        parts.speech_process.close()

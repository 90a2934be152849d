"""`speak`: a text in a voice, into a file."""

import sys
from pathlib import Path

import numpy as np

from model.encoding import CONTAINERS, EncodedFormat, encode
from model.files import written_aside
from playground.parts import make_parts
from playground.services.errors import Refused
from playground.services.speech import SAMPLE_RATE, SpeechRequest
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
    try:
        waveform = np.concatenate([*parts.speech.stream(plan)])
    finally:
        parts.speech_process.close()
    with written_aside(out) as part:
        part.write_bytes(encode(waveform, SAMPLE_RATE, EncodedFormat(container=container)))
    print(f"{out}: {len(waveform) / SAMPLE_RATE:.1f} s, {plan.credits:g} credits, {plan.base.id}")
    return 0

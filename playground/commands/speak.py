"""`speak`: a text in a voice, into a file."""

import sys
from pathlib import Path

import numpy as np

from playground.parts import make_parts
from playground.services.speech import SAMPLE_RATE, SpeechRequest
from playground.settings import Settings


def speak(settings: Settings, *, voice_id: str, model_id: str, text: str, out: Path) -> int:
    """Write the speech aside and rename it; gives the exit status."""
    from model.encoding import encode

    parts = make_parts(settings)
    plan = parts.speech.plan(SpeechRequest(voice_id=voice_id, text=text, model_id=model_id))
    if plan.fine_tuned is False:
        print(f"Note: {plan.base.id} is not the clone's own model; the base model speaks.", file=sys.stderr)
    try:
        waveform = np.concatenate([*parts.speech.stream(plan)])
    finally:
        parts.speech_process.close()
    aside = out.with_name(out.name + ".part")
    aside.write_bytes(encode(waveform, SAMPLE_RATE, container=out.suffix.lstrip(".") or "wav"))
    aside.replace(out)
    print(f"{out}: {len(waveform) / SAMPLE_RATE:.1f} s, {plan.credits:g} credits, {plan.base.id}")
    return 0

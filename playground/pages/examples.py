"""Code that is ready to paste: speaking with a voice over the API."""

import json

from playground.pages.markup import code

TEXT = "Nice to meet you."


def speaking(*, origin: str, voice_id: str, model_id: str) -> str:
    """curl and the Python SDK, with the address and ids of here."""
    return code("curl", curl(origin=origin, voice_id=voice_id, model_id=model_id)) + code(
        "Python (pip install cartesia)", python(origin=origin, voice_id=voice_id, model_id=model_id)
    )


def curl(*, origin: str, voice_id: str, model_id: str) -> str:
    body = {
        "model_id": model_id,
        "transcript": TEXT,
        "voice": {"mode": "id", "id": voice_id},
        "output_format": {"container": "wav", "encoding": "pcm_s16le", "sample_rate": 24000},
    }
    return (
        f"curl {origin}/tts/bytes -o hello.wav \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d '{json.dumps(body, indent=2)}'"
    )


def python(*, origin: str, voice_id: str, model_id: str) -> str:
    return (
        "from cartesia import Cartesia\n\n"
        f'client = Cartesia(api_key="local", base_url="{origin}")\n'
        "speech = client.tts.generate(\n"
        f'    model_id="{model_id}",\n'
        f'    transcript="{TEXT}",\n'
        f'    voice={{"mode": "id", "id": "{voice_id}"}},\n'
        '    output_format={"container": "wav", "encoding": "pcm_s16le", "sample_rate": 24000},\n'
        ")\n"
        'speech.write_to_file("hello.wav")'
    )


def cloning(*, origin: str, model_id: str) -> str:
    """The way from recordings to a clone, as a program goes it."""
    return code("Clone with curl", _clone_with_curl(origin, model_id))


def _clone_with_curl(origin: str, model_id: str) -> str:
    return (
        f"curl {origin}/datasets -H 'Content-Type: application/json' \\\n"
        '  -d \'{"name": "My recordings", "description": ""}\'\n'
        f"curl {origin}/datasets/DATASET_ID/files -F purpose=fine_tune -F file=@recording.wav\n"
        f"curl {origin}/fine-tunes -H 'Content-Type: application/json' \\\n"
        '  -d \'{"name": "My voice", "description": "", "language": "en",\n'
        f'       "model_id": "{model_id}", "dataset": "DATASET_ID", "training_minutes": 60}}\'\n'
        f"curl {origin}/fine-tunes/FINE_TUNE_ID\n"
        f"curl {origin}/fine-tunes/FINE_TUNE_ID/voices"
    )

"""The recorder in the page: hands sentences and what is recorded of them to its script, which does the rest.

The script sends each recording to the API's own upload, as `NAME.wav` with its sentence as `NAME.txt`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import gradio as gr

from model.base_models import LANGUAGE_NAMES
from playground.services.scripts import languages, script_language, script_of, spoken_sentences
from storage.records import DatasetFile

HERE = Path(__file__).parent


def recorder(elem_id: str) -> gr.HTML:
    """The component; its value is what `recorder_state` gives."""
    return gr.HTML(
        "",
        html_template=(HERE / "recorder.html").read_text(encoding="utf-8"),
        js_on_load="".join((HERE / name).read_text(encoding="utf-8") for name in ("microphone.js", "recorder.js")),
        apply_default_css=False,
        server_functions=[read_script],
        elem_id=elem_id,
    )


def read_script(language: str) -> list[dict[str, str]]:
    """The sentences of a language, for the recorder's script; raises Refused."""
    return [asdict(sentence) for sentence in script_of(language)]


def recorder_state(dataset_id: str, files: Sequence[DatasetFile], *, language: str | None) -> str:
    """What the recorder's script needs as JSON: one language or, where it is not known, the choice of all.

    Empty, so that there is no recorder, when the language has no script.
    """
    code = script_language(language) if language else languages()[0]
    if code is None:
        return ""
    offered = [code] if language else languages()
    spoken = spoken_sentences(files)
    return json.dumps(
        {
            "dataset": dataset_id,
            "language": code,
            "languages": [(offer, LANGUAGE_NAMES.get(offer, offer)) for offer in offered],
            "files": {name: {"id": file.file_id, "seconds": file.duration_seconds} for name, file in spoken.items()},
        }
    )

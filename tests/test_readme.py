"""The README says what is true."""

import re
import shutil
from pathlib import Path

import pytest

from model.base_models import BASE_MODELS
from playground.api.app import create_api
from playground.parts import Parts
from playground.settings import Settings
from storage.records import Status, Voice
from tests.conftest import SPEECH
from tests.hearing import stock_of
from tests.making import TINY
from tests.serving import served, socket_url

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_table_of_settings_is_the_settings() -> None:
    rows = dict(re.findall(r"^\| `PLAYGROUND_(\w+)` \| *(\S*) *\|", README, flags=re.MULTILINE))
    fields = Settings.model_fields
    assert list(rows) == [name.upper() for name in fields]
    for name, field in fields.items():
        assert rows[name.upper()].strip("`") == str("" if field.default is None else field.default)
        assert str(field.description) in README


def test_the_table_of_models_is_the_registry() -> None:
    assert re.findall(r"^\| `([\w-]+-\d{4}-\d\d-\d\d)` \|", README, flags=re.MULTILINE) == [
        base.id for base in BASE_MODELS
    ]


def test_every_place_in_the_tree_exists() -> None:
    tree = README.split("## The tree")[1].split("```")[1]
    folder = Path(__file__).parent.parent
    parent = folder
    for line in tree.strip().splitlines():
        name = line.split()[0]
        parent = parent if line.startswith("  ") else folder / name
        path = parent / name if line.startswith("  ") else parent
        assert path.exists(), path


def test_the_examples_run_as_they_are(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the address, and the tiny model in place of the large one."""
    stock = stock_of(parts)
    with parts.storage.write() as tables:
        tables.voices.insert(
            Voice(name="Mine", language="en", model_id=TINY, stock_name=stock.stock_name, base_voice_id=stock.id)
        )
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(SPEECH / "tt-weasels.flac", "recording.wav")
    examples = "\n".join(re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL))
    with served(create_api(parts)) as url:
        code = (
            examples.replace("ws://127.0.0.1:7860", socket_url(url))
            .replace("http://127.0.0.1:7860", url)
            .replace("kokoro-82m-2025-01-27", TINY)
        )
        exec(compile(code, "README.md", "exec"), {})
    assert Path("hello.wav").read_bytes().startswith(b"RIFF")
    (run,) = parts.fine_tuning.search(statuses=[Status.CREATED])
    assert (run.training_minutes, run.idempotency_key, run.webhook_url) == (15, "ada-1", "http://127.0.0.1:9000/ended")

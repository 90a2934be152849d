"""The README says what is true."""

import re
from pathlib import Path

from model.base_models import BASE_MODELS
from playground.settings import Settings

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

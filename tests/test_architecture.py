"""The dependency rule: who may import whom, and what must stay light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOPS = ("playground", "model", "storage")
SOURCES = [ROOT / "app.py", *(path for top in TOPS for path in (ROOT / top).rglob("*.py"))]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _importers(package: str) -> set[str]:
    """The sources that import a package, as paths relative to the root."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if any(name == package or name.startswith(f"{package}.") for name in _imports(path))
    }


def _all_within(paths: set[str], places: tuple[str, ...]) -> bool:
    return all(path.startswith(places) for path in paths)


def test_only_the_page_imports_gradio() -> None:
    assert _all_within(_importers("gradio"), ("playground/wizard.py", "playground/steps/", "playground/pages/"))


def test_only_the_api_imports_fastapi() -> None:
    places = ("playground/api/", "playground/wizard.py")
    assert _all_within(_importers("fastapi"), places)


def test_only_storage_imports_sqlite_utils() -> None:
    assert _all_within(_importers("sqlite_utils"), ("storage/",))


def test_torch_belongs_to_model() -> None:
    assert _all_within(_importers("torch"), ("model/",))


@pytest.mark.parametrize(("package", "other"), [("model", "storage"), ("storage", "model")])
def test_model_and_storage_know_nobody_above(package: str, other: str) -> None:
    for name in (other, "playground"):
        assert not [path for path in _importers(name) if path.startswith(f"{package}/")]


def test_services_do_not_know_who_calls_them() -> None:
    callers = ("steps", "pages", "api", "wizard", "commands", "worker", "parts")
    for name in (f"playground.{caller}" for caller in callers):
        assert not [path for path in _importers(name) if path.startswith("playground/services/")]


def test_the_page_starts_without_torch() -> None:
    code = (
        "import sys; import playground.wizard, playground.api.app, playground.commands.serve;"
        "print([name for name in ('torch', 'ctranslate2', 'transformers', 'spacy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"

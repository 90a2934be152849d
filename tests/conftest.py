"""What all tests share: weights converted once, real speech, a data folder of their own."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cartesia import Cartesia

from playground.parts import Parts, make_parts
from playground.settings import Settings
from tests.kokoro_speech import KokoroRun, fine_tuned
from tests.serving import opened, sdk_of

ROOT = Path(__file__).parent.parent
SPEECH = Path(__file__).parent / "data" / "speech"
DATABASE = "playground.db"


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """Converted weights, kept between runs of the tests."""
    folder = Path(os.environ.get("PLAYGROUND_WEIGHTS_DIR", ROOT / ".cache" / "weights"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def kokoro_run(weights_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> KokoroRun:
    """A short fine-tune of the real base on real speech; who wants to change its folder takes a copy."""
    return fine_tuned(weights_dir, tmp_path_factory.mktemp("clips"), tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def first_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database as the first start leaves it, made once, since that takes longer than most tests.

    Credits are granted with each copy, by the settings of its test.
    """
    parts = make_parts(Settings(data_dir=tmp_path_factory.mktemp("first")))
    with parts.storage.write() as tables:
        tables.ledger.delete_where("kind = ?", ["grant"])
    return parts.settings.data_dir / DATABASE


@pytest.fixture
def settings(tmp_path: Path, weights_dir: Path, first_database: Path) -> Settings:
    """A data folder of the test's own, with a database that has been started once."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    shutil.copyfile(first_database, data_dir / DATABASE)
    return Settings(data_dir=data_dir, weights_dir=weights_dir)


@pytest.fixture
def parts(settings: Settings) -> Iterator[Parts]:
    """All use cases on a fresh data folder."""
    with opened(settings) as made:
        yield made


@pytest.fixture
def sdk(parts: Parts) -> Iterator[Cartesia]:
    """The official client against a real server."""
    with sdk_of(parts) as client:
        yield client


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser tests come last: from the first of them on, Playwright keeps an event loop running in this thread."""
    items.sort(key=lambda item: "e2e" in item.path.parts)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skipped test, or one that is expected to fail, fails the run: nothing is left untested unseen."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and any(reporter.stats.get(kind) for kind in ("skipped", "xfailed", "xpassed")):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

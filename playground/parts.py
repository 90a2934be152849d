"""The parts of the playground, made once and passed to whoever needs them."""

from dataclasses import dataclass

from playground.recognition_process import RecognitionProcess
from playground.services.accents import Accents
from playground.services.access import Access
from playground.services.accounts import Accounts
from playground.services.dataset_archive import DatasetArchive
from playground.services.datasets import Datasets
from playground.services.fine_tuning import FineTuning
from playground.services.given_texts import GivenTexts
from playground.services.hearing import Hearing
from playground.services.instant_voices import InstantVoices
from playground.services.keys import Keys
from playground.services.noise_reduction import NoiseReduction
from playground.services.pronunciation import Pronunciation
from playground.services.recognition import Recognition
from playground.services.speech import SpeechService
from playground.services.transcripts import Transcripts
from playground.services.voices import Voices
from playground.services.webhooks import Webhooks
from playground.settings import Settings
from playground.speech_process import SpeechProcess
from storage.database import Storage


@dataclass(frozen=True, kw_only=True)
class Parts:
    """All use cases on one data folder."""

    settings: Settings
    storage: Storage
    keys: Keys
    access: Access
    accounts: Accounts
    datasets: Datasets
    given_texts: GivenTexts
    transcripts: Transcripts
    hearing: Hearing
    noise_reduction: NoiseReduction
    archive: DatasetArchive
    fine_tuning: FineTuning
    voices: Voices
    instant_voices: InstantVoices
    accents: Accents
    pronunciation: Pronunciation
    speech: SpeechService
    webhooks: Webhooks
    speech_process: SpeechProcess
    recognition: Recognition
    recognition_process: RecognitionProcess


def make_parts(settings: Settings) -> Parts:
    """Open the data folder, bring it up to date, and wire the use cases; no process is started yet."""
    settings = settings.model_copy(update={"data_dir": settings.data_dir.resolve()})
    storage = Storage(settings.data_dir)
    storage.migrate()
    accounts = Accounts(storage, settings)
    accounts.begin()
    voices = Voices(storage)
    keys = Keys(storage)
    voices.seed_stock()
    given_texts = GivenTexts(storage)
    speech_process = SpeechProcess(settings.weights, device=settings.device)
    recognition_process = RecognitionProcess(settings.weights)
    recognition = Recognition(settings, recognition_process)
    return Parts(
        settings=settings,
        storage=storage,
        keys=keys,
        access=Access(storage, settings, keys, storage.secret("tokens")),
        accounts=accounts,
        datasets=Datasets(storage, settings, given_texts),
        given_texts=given_texts,
        transcripts=Transcripts(storage),
        hearing=Hearing(storage, given_texts),
        noise_reduction=NoiseReduction(storage, settings),
        archive=DatasetArchive(storage),
        fine_tuning=FineTuning(storage, accounts),
        voices=voices,
        accents=Accents(storage),
        instant_voices=InstantVoices(storage, speech_process, recognition),
        pronunciation=Pronunciation(storage),
        speech=SpeechService(storage, settings, accounts, speech_process),
        webhooks=Webhooks(storage, storage.secret("webhooks")),
        speech_process=speech_process,
        recognition=recognition,
        recognition_process=recognition_process,
    )

"""Settings by environment (`PLAYGROUND_*`); the command line's options win over them."""

from pathlib import Path
from typing import Literal

from pydantic import Field, FilePath, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from model.devices import Device

Plan = Literal["free", "pro", "startup", "scale", "enterprise"]

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


class Settings(BaseSettings):
    """Everything that can be set. Each field is the variable `PLAYGROUND_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="PLAYGROUND_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to serve on; others than loopback ask for a key.")
    port: int = Field(7860, ge=0, le=65535, description="Port to serve on.")
    ssl_certfile: FilePath | None = Field(None, description="Certificate, for HTTPS.")
    ssl_keyfile: FilePath | None = Field(None, description="Private key of the certificate.")
    key_on_loopback: bool = Field(False, description="Ask for a key on this machine too.")
    requests_per_minute: int = Field(
        1200, ge=0, description="Requests to the API that one key may make, contexts of sockets too; 0: any number."
    )
    data_dir: Path = Field(Path("data"), description="Folder of the database, the recordings and the voices.")
    weights_dir: Path | None = Field(
        None, description="Folder of converted weights; `weights` in the data folder when unset."
    )
    device: Device = Field("auto", description="auto, cpu or cuda: on what is trained and spoken.")
    plan: Plan = Field("enterprise", description="free, pro, startup, scale or enterprise.")
    pvc_on_scale: bool = Field(False, description="Turn Pro Voice Cloning on for the plan `scale`.")
    support_address: str = Field("", description="Where people are sent for help; no address is named when empty.")
    credits: float = Field(100_000_000, ge=0, description="Credits granted to this installation in all.")
    training_credits: float = Field(1_000_000, ge=0, description="Price of a completed training.")
    credits_per_character: float = Field(1.0, ge=0, description="Price of speech.")
    pvc_credits_per_character: float = Field(
        1.5, ge=0, description="Price of speech of a clone's voice on its own model."
    )
    trainings_at_once: int = Field(1, ge=1, description="How many trainings may run at once, each in a worker.")
    max_upload_bytes: int = Field(4 * 1024**3, ge=1, description="Largest recording that is taken.")
    max_text_characters: int = Field(20_000, ge=1, description="Longest text of one speech request.")
    speeches_at_once: int = Field(2, ge=1, description="How many texts are spoken at once; they share the machine.")
    speeches_waiting: int = Field(8, ge=0, description="How many more may wait for their turn; beyond that, 429.")
    speech_wait_seconds: float = Field(
        30.0, ge=0, description="How long a text waits for its turn until it is refused."
    )
    socket_idle_seconds: float = Field(300.0, gt=0, description="After how long without a message a socket is closed.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("ssl_keyfile")
    @classmethod
    def _has_certificate(cls, keyfile: Path | None, info: ValidationInfo) -> Path | None:
        if keyfile and not info.data.get("ssl_certfile"):
            raise ValueError("a key without its certificate; name that too, with PLAYGROUND_SSL_CERTFILE")
        return keyfile

    @property
    def weights(self) -> Path:
        return self.weights_dir or self.data_dir / "weights"

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK_HOSTS

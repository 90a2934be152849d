"""What a person says of a clone before it is trained."""

from dataclasses import dataclass, fields

from model import base_models
from model.accents import with_accent
from playground.services.errors import Refused
from storage.records import FineTune

DEFAULT_NAME = "Untitled Pro Voice Clone"


@dataclass(frozen=True, kw_only=True)
class CloneForm:
    """What the person fills in."""

    name: str = DEFAULT_NAME
    description: str = ""
    language: str = "en"
    gender: str = ""
    model_id: str = ""
    accent: str | None = None

    @classmethod
    def of(cls, fine_tune: FineTune) -> "CloneForm":
        """What was filled in of a clone."""
        return cls(**{field.name: getattr(fine_tune, field.name) for field in fields(cls)})

    def checked(self) -> dict[str, str | None]:
        """The columns of a fine-tune; raises Refused, ModelNotFound and LanguageNotSupported."""
        if not self.name.strip():
            raise Refused("Give the clone a name.")
        if self.gender not in ("", "feminine", "masculine", "gender_neutral"):
            raise Refused(f"Gender is feminine, masculine, gender_neutral or empty, not {self.gender!r}.")
        base = base_models.resolve(self.model_id) if self.model_id else base_models.production_model()
        language = base.require_language(with_accent(self.language, self.accent))
        return {
            "name": self.name.strip(),
            "description": self.description,
            "language": language,
            "gender": self.gender,
            "model_id": base.id,
            "accent": self.accent,
        }

"""The accents that base models speak, under the ids of the contract's catalogue, and the languages they belong to."""

from collections.abc import Container
from dataclasses import dataclass

from model.errors import LanguageNotSupported


@dataclass(frozen=True, kw_only=True)
class Accent:
    """One accent. `code` is the base models' own code of it as a language, `locale` the tag that clients know."""

    id: str
    name: str
    locale: str
    code: str

    @property
    def language(self) -> str:
        """`en` of `en-GB`."""
        return self.locale.partition("-")[0]


ACCENTS = (
    Accent(id="brazilian-portuguese", name="Brazilian Portuguese", locale="pt-BR", code="pt"),
    Accent(id="british", name="British English", locale="en-GB", code="en-GB"),
    Accent(id="castilian", name="Castilian Spanish", locale="es-ES", code="es"),
    Accent(id="general-american", name="General American English", locale="en-US", code="en"),
    Accent(id="hindi", name="Hindi", locale="hi-IN", code="hi"),
    Accent(id="italian", name="Italian", locale="it-IT", code="it"),
    Accent(id="parisian", name="Parisian French", locale="fr-FR", code="fr"),
)


def primary_language(language: str) -> str:
    """`en` of `en-GB`."""
    return language.split("-")[0].lower()


def native_accent(code: str) -> Accent:
    """The accent of a language of the base models."""
    return next(accent for accent in ACCENTS if accent.code == code)


def find_accent(id: str | None) -> Accent | None:
    """The accent of the catalogue; None for others."""
    return next((accent for accent in ACCENTS if accent.id == id), None)


def require_accent(id: str, *, languages: Container[str]) -> Accent:
    """An accent that a base model of these languages speaks; raises LanguageNotSupported, naming all of them."""
    accent = find_accent(id)
    if accent is None or accent.code not in languages:
        spoken = ", ".join(accent.id for accent in ACCENTS if accent.code in languages)
        raise LanguageNotSupported(f"The accent {id!r} is not spoken by this model. It speaks: {spoken}.")
    return accent


def with_accent(language: str, accent_id: str | None) -> str:
    """The tag of a language spoken with an accent: `en` and british make `en-GB`.

    An accent that is not spoken here changes nothing: a clone has that of its recordings. Raises
    LanguageNotSupported when the accent is one of another language.
    """
    accent = find_accent(accent_id)
    if accent is None:
        return language
    if language.replace("_", "-").partition("-")[0].lower() != accent.language:
        raise LanguageNotSupported(f"{accent.name} is no accent of the language {language!r}.")
    return accent.locale

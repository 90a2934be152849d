"""Where on the page a person is, as the query of the address says it."""

from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode

NEW = "new"
"""In place of a clone's id: the best practices, before there is a draft."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A view, and what is open in it; `origin` is the address by which the person came, such as http://host:port."""

    view: str = "clones"
    clone: str = ""
    step: int | None = None
    dataset: str = ""
    voice: str = ""
    origin: str = ""

    @classmethod
    def parse(cls, query: str, *, origin: str = "") -> "Place":
        """Read a query such as `clone=ID&step=4`; what it does not know is left out."""
        values = {name: found[-1] for name, found in parse_qs(query).items()}
        step = values.get("step", "")
        clone = values.get("clone", "")
        view = values.get("view", values.get("page", "clones"))
        return cls(
            view="clone" if clone and view != "review" else view,
            clone=clone,
            step=int(step) if step.isdecimal() and len(step) == 1 else None,
            dataset=values.get("dataset", ""),
            voice=values.get("voice", ""),
            origin=origin,
        )

    @property
    def query(self) -> str:
        """What stands behind the question mark; empty for the home page."""
        named = {
            "view": "" if self.view in ("clones", "clone") else self.view,
            "clone": self.clone,
            "step": self.step or "",
            "dataset": self.dataset,
            "voice": self.voice,
        }
        return urlencode({name: value for name, value in named.items() if value})

    def at_step(self, step: int) -> "Place":
        return replace(self, step=step)


def link(place: Place) -> str:
    """The address of a place, for `href`."""
    return f"/?{place.query}" if place.query else "/"

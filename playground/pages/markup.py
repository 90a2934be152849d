"""HTML of tables, players and buttons. Knows no gradio; cells are given as HTML, plain text goes through `escape`."""

from collections.abc import Mapping, Sequence
from html import escape

from playground.pages.place import Place, link


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of HTML cells under named columns; on narrow screens each row becomes a card that repeats the names."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        "<tr>"
        + "".join(f'<td data-label="{escape(name)}">{cell}</td>' for name, cell in zip(columns, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="table"><table><caption class="unseen">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def empty(title: str, words: str) -> str:
    """What stands where rows will be."""
    return f'<div class="empty"><p class="title">{escape(title)}</p><p>{escape(words)}</p></div>'


def player(url: str, *, label: str, autoplay: bool = False) -> str:
    """Native controls; nothing is fetched before the person plays."""
    how = "autoplay preload=auto" if autoplay else "preload=none"
    return f'<audio controls {how} src="{escape(url)}" aria-label="{escape(label)}"></audio>'


def action(name: str, id: str, words: str, *, label: str = "", style: str = "quiet") -> str:
    """A button in a table; the page's script hands `name` and `id` to the table's click handler."""
    return (
        f'<button type="button" class="small {style}" data-action="{escape(name)}" data-id="{escape(id)}" '
        f'aria-label="{escape(label or words)}">{escape(words)}</button>'
    )


def copyable(text: str, *, label: str) -> str:
    """An id with a button that copies it."""
    return (
        f'<span class="copyable"><code>{escape(text)}</code><button type="button" class="small quiet" '
        f'data-copy="{escape(text)}" aria-label="Copy {escape(label)}">Copy</button></span>'
    )


def code(title: str, source: str) -> str:
    """A block of code with a copy button."""
    return (
        f'<figure class="code"><figcaption>{escape(title)}<button type="button" class="small quiet" '
        f'data-copy="{escape(source)}" aria-label="Copy {escape(title)}">Copy</button></figcaption>'
        f'<pre tabindex="0"><code>{escape(source)}</code></pre></figure>'
    )


def goto(place: Place, words: str, *, style: str = "") -> str:
    """A link inside the page: a true address, followed without loading the page anew."""
    return f'<a data-place href="{escape(link(place))}" class="{style}">{escape(words)}</a>'


def facts(items: Mapping[str, str]) -> str:
    """Named figures in a row; values are HTML."""
    pairs = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in items.items())
    return f'<dl class="facts">{pairs}</dl>'


def bullets(sentences: Sequence[str], *, style: str = "") -> str:
    """A list of plain sentences; nothing when there are none."""
    if not sentences:
        return ""
    return f'<ul class="{style}">' + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def notice(title: str, body: str = "", *, tone: str = "plain") -> str:
    """A box that stands out; `body` is HTML."""
    return f'<div class="notice {tone}"><p class="title">{escape(title)}</p>{body}</div>'


def heading(title: str, words: str = "", *, level: int = 1) -> str:
    """The head of a page, or of a step in it."""
    lead = f"<p>{escape(words)}</p>" if words else ""
    return f'<header class="page-head"><h{level}>{escape(title)}</h{level}>{lead}</header>'

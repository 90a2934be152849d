"""Usage: plan, credits, and the ledger of what moved them."""

from html import escape
from typing import Any

import gradio as gr

from playground.formatting import credits, moment
from playground.pages.markup import empty, facts, heading, table
from playground.pages.place import Place
from playground.pages.widgets import Updates, html
from playground.parts import Parts
from storage.records import LedgerEntry


class UsagePage:
    """Read only."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        with gr.Column(visible=False, elem_id="page-usage", elem_classes="page") as self.column:
            html(heading("Usage", "Credits of this installation; nothing is billed anywhere."))
            self._account = html(elem_id="account")
            self._ledger = html(elem_id="ledger")
        self.timers: list[gr.Timer] = []
        self.outputs: list[Any] = [self._account, self._ledger]

    def show(self, place: Place) -> Updates:
        account = self._parts.accounts.account()
        figures = {
            "Plan": f"{escape(account.plan)}<small>Pro Voice Cloning {'on' if account.pvc_enabled else 'off'}</small>",
            "Balance": credits(account.balance),
            "Held": credits(account.held),
            "Spent": credits(account.spent),
        }
        entries = self._parts.accounts.ledger()
        if not entries:
            return {self._account: facts(figures), self._ledger: empty("Nothing moved yet", "")}
        rows = [_row(entry) for entry in entries]
        return {
            self._account: facts(figures),
            self._ledger: "<h2>Ledger</h2>" + table("Ledger", ("When", "What", "Why", "Credits"), rows),
        }


def _row(entry: LedgerEntry) -> list[str]:
    amount = credits(abs(entry.amount))
    signed = amount if entry.amount == 0 else f"{'+' if entry.amount > 0 else '−'}{amount}"
    return [moment(entry.created_at), escape(entry.kind), escape(entry.note), f'<span class="amount">{signed}</span>']

"""`keys`: makes, lists and revokes API keys."""

import argparse

from playground.services.keys import Keys, Scope
from playground.settings import Settings
from storage.database import Storage


def keys(settings: Settings, options: argparse.Namespace) -> int:
    """Carry out `create`, `list` or `revoke`; gives the exit status. Raises Refused and NotFound."""
    storage = Storage(settings.data_dir.resolve())
    storage.migrate()
    service = Keys(storage)
    if options.act == "create":
        key, secret = service.create(options.name, Scope(options.scope))
        print(f"{secret}\nThis is the only time that it is shown. Its id is {key.id}.")
    elif options.act == "revoke":
        print(f"“{service.revoke(options.key_id).name}” is refused from now on.")
    else:
        _print(service)
    return 0


def _print(service: Keys) -> None:
    for key in service.all():
        state = f"revoked {key.revoked_at}" if key.revoked_at else f"last used {key.last_used_at or 'never'}"
        print(f"{key.id}  …{key.hint}  {key.scope:<10}  {state}  {key.name}")

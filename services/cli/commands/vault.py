"""`extrato vault rotate`: close everything that is encrypted with another key, while the hub runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.process import CannotStart
from extrato.store.vault_keys import KeyFile, new_key, read_keys
from extrato.store.vault_rotation import check_that_all_opens, close_anew
from services.cli.commands.running import running_hub

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from extrato.store.vault import Vault
    from services.cli.commands.running import Running


async def rotate(_arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Rotate the key; what opened before opens at every moment, and after a crash as well.

    The key file first gets a key more, which every process of the machine reads before it uses any. Keys out of
    EXTRATO_SECRET_KEY are known to a process from its start only, so that EXTRATO_NEW_SECRET_KEY must be the first of
    them: whoever runs with another order would go on closing with the old key.
    """
    new_key_text = environment.get("EXTRATO_NEW_SECRET_KEY", "")
    async with running_hub(environment) as running:
        await check_that_all_opens(running.pool, running.hub.vault)
        vault = _with_new_key(running, new_key_text)
        closed = await close_anew(running.pool, vault)
    print(f"{closed} secrets are closed with the new key. The old key opens old backups: keep it as long as them.")


def _with_new_key(running: Running, new_key_text: str) -> Vault:
    if isinstance(running.keys, KeyFile):
        running.keys.put_first(read_keys([new_key_text])[0] if new_key_text else new_key())
        return running.hub.vault
    known = running.keys.current()
    if not new_key_text:
        raise CannotStart("EXTRATO_NEW_SECRET_KEY must say which key of EXTRATO_SECRET_KEY is to close from now on.")
    if read_keys([new_key_text])[0] != known[0]:
        raise CannotStart(
            "Put the new key after the old one, with a comma, into EXTRATO_SECRET_KEY of every process and start them "
            "again; then before the old one, and start them again; then rotate."
        )
    return running.hub.vault

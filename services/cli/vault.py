"""`extrato vault rotate`: close everything that is encrypted with another key, while the hub runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.process import CannotStart
from extrato.store.vault import Vault
from extrato.store.vault_keys import GivenKeys, KeyFile, new_key, read_keys
from extrato.store.vault_rotation import check_that_all_opens, close_anew
from services.cli.running import running_hub

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from services.cli.running import Running


async def rotate(_arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Rotate the key; what opened before opens at every moment, and after a crash as well.

    The key file first gets a key more, which every process of the machine reads before it uses any. Keys out of
    EXTRATO_SECRET_KEY are known to a process from its start only, so that EXTRATO_NEW_SECRET_KEY must be one of them.
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
    (first,) = read_keys([new_key_text])
    if first not in known:
        raise CannotStart(
            "Add the new key to EXTRATO_SECRET_KEY of every process, after a comma, and start them again first."
        )
    return Vault(running.pool, GivenKeys(f"{new_key_text},{running.settings.secret_key}"))

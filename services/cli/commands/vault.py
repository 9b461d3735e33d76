"""`extrato vault rotate`: encrypts every secret with a new key while the hub runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.process import CannotStart
from extrato.store.vault_keys import KeyFile, new_key, read_keys
from extrato.store.vault_rotation import check_all_decrypt, reencrypt_all
from services.cli.commands.running import running_hub

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from extrato.store.vault import Vault
    from services.cli.commands.running import Running


async def rotate(_arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Rotate the key; every secret can be decrypted at any moment, also after a crash.

    The new key first goes into the key file, which every process of the machine reads before each use. A process reads
    EXTRATO_SECRET_KEY only at its start. EXTRATO_NEW_SECRET_KEY must therefore be the first key there already:
    otherwise a running process would still encrypt with the old key.
    """
    new_key_text = environment.get("EXTRATO_NEW_SECRET_KEY", "")
    async with running_hub(environment) as running:
        await check_all_decrypt(running.pool, running.hub.vault)
        vault = _with_new_key(running, new_key_text)
        count = await reencrypt_all(running.pool, vault)
    print(f"Re-encrypted {count} secrets. Keep the old key as long as backups made with it.")


def _with_new_key(running: Running, new_key_text: str) -> Vault:
    if isinstance(running.keys, KeyFile):
        running.keys.add_current(read_keys([new_key_text])[0] if new_key_text else new_key())
        return running.hub.vault
    known = running.keys.current()
    if not new_key_text:
        raise CannotStart("EXTRATO_NEW_SECRET_KEY must name the key of EXTRATO_SECRET_KEY that encrypts from now on.")
    if read_keys([new_key_text])[0] != known[0]:
        raise CannotStart(
            "Add the new key after the old one, with a comma, to EXTRATO_SECRET_KEY of every process, and restart "
            "them. Then put the new key first, and restart them. Then rotate."
        )
    return running.hub.vault

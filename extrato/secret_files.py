"""Secrets from files: `<variable>_FILE` names one, or systemd passes one as a credential.

systemd puts its credentials into the folder `$CREDENTIALS_DIRECTORY` (systemd.exec(5), LoadCredential=).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CREDENTIALS_DIRECTORY: Final = "CREDENTIALS_DIRECTORY"

# The one list of settings that a file may hold, with the names of their credentials.
CREDENTIALS: Final = {
    "EXTRATO_DATABASE_URL": "database-url",
    "EXTRATO_MIGRATION_DATABASE_URL": "migration-database-url",
    "EXTRATO_NATS_URL": "nats-url",
    "EXTRATO_COPIES_NATS_URL": "copies-nats-url",
    "EXTRATO_COPIES_CONSUMER": "copies-consumer",
    "EXTRATO_SECRET_KEY": "secret-key",
}

MAX_BYTES: Final = 64 * 1024


class UnusableSecretFile(Exception):
    """A file with a secret cannot be used; the message is one sentence for the operator, without the content."""


def file_variable(name: str) -> str:
    """Return the variable that names the file of a setting."""
    return f"{name}_FILE"


def secret_file(environment: Mapping[str, str], name: str) -> Path | None:
    """Return the file of a setting, or None without one; `<name>_FILE` counts before a credential of systemd.

    Raises `UnusableSecretFile` when the variable has a value beside the file.
    """
    named, folder = environment.get(file_variable(name), "").strip(), environment.get(CREDENTIALS_DIRECTORY, "")
    if named:
        file, source = Path(named), file_variable(name)
    elif folder and (Path(folder) / CREDENTIALS[name]).exists():
        file, source = Path(folder) / CREDENTIALS[name], f"the credential {CREDENTIALS[name]}"
    else:
        return None
    if environment.get(name, "").strip():
        raise UnusableSecretFile(f"{name} and {source} are both set: remove one of them.")
    return file


def secrets_from_files(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that files hold, without one trailing line feed each; raises `UnusableSecretFile`."""
    files = {name: secret_file(environment, name) for name in CREDENTIALS}
    return {name: _read(name, file) for name, file in files.items() if file is not None}


def _read(name: str, path: Path) -> str:
    """Read a file; a link is followed, because Kubernetes mounts secrets as links."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode()
    except UnicodeDecodeError:
        raise UnusableSecretFile(f"The file {path} of {name} is not text in UTF-8.") from None
    except OSError as error:
        raise UnusableSecretFile(f"The file {path} of {name} cannot be read: {error.strerror}.") from None
    if len(content) > MAX_BYTES:
        raise UnusableSecretFile(f"The file {path} of {name} has more than {MAX_BYTES} bytes.")
    if not text.strip():
        raise UnusableSecretFile(f"The file {path} of {name} is empty.")
    return text.removesuffix("\n")

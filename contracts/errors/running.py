"""Errors of the hub itself: its database, bus, files and secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.errors.entry import entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry

ENTRIES: Final[Mapping[str, Entry]] = {
    "internal_error": entry(
        500,
        "The hub failed; whether it completed the request is unknown.",
        "Erro interno; consulte antes de repetir a operação",
        cause="The hub failed in an unexpected way; its log file has the traceback.",
        remedy="Check whether the request took effect before you repeat it, and send the correlation id to the "
        "operator.",
    ),
    "unavailable": entry(
        503,
        "The request timed out; whether the hub completed it is unknown.",
        "O sistema demorou demais; consulte antes de repetir a operação",
        cause="The hub did not complete the request within its time limit.",
        remedy="Check whether the request took effect, then repeat it after `Retry-After`.",
    ),
    "read_model_behind": entry(
        503,
        "The hub has not shown this position yet; try again in a moment.",
        "Esta posição ainda não aparece; tente novamente em instantes",
        cause="The read model of this operation has not reached the position in `Extrato-After` within two seconds, or "
        "a statement lacks events that are in the log. Or the hub still builds the read model, after its first start "
        "or an upgrade.",
        remedy="Repeat the request after `Retry-After`, or send it without the header.",
        building=(
            "The hub is still building this list from its log; try again in a few seconds.",
            "O sistema ainda está montando esta lista; tente novamente em alguns segundos",
        ),
        books=(
            "The books are behind the log. Try again in a moment, or send as_of={as_of} to read them as they are.",
            "Os lançamentos estão atrasados. Tente novamente em instantes, ou informe as_of={as_of} para ler o que há",
        ),
    ),
    "overloaded": entry(
        503,
        "Too many writes are waiting; try again in a moment.",
        "Sistema sobrecarregado; tente novamente em instantes",
        cause="The hub has too many requests at once; the request had no effect.",
        remedy="Repeat the request after `Retry-After`.",
        connection="Too many requests change this connection at once; try again in a moment.",
        pictures="Too many pictures are being drawn; try again in a moment.",
        sockets="This gateway has too many open sockets.",
        stream="Too many requests change {about} at once; try again in a moment.",
    ),
    "conflict": entry(
        409,
        "The stream has moved beyond version {version}.",
        "Outra operação mudou o mesmo registro; tente novamente",
        cause="Another operation changed the same payment or merchant first; the request had no effect.",
        remedy="Repeat the request.",
        beside="Another stream of the same append has moved.",
    ),
    "forgotten_list_unusable": entry(
        503,
        "The list of forgotten payments {file} cannot be used: {words}.",
        "No momento não é possível apagar dados; avise o operador do sistema",
        cause="A line of the list must be on the disk before a key is destroyed, so that a restore cannot undo that.",
        remedy="The operator sets EXTRATO_FORGOTTEN_FILE to a file on a disk that stays, and mends the file.",
        line="The list of forgotten payments {file} has a line that cannot be read: mend or remove it.",
        no_file="EXTRATO_FORGOTTEN_FILE must name a file on a disk that stays, for the list of forgotten payments.",
    ),
    "store_unavailable": entry(
        503,
        "The database does not answer.",
        "Sistema temporariamente indisponível; tente novamente em instantes",
        cause="PostgreSQL does not answer, or does not accept writes.",
        remedy="Repeat the request after `Retry-After`; the operator checks PostgreSQL.",
        delivery="The database does not answer; the delivery was not accepted.",
        not_built="A read model that the monitor needs is not built yet.",
        not_done="The database does not accept writes; nothing was written.",
        not_readable="The payments cannot be read yet.",
        not_shown="The read model does not show the payments yet.",
        nothing_created="The database does not answer; nothing was created.",
        unknown="The database does not answer; whether the last write happened is unknown.",
    ),
    "bus_unavailable": entry(
        503,
        "NATS cannot be used: {about}.",
        "Sistema temporariamente indisponível; tente novamente em instantes",
        cause="NATS does not answer.",
        remedy="Repeat the request after `Retry-After`; the operator checks NATS.",
    ),
    "bus_refused": entry(
        503,
        "NATS refuses: {words}.",
        "O barramento de eventos não está configurado para este serviço",
        cause="NATS answers, but rejects the hub's user or cannot store the hub's streams.",
        remedy="The operator grants the hub's NATS user its rights, or gives JetStream more storage.",
        no_room="NATS cannot reserve the storage of the hub's streams: {words}.",
    ),
    "unreadable_event": entry(
        500,
        "The message does not carry a position of the log.",
        "Erro interno; um registro deste pagamento não pode ser lido",
        cause="This version of the hub cannot read a row of the log or a message of the bus.",
        remedy="The operator runs a version that knows the event, or finds the other program that writes to the log "
        "or the bus.",
        data="The data of {topic} has an unknown shape: {words}",
        header="A value of {topic} cannot be written in a message header.",
        state="The state of {topic} has an unknown shape: {words}",
        topic="There is no event {about!r}.",
    ),
    "invalid_vault_key": entry(
        500,
        "The vault's key must be 32 bytes in base64.",
        "Erro interno; as credenciais da padaria não podem ser lidas",
        cause="The vault's key is missing, malformed, or not the key that encrypted the secrets.",
        remedy="The operator sets `EXTRATO_SECRET_KEY` to the key of this database, or restores the key file.",
        absent="There is no key for the vault.",
        file="{words}",
        no_file="EXTRATO_SECRET_KEY is not set, and {path} does not exist: the vault cannot be decrypted.",
        other_key="A secret cannot be decrypted: the vault's key is not the one that encrypted it.",
    ),
    "foreign_file": entry(
        500,
        "{path} is not a regular file: remove it.",
        "Erro interno; um arquivo do serviço não pode ser lido",
        cause="Another user may have created a file or folder of the hub, or can change it.",
        remedy="The operator does what the message says.",
        link="{path} is a link, and the hub does not follow links: replace it by the file or folder it leads to.",
        names="{path} has a second name (a hard link), which may belong to another user: remove it.",
        owner="{path} belongs to user {user}: the hub uses only its own files.",
        writable="Other users can write to {path}: check its contents, then `chmod go-w {path}`.",
    ),
    "cannot_rotate": entry(
        500,
        "{maximum} secrets are in use: drop the old ones first, with --drop-old.",
        "Os segredos não podem ser trocados agora",
        cause="Another step must come before this rotation of the secrets of payer's tokens.",
        remedy="The operator first runs the command that the message names.",
        broke_off="A rotation was interrupted: complete it first, without --drop-old.",
        no_older="There is no older secret to drop: rotate first, without --drop-old.",
    ),
    "unfit_role": entry(
        500,
        "The role of the migrations lacks a right: {words}.",
        "O banco de dados não está configurado para este serviço",
        cause="A role of the database lacks a right, or has a right that it must not have.",
        remedy="The operator changes the role as the message says.",
        not_member="Role {owner} must be a member of role {role}: GRANT {quoted_role} TO {quoted_owner}.",
        rewrites="Role {role} can rewrite the log. It must not be a superuser or a member of role {owner}. It must not"
        " own the database or a table of a migration. It must not have the right to UPDATE, DELETE or TRUNCATE.",
        two_databases="EXTRATO_MIGRATION_DATABASE_URL and EXTRATO_DATABASE_URL lead to two databases.",
    ),
    "unfit_schema": entry(
        500,
        "The database has the migration {name} of a newer version: start that version, or restore an older backup.",
        "O banco de dados não está configurado para este serviço",
        cause="The program cannot work with a newer schema of the database, or a migration could not lock its tables.",
        remedy="The operator starts the newer version, or ends the transaction that holds the locks.",
        locked="The migration {name} did not get its locks in {tries} tries of {seconds} s: another transaction holds "
        "them. Migrations before it are applied.",
        not_rolling="The database has the migration {name} ({kind}) of a newer version, with which this version cannot "
        "work: start the newer version, or restore an older backup.",
    ),
}

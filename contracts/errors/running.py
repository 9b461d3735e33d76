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
        "Something went wrong here; whether it was done is unknown.",
        "Erro interno; consulte antes de repetir a operação",
        cause="The hub failed in a way that it does not foresee; its log has the traceback.",
        remedy="Look whether it was done before repeating it, and give the correlation id to the operator.",
    ),
    "unavailable": entry(
        503,
        "It took too long; whether it was done is unknown.",
        "O sistema demorou demais; consulte antes de repetir a operação",
        cause="The request was not done within its time.",
        remedy="Look whether it was done, then repeat it after `Retry-After`.",
    ),
    "overloaded": entry(
        503,
        "Too much is waiting to be written; try again in a moment.",
        "Sistema sobrecarregado; tente novamente em instantes",
        cause="More is asked for at once than the hub does at once; nothing was done.",
        remedy="Repeat the request after `Retry-After`.",
        connection="Too many are changing this connection at once; try again in a moment.",
        pictures="Too many pictures are being drawn; try again in a moment.",
        sockets="Too many sockets are open here.",
        stream="Too many are changing {about} at once; try again in a moment.",
    ),
    "conflict": entry(
        409,
        "The stream is no longer at version {version}.",
        "Outra operação mudou o mesmo registro; tente novamente",
        cause="Another operation changed the same thing first; nothing was done.",
        remedy="Repeat the request.",
        beside="A stream has moved that was to be appended to beside this one.",
    ),
    "store_unavailable": entry(
        503,
        "The database does not answer.",
        "Sistema temporariamente indisponível; tente novamente em instantes",
        cause="PostgreSQL does not answer or takes no writes.",
        remedy="Repeat the request after `Retry-After`; the operator looks at PostgreSQL.",
        delivery="The database does not answer; the delivery was not accepted.",
        not_built="A read model of the monitor was not built yet.",
        not_done="The database takes no writes; nothing was written.",
        not_readable="The payments cannot be read yet.",
        not_shown="The payments were not shown yet.",
        nothing_created="The database does not answer; nothing was created.",
        unknown="The database does not answer; whether the last write happened is unknown.",
    ),
    "bus_unavailable": entry(
        503,
        "NATS cannot be used: {about}.",
        "Sistema temporariamente indisponível; tente novamente em instantes",
        cause="NATS does not answer.",
        remedy="Repeat the request after `Retry-After`; the operator looks at NATS.",
    ),
    "bus_refused": entry(
        503,
        "NATS refuses: {words}.",
        "O barramento de eventos não está configurado para este serviço",
        cause="NATS answers, and refuses the hub's user or the storage of its streams.",
        remedy="The operator gives the hub's NATS user its rights, or JetStream more storage.",
        no_room="NATS cannot reserve the storage of the hub's streams: {words}.",
    ),
    "unreadable_event": entry(
        500,
        "The message carries no position of the log.",
        "Erro interno; um registro deste pagamento não pode ser lido",
        cause="A row of the log or a message of the bus is not one that this version of the hub can read.",
        remedy="The operator runs a version that knows the event, or looks who else writes to the log or the bus.",
        data="The data of {topic} has a shape that is not known: {words}",
        header="What {topic} says of itself cannot be written in a header.",
        state="The state of {topic} is not one of ours: {words}",
        topic="There is no event {about!r}.",
    ),
    "invalid_vault_key": entry(
        500,
        "The vault's key must be 32 bytes in base64.",
        "Erro interno; as credenciais da padaria não podem ser lidas",
        cause="The key of the vault is missing, malformed, or not the one that the secrets were encrypted with.",
        remedy="The operator sets `EXTRATO_SECRET_KEY`, or restores the key file, with the key of this database.",
        absent="There is no key for the vault.",
        file="{words}",
        no_file="EXTRATO_SECRET_KEY is not set, and {path} does not exist: the vault stays shut.",
        other_key="Something sealed cannot be opened: the vault's key is not the one it was closed with.",
    ),
    "foreign_file": entry(
        500,
        "{path} is no ordinary file: remove it.",
        "Erro interno; um arquivo do serviço não pode ser lido",
        cause="A file or folder of the hub may have been put there, or may be changed, by another user.",
        remedy="The operator does what the sentence says.",
        link="{path} is a link, and the hub follows none: put there what it leads to.",
        names="{path} has another name too, under which it may be somebody else's: remove it.",
        owner="{path} belongs to user {user}: the hub uses its own files only.",
        writable="{path} may be written by others: see what is in it, then `chmod go-w {path}`.",
    ),
    "cannot_rotate": entry(
        500,
        "{maximum} secrets are in use: drop the old ones first, with --drop-old.",
        "Os segredos não podem ser trocados agora",
        cause="The secrets of the payers' tokens are not in a state that the command can begin from.",
        remedy="The operator runs first what the sentence names.",
        broke_off="A rotation broke off: complete it first, without --drop-old.",
        no_older="There is no older secret to drop: rotate first, without --drop-old.",
    ),
    "unfit_role": entry(
        500,
        "The role of the migrations may do too little: {words}.",
        "O banco de dados não está configurado para este serviço",
        cause="A role of the database may do too little, or too much.",
        remedy="The operator changes the role as the sentence says.",
        not_member="Role {owner} must be a member of role {role}: GRANT {quoted_role} TO {quoted_owner}.",
        rewrites="Role {role} can rewrite the log: it must be no superuser, own neither the database nor a table of a"
        " migration, be no member of role {owner}, and have no other right to UPDATE, DELETE or TRUNCATE.",
        two_databases="EXTRATO_MIGRATION_DATABASE_URL and EXTRATO_DATABASE_URL lead to two databases.",
    ),
}

"""Errors of authentication, scopes, rate limits, and addresses that do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.errors.entry import entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry

ENTRIES: Final[Mapping[str, Entry]] = {
    "unauthenticated": entry(
        401,
        "An API key is needed: Authorization: Bearer <key>.",
        "Chave de API ausente ou inválida",
        cause="The request has no API key, the key is unknown or revoked, or the payer's token has ended.",
        remedy="Send a valid key as `Authorization: Bearer <key>`. A payer opens the payer link again.",
        unknown_key="The API key is unknown or revoked.",
        ended="The payer's token has ended.",
    ),
    "forbidden": entry(
        403,
        "The API key lacks the scope {about!r}.",
        "Esta chave de API não tem o escopo '{about}'",
        cause="The API key is valid, but its scopes do not allow this operation.",
        remedy="Use or issue a key with the scope that the sentence names.",
        hub_only=(
            "Only a key of the hub can register merchants.",
            "Só uma chave do próprio hub cadastra padarias",
        ),
    ),
    "foreign_page": entry(
        403,
        "In open mode, the hub answers only pages and programs of this machine.",
        "Sem chaves de API, só são atendidas páginas e programas desta máquina",
        cause="The hub runs in open mode, and the request comes from another machine or from a page of another site.",
        remedy="Turn on API keys (`EXTRATO_AUTH`), or send the request from the hub's machine.",
        jsonp="In open mode, the hub does not answer JSONP requests.",
    ),
    "listed_prices_only": entry(
        403,
        "This API key cannot set a price: it charges the prices of the merchant's products.",
        "Esta chave de API não pode definir preços: cobra os preços dos produtos da padaria",
        cause="The key was issued for listed prices only, and the request sets a price.",
        remedy="Order products by name without a price, or use a key that may set prices.",
    ),
    "invalid_signature": entry(
        401,
        "The notification's signature does not match.",
        "A assinatura da notificação não confere",
        cause="The notification's signature is not by the merchant's webhook secret, or the notification was changed.",
        remedy="Set the merchant's webhook secret to the one in Mercado Pago's panel.",
    ),
    "too_many_requests": entry(
        429,
        "Too many requests; wait a moment.",
        "Requisições demais; aguarde um instante",
        cause="The API key or the client's address exceeds its rate limit, or has too many open sockets.",
        remedy="Repeat the request after the seconds in `Retry-After`.",
        sockets="This client has too many open sockets.",
    ),
    "not_found": entry(
        404,
        "This address does not exist.",
        "Nada existe neste endereço",
        cause="The address or the thing that it names does not exist, or the caller may not see it.",
        remedy="Check the path and the identifiers in it.",
        file="This file does not exist.",
        forgotten="The payer of payment {about} was not forgotten.",
        merchant="Merchant {about!r} does not exist.",
        payment="Payment {about} does not exist.",
        picture="This QR code does not exist.",
        refund="This refund does not exist.",
        stream="{about} does not exist.",
        transfer="No payment has this bank_payment_id.",
    ),
    "method_not_allowed": entry(
        405,
        "This address accepts the methods {methods}.",
        "Este endereço não aceita este método",
        cause="The address exists, but does not accept this HTTP method.",
        remedy="Use one of the methods in the header `Allow`.",
    ),
}

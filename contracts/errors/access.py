"""Errors of access: who may ask, and how often."""

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
        cause="The request carries no API key, or one that is unknown or revoked; or the payer's token has ended.",
        remedy="Send a valid key as `Authorization: Bearer <key>`. A payer opens the payment's address again.",
        unknown_key="The API key is not one of ours.",
        ended="The token opens nothing any more.",
    ),
    "forbidden": entry(
        403,
        "The API key does not have the scope {about!r}.",
        "Esta chave de API não tem o escopo '{about}'",
        cause="The API key is valid, but its scopes do not allow this operation.",
        remedy="Use a key with the scope that the operation names, or issue one.",
        hub_only=(
            "Only a key of the hub registers merchants.",
            "Só uma chave do próprio hub cadastra padarias",
        ),
    ),
    "foreign_page": entry(
        403,
        "Without API keys, only pages and programs of this machine are answered.",
        "Sem chaves de API, só são atendidas páginas e programas desta máquina",
        cause="The hub runs in open mode, and the request comes from another machine or from a page of another site.",
        remedy="Turn API keys on (`EXTRATO_AUTH`), or ask from the machine on which the hub runs.",
        jsonp="Without API keys, no answer is wrapped in a script (JSONP).",
    ),
    "listed_prices_only": entry(
        403,
        "This API key may not set a price: it charges the prices of the merchant's products.",
        "Esta chave de API não pode definir preços: cobra os preços dos produtos da padaria",
        cause="The key was issued for listed prices only, and the request sets a price.",
        remedy="Order products by name without `preco_unitario`, or use a key that may set prices.",
    ),
    "invalid_signature": entry(
        401,
        "The notification's signature does not match.",
        "A assinatura da notificação não confere",
        cause="A notification is signed with another secret than the merchant's, or was changed on its way.",
        remedy="Compare the webhook secret of the connection with the one in Mercado Pago's panel.",
    ),
    "too_many_requests": entry(
        429,
        "Too many requests; wait a moment.",
        "Requisições demais; aguarde um instante",
        cause="The key or the address asked more often than its limit allows, or holds too many sockets.",
        remedy="Wait for as long as `Retry-After` says, then repeat the request.",
        sockets="Too many sockets are open already.",
    ),
    "not_found": entry(
        404,
        "There is nothing at this address.",
        "Nada existe neste endereço",
        cause="The address, or what it names, does not exist, or not for this caller.",
        remedy="Check the path and the identifiers in it.",
        file="There is no such file.",
        merchant="Merchant {about!r} does not exist.",
        payment="Payment {about} does not exist.",
        picture="There is no such QR code.",
        refund="There is no such refund.",
        stream="{about} does not exist.",
        transfer="No payment has this bank_payment_id.",
    ),
    "method_not_allowed": entry(
        405,
        "This address answers {methods}.",
        "Este endereço não aceita este método",
        cause="The address exists, but not for this HTTP method.",
        remedy="Use one of the methods in the header `Allow`.",
    ),
}

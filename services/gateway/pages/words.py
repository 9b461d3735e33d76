"""What each page says to a payer, by how the payment stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from services.gateway.pages.standing import Standing


class Words(Struct, frozen=True):
    """A heading, what it means, and the tone of both: calm, good, wait or bad."""

    title: str
    lead: str
    tone: str


_PREPARING: Final = Words(
    "Preparando a cobrança", "Só um instante: atualize esta página se ela não mudar sozinha.", "wait"
)

_EVERYWHERE: Final[dict[Standing, Words]] = {
    "preparing": _PREPARING,
    "checking": Words(
        "Conferindo o pagamento",
        "Ainda não recebemos a resposta do Mercado Pago. Se você acabou de pagar, não pague de novo: a confirmação "
        "aparece aqui.",
        "wait",
    ),
    "settling": Words(
        "Conferindo o pagamento",
        "O prazo terminou: não pague agora. Se você já pagou, não pague de novo: o resultado aparece nesta página.",
        "wait",
    ),
    "closing": Words(
        "Cobrança sendo cancelada",
        "A loja pediu o cancelamento: não pague. Se você já pagou, não pague de novo: o resultado aparece aqui.",
        "wait",
    ),
    "refunded": Words(
        "Pagamento devolvido", "O valor foi devolvido. Quando ele aparece depende do seu banco ou cartão.", "calm"
    ),
    "partial": Words(
        "Pagamento incompleto",
        "O que recebemos ainda não cobre esta cobrança. Não pague de novo por esta página, que cobra o valor inteiro. "
        "Fale com a loja: ela pode receber o restante ou devolver o que chegou.",
        "wait",
    ),
    "late": Words(
        "Pagamento recebido fora do prazo",
        "O valor chegou depois do fim do prazo. Não pague de novo: fale com a loja, que vai aceitar o valor ou "
        "devolvê-lo.",
        "wait",
    ),
    "disputed": Words(
        "Pagamento em contestação", "O valor está em disputa. Para saber do andamento, fale com a loja.", "wait"
    ),
    "charged_back": Words(
        "Pagamento contestado", "O pagamento foi contestado. Para saber do andamento, fale com a loja.", "wait"
    ),
}

_TO_PAY: Final = Words("Pague com Pix", "Escaneie o código no app do seu banco, ou copie e cole.", "calm")

PIX: Final[dict[Standing, Words]] = {
    **_EVERYWHERE,
    "open": _TO_PAY,
    "waiting": _TO_PAY,
    "refused": _TO_PAY,
    "reviewing": Words(
        "Pagamento em análise", "Recebemos o seu pagamento e ele está sendo analisado. Não pague de novo.", "wait"
    ),
    "paid": Words("Pagamento confirmado", "A loja já recebeu a confirmação. Pode fechar esta página.", "good"),
    "expired": Words(
        "Cobrança expirada",
        "Este código não vale mais: não pague e peça outro à loja. Se já pagou, mostre o comprovante a ela.",
        "bad",
    ),
    "cancelled": Words(
        "Cobrança cancelada",
        "Este código não vale mais: não pague e peça outro à loja. Se já pagou, mostre o comprovante a ela.",
        "bad",
    ),
}

_LINK_IS_OVER: Final[dict[Standing, Words]] = {
    "expired": Words(
        "Link expirado",
        "O prazo para pagar terminou. Se você já pagou, não pague de novo: mostre o comprovante à loja. "
        "Se não pagou, peça um novo link.",
        "bad",
    ),
    "cancelled": Words(
        "Link cancelado",
        "Este link não pode mais ser pago. Se você já pagou, não pague de novo: mostre o comprovante à loja. "
        "Se não pagou, peça um novo link.",
        "bad",
    ),
}

# Where a payer may go on to the checkout there is no page, but for the moment before the checkout has an address.
LINK: Final[dict[Standing, Words]] = {
    **_EVERYWHERE,
    **_LINK_IS_OVER,
    "open": _PREPARING,
    "waiting": _PREPARING,
    "refused": _PREPARING,
    "reviewing": Words(
        "Pagamento em análise",
        "Já existe um pagamento deste link em análise, o que costuma levar poucos minutos. Não pague de novo: "
        "o resultado aparece aqui.",
        "wait",
    ),
    "paid": Words("Pagamento já realizado", "Este link já foi pago: não é preciso pagar de novo.", "good"),
}

RETURN: Final[dict[Standing, Words]] = {
    **_EVERYWHERE,
    **_LINK_IS_OVER,
    "open": Words(
        "Nenhum pagamento recebido ainda",
        "Se você já pagou, não pague de novo: espere um instante e atualize esta página. Se não pagou, pode pagar "
        "agora.",
        "calm",
    ),
    "waiting": Words(
        "Aguardando a confirmação",
        "Se ainda não pagou o Pix ou o boleto que gerou, termine no app do seu banco. Se já pagou, não pague de novo: "
        "o boleto pode levar até 3 dias úteis para ser confirmado.",
        "wait",
    ),
    "reviewing": Words(
        "Pagamento em análise",
        "O pagamento está sendo analisado, o que costuma levar poucos minutos. Não é preciso pagar de novo.",
        "wait",
    ),
    "refused": Words(
        "Pagamento não aprovado", "Nada foi cobrado. Tente de novo, com outro cartão ou outra forma de pagar.", "bad"
    ),
    "paid": Words("Pagamento aprovado", "A loja já recebeu a confirmação. Pode fechar esta página.", "good"),
}

# What the facts call a standing; the others are called as the status is everywhere.
SITUATIONS: Final[dict[Standing, str]] = {
    "preparing": "Em preparação",
    "open": "Aguardando pagamento",
    "checking": "Em conferência",
    "settling": "Em conferência",
    "closing": "Em cancelamento",
    "refused": "Não aprovado",
    "partial": "Incompleto",
    "late": "Recebido fora do prazo",
    "expired": "Expirado",
    "cancelled": "Cancelado",
}

CODE_IS_OVER: Final = "O prazo terminou: não pague este código. Estamos conferindo com a loja."
PAID_TWICE: Final = "Recebemos mais de um pagamento deste pedido. Fale com a loja para receber o outro de volta."
PAID_TOO_MUCH: Final = "Recebemos mais do que o valor deste pedido. Fale com a loja para receber a diferença de volta."
CARD_REFUSED: Final = "O cartão não foi aprovado."
OFFLINE: Final = "Sem conexão no momento. O que aparece aqui pode ter mudado."

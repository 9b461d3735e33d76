"""The texts of each page, by the payer's state of the payment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from services.gateway.pages.payer_state import PayerState


class PageText(Struct, frozen=True):
    """A heading, what it means, and the tone of both: calm, good, wait or bad."""

    title: str
    lead: str
    tone: str


_PREPARING: Final = PageText(
    "Preparando a cobrança", "Só um instante: atualize esta página se ela não mudar sozinha.", "wait"
)

_ALL_PAGES: Final[dict[PayerState, PageText]] = {
    "preparing": _PREPARING,
    "checking": PageText(
        "Conferindo o pagamento",
        "Ainda não recebemos a resposta do Mercado Pago. Se você acabou de pagar, não pague de novo: a confirmação "
        "aparece aqui.",
        "wait",
    ),
    "settling": PageText(
        "Conferindo o pagamento",
        "O prazo terminou: não pague agora. Se você já pagou, não pague de novo: o resultado aparece nesta página.",
        "wait",
    ),
    "closing": PageText(
        "Cobrança sendo cancelada",
        "A loja pediu o cancelamento: não pague. Se você já pagou, não pague de novo: o resultado aparece aqui.",
        "wait",
    ),
    "refunded": PageText(
        "Pagamento devolvido", "O valor foi devolvido. Quando ele aparece depende do seu banco ou cartão.", "calm"
    ),
    "partial": PageText(
        "Pagamento incompleto",
        "O que recebemos ainda não cobre esta cobrança. Não pague de novo por esta página, que cobra o valor inteiro. "
        "Fale com a loja: ela pode receber o restante ou devolver o que chegou.",
        "wait",
    ),
    "late": PageText(
        "Pagamento recebido fora do prazo",
        "O valor chegou depois do fim do prazo. Não pague de novo: fale com a loja, que vai aceitar o valor ou "
        "devolvê-lo.",
        "wait",
    ),
    "disputed": PageText(
        "Pagamento em contestação", "O valor está em disputa. Para saber do andamento, fale com a loja.", "wait"
    ),
    "charged_back": PageText(
        "Pagamento contestado", "O pagamento foi contestado. Para saber do andamento, fale com a loja.", "wait"
    ),
}

_TO_PAY: Final = PageText("Pague com Pix", "Escaneie o código no app do seu banco, ou copie e cole.", "calm")

PIX: Final[dict[PayerState, PageText]] = {
    **_ALL_PAGES,
    "open": _TO_PAY,
    "waiting": _TO_PAY,
    "refused": _TO_PAY,
    "reviewing": PageText(
        "Pagamento em análise", "Recebemos o seu pagamento e ele está sendo analisado. Não pague de novo.", "wait"
    ),
    "paid": PageText("Pagamento confirmado", "A loja já recebeu a confirmação. Pode fechar esta página.", "good"),
    "expired": PageText(
        "Cobrança expirada",
        "Este código não vale mais: não pague e peça outro à loja. Se já pagou, mostre o comprovante a ela.",
        "bad",
    ),
    "cancelled": PageText(
        "Cobrança cancelada",
        "Este código não vale mais: não pague e peça outro à loja. Se já pagou, mostre o comprovante a ela.",
        "bad",
    ),
}

_LINK_IS_OVER: Final[dict[PayerState, PageText]] = {
    "expired": PageText(
        "Link expirado",
        "O prazo para pagar terminou. Se você já pagou, não pague de novo: mostre o comprovante à loja. "
        "Se não pagou, peça um novo link.",
        "bad",
    ),
    "cancelled": PageText(
        "Link cancelado",
        "Este link não pode mais ser pago. Se você já pagou, não pague de novo: mostre o comprovante à loja. "
        "Se não pagou, peça um novo link.",
        "bad",
    ),
}

# Where the payer may pay, the link redirects to the checkout; the page shows only until the checkout has a URL.
LINK: Final[dict[PayerState, PageText]] = {
    **_ALL_PAGES,
    **_LINK_IS_OVER,
    "open": _PREPARING,
    "waiting": _PREPARING,
    "refused": _PREPARING,
    "reviewing": PageText(
        "Pagamento em análise",
        "Já existe um pagamento deste link em análise, o que costuma levar poucos minutos. Não pague de novo: "
        "o resultado aparece aqui.",
        "wait",
    ),
    "paid": PageText("Pagamento já realizado", "Este link já foi pago: não é preciso pagar de novo.", "good"),
}

RETURN: Final[dict[PayerState, PageText]] = {
    **_ALL_PAGES,
    **_LINK_IS_OVER,
    "open": PageText(
        "Nenhum pagamento recebido ainda",
        "Se você já pagou, não pague de novo: espere um instante e atualize esta página. Se não pagou, pode pagar "
        "agora.",
        "calm",
    ),
    "waiting": PageText(
        "Aguardando a confirmação",
        "Se ainda não pagou o Pix ou o boleto que gerou, termine no app do seu banco. Se já pagou, não pague de novo: "
        "o boleto pode levar até 3 dias úteis para ser confirmado.",
        "wait",
    ),
    "reviewing": PageText(
        "Pagamento em análise",
        "O pagamento está sendo analisado, o que costuma levar poucos minutos. Não é preciso pagar de novo.",
        "wait",
    ),
    "refused": PageText(
        "Pagamento não aprovado", "Nada foi cobrado. Tente de novo, com outro cartão ou outra forma de pagar.", "bad"
    ),
    "paid": PageText("Pagamento aprovado", "A loja já recebeu a confirmação. Pode fechar esta página.", "good"),
}

# The names of states in the facts; the other states use the label of their status.
SITUATIONS: Final[dict[PayerState, str]] = {
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
BACK_TO_SHOP: Final = "Voltar para a loja"
OFFLINE: Final = "Sem conexão no momento. O que aparece aqui pode ter mudado."

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


_PREPARING: Final = Words("Preparando a cobrança", "Só um instante: ela aparece aqui assim que ficar pronta.", "wait")

_EVERYWHERE: Final[dict[Standing, Words]] = {
    "preparing": _PREPARING,
    "refunded": Words(
        "Pagamento devolvido", "O valor foi devolvido. Quando ele aparece depende do seu banco ou cartão.", "calm"
    ),
    "disputed": Words(
        "Pagamento em contestação", "O valor está em disputa. Para saber do andamento, fale com a loja.", "wait"
    ),
}

_TO_PAY: Final = Words("Pague com Pix", "Escaneie o código no app do seu banco, ou copie e cole.", "calm")

PIX: Final[dict[Standing, Words]] = {
    **_EVERYWHERE,
    "open": _TO_PAY,
    "waiting": _TO_PAY,
    "refused": _TO_PAY,
    "settling": Words(
        "Conferindo o pagamento", "O prazo terminou. Se você pagou a tempo, a confirmação aparece aqui.", "wait"
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

# Where a payer may go on to the checkout there is no page, but for the moment before the checkout has an address.
LINK: Final[dict[Standing, Words]] = {
    **_EVERYWHERE,
    "open": _PREPARING,
    "waiting": _PREPARING,
    "refused": _PREPARING,
    "settling": Words(
        "Conferindo o pagamento", "O prazo do link terminou, e um pagamento ainda está em processamento.", "wait"
    ),
    "paid": Words("Pagamento já realizado", "Este link já foi pago: não é preciso pagar de novo.", "good"),
    "expired": Words("Link expirado", "O prazo para pagar terminou. Peça um novo link à loja.", "bad"),
    "cancelled": Words("Link cancelado", "Este link não pode mais ser pago. Peça um novo à loja.", "bad"),
}

RETURN: Final[dict[Standing, Words]] = {
    **_EVERYWHERE,
    "open": Words(
        "Pagamento não concluído",
        "Não encontramos um pagamento seu. Se você acabou de pagar, espere um instante: esta página se atualiza.",
        "calm",
    ),
    "waiting": Words(
        "Pagamento em análise",
        "O pagamento está sendo analisado, o que costuma levar poucos minutos. Não é preciso pagar de novo.",
        "wait",
    ),
    "settling": Words(
        "Aguardando o pagamento", "O prazo do link terminou, e um pagamento ainda está em processamento.", "wait"
    ),
    "refused": Words(
        "Pagamento não aprovado", "Nada foi cobrado. Tente de novo, com outro cartão ou outra forma de pagar.", "bad"
    ),
    "paid": Words("Pagamento aprovado", "A loja já recebeu a confirmação. Pode fechar esta página.", "good"),
    "expired": Words("Link expirado", "O prazo para pagar terminou. Peça um novo link à loja.", "bad"),
    "cancelled": Words("Link cancelado", "Este link não pode mais ser pago. Peça um novo à loja.", "bad"),
}

# On the way back, of an attempt that waits for its payer.
TO_FINISH: Final = Words(
    "Aguardando o pagamento", "Falta pagar o Pix ou o boleto que você gerou: termine no app do seu banco.", "wait"
)

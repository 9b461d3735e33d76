"""How answers and errors leave the gateway; the one place that knows HTTP statuses of errors."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
import structlog
from aiohttp import web

from contracts.api import MonitoringError, PixError
from extrato.domain.errors import Refused
from extrato.errors import ExtratoError, Transient
from services.gateway.pages.layout import not_found, too_many, unavailable

JSON: Final = "application/json"
MAX_LOGGED_PATH: Final = 200
_encode = msgspec.json.Encoder().encode
_logger = structlog.get_logger(component="gateway")

# Which code becomes which status; a code that is not listed is 400 when the rules refused it.
STATUS_OF_CODE: Final = {
    "not_found": 404,
    "payment_not_found": 404,
    "unknown_merchant": 404,
    "unknown_provider": 404,
    "api_key_not_found": 404,
    "invalid_signature": 401,
    "unauthenticated": 401,
    "too_many_requests": 429,
    "forbidden": 403,
    "method_not_allowed": 405,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 409,
    "wrong_amount": 400,
    "late_payment": 409,
    "payment_expired": 409,
    "payment_already_paid": 409,
    "payment_cancelled": 409,
    "payment_already_refunded": 409,
    "payment_not_paid": 409,
    "refund_by_bank_only": 409,
    "refund_exceeds_balance": 409,
    "conflict": 409,
    "merchant_exists": 409,
    "another_account_connected": 409,
    "provider_refused": 502,
    "provider_misunderstood": 502,
    "provider_not_connected": 400,
    "provider_unavailable": 503,
    "overloaded": 503,
    "store_unavailable": 503,
    "bus_unavailable": 503,
    "unavailable": 503,
}

# What a page shows instead of itself, where it is not that there is nothing or that something failed.
PAGES: Final = {429: too_many}

# What a payer or a merchant's screen may show, for errors that arise far from any route.
PORTUGUESE: Final = {
    "provider_refused": "O Mercado Pago recusou o pedido",
    "provider_misunderstood": "O Mercado Pago deu uma resposta inesperada",
    "provider_unavailable": "O Mercado Pago não respondeu; tente novamente em instantes",
    "provider_not_connected": "Mercado Pago não configurado para esta padaria",
    "too_many_requests": "Requisições demais; aguarde um instante",
    "overloaded": "Sistema sobrecarregado; tente novamente em instantes",
    "store_unavailable": "Sistema temporariamente indisponível; tente novamente em instantes",
    "idempotency_key_reused": "Esta Idempotency-Key já foi usada em outro pedido",
    "unauthenticated": "Chave de API ausente ou inválida",
    "forbidden": "Esta chave de API não permite esta operação",
    "body_too_large": "O corpo da requisição é grande demais",
    "unsupported_media_type": "Envie o corpo como application/json em UTF-8",
    "invalid_json": "O corpo da requisição não é um JSON válido",
    "not_an_object": "O corpo da requisição deve ser um objeto JSON",
    "not_found": "Nada existe neste endereço",
    "invalid_slug": "O campo 'slug' deve ter de 1 a 63 caracteres de a-z, 0-9 e hífens internos",
    "reserved_slug": "Este slug é reservado",
    "merchant_exists": "Já existe outra padaria com este slug",
    "invalid_merchant": "Nome e cidade devem ter de 1 a 120 caracteres, algum deles ASCII",
    "invalid_product": "O nome de um produto deve ter de 1 a 120 caracteres",
    "invalid_price": "O preço deve ser um valor em reais acima de zero",
    "too_many_products": "A padaria já vende produtos demais",
    "unknown_scope": "O campo 'scopes' deve listar um ou mais de: admin, confirm, payments:read, payments:write",
    "too_many_api_keys": "A padaria já tem chaves de API demais; revogue algumas",
    "api_key_not_found": "Não há chave de API com este identificador",
    "unknown_provider": "Não há provedor com este nome que se conecte a uma conta",
    "invalid_credential": "As credenciais devem ter de 1 a 500 caracteres ASCII, sem espaços",
    "account_mismatch": "O 'access_token' é de outra conta",
    "another_account_connected": "Outra conta está conectada; desconecte-a primeiro",
    "unknown_pix_api": "O campo 'pix_api' deve ser 'payments' ou 'orders'",
    "pix_key_unusable": "A chave Pix deve ter no máximo 77 caracteres ASCII",
    "pix_key_unknown_kind": "O campo 'kind' deve ser cpf, cnpj, phone, email ou evp",
    "pix_key_invalid_cpf": "A chave não é um CPF: são onze dígitos",
    "pix_key_invalid_cnpj": "A chave não é um CNPJ: são doze dígitos ou letras e mais dois dígitos",
    "pix_key_invalid_phone": "A chave não é um telefone brasileiro com DDD",
    "pix_key_invalid_email": "A chave não é um e-mail",
    "pix_key_invalid_evp": "A chave não é uma chave aleatória (EVP)",
    "pix_key_wrong_check_digits": "Os dígitos verificadores da chave não conferem",
    "method_not_allowed": "Este endereço não aceita este método",
    "internal_error": "Erro interno; consulte antes de repetir a operação",
    "unavailable": "O sistema demorou demais; consulte antes de repetir a operação",
}


def json_answer(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with a body of `contracts/api.py`."""
    return web.Response(body=_encode(body), status=status, headers={"Content-Type": JSON, **(headers or {})})


def error_answer(request: web.Request, error: Exception) -> web.Response:
    """Answer an error in the shape of the route it arose on."""
    if isinstance(error, Refused):
        code, message, default = error.code, error.message, 400
    elif isinstance(error, ExtratoError):
        code, message, default = error.code, error.message, 500
    else:
        code, message, default = "internal_error", "Something went wrong here; whether it was done is unknown.", 500
    status = STATUS_OF_CODE.get(code, default)
    headers = {}
    if isinstance(error, Transient):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    if code == "unauthenticated":
        headers["WWW-Authenticate"] = "Bearer"
    log = _logger.error if status >= 500 and not isinstance(error, Transient) else _logger.info
    log(
        "request_refused",
        method=request.method,
        path=request.path[:MAX_LOGGED_PATH],
        status=status,
        code=code,
        reason=message,
        correlation_id=request["correlation_id"],
        **({"exc_info": error} if code == "internal_error" else {}),
    )
    if request["shape"] == "page":
        return PAGES.get(status, unavailable if status >= 500 else not_found)()
    if request["shape"] == "pix":
        return json_answer(PixError(message=message, code=code), status=status, headers=headers)
    body = MonitoringError(success=False, error=PORTUGUESE.get(code, message), code=code)
    return json_answer(body, status=status, headers=headers)

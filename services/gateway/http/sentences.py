"""What errors say: English on the Pix routes and in the log, Portuguese everywhere else."""

from __future__ import annotations

from typing import Final

from extrato.domain.errors import Refused, UnknownName
from extrato.errors import ExtratoError, ProviderRefused

# For errors that arise far from any route, and are raised with an English sentence. `{}` is the name that is not known.
PORTUGUESE: Final = {
    "provider_refused": "O Mercado Pago recusou o pedido",
    "provider_misunderstood": "O Mercado Pago deu uma resposta inesperada",
    "provider_unavailable": "O Mercado Pago não respondeu; tente novamente em instantes",
    "provider_shows_nothing": "O Mercado Pago ainda não mostra este pagamento; tente novamente em instantes",
    "provider_not_connected": "Mercado Pago não configurado para esta padaria",
    "too_many_requests": "Requisições demais; aguarde um instante",
    "overloaded": "Sistema sobrecarregado; tente novamente em instantes",
    "store_unavailable": "Sistema temporariamente indisponível; tente novamente em instantes",
    "bus_unavailable": "Sistema temporariamente indisponível; tente novamente em instantes",
    "conflict": "Outra operação mudou o mesmo registro; tente novamente",
    "idempotency_key_reused": "Esta Idempotency-Key já foi usada em outro pedido",
    "unauthenticated": "Chave de API ausente ou inválida",
    "foreign_page": "Sem chaves de API, só são atendidas páginas e programas desta máquina",
    "body_too_slow": "O corpo da requisição demorou demais a chegar",
    "body_too_large": "O corpo da requisição é grande demais",
    "unsupported_media_type": "Envie o corpo como application/json em UTF-8",
    "not_an_object": "O corpo da requisição deve ser um objeto JSON",
    "not_found": "Nada existe neste endereço",
    "amount_missing": "Falta o valor",
    "amount_zero": "O valor deve ser maior que zero",
    "amount_negative": "O valor não pode ser negativo",
    "amount_too_large": "O valor passa do limite",
    "amount_too_precise": "O valor deve ter no máximo duas casas decimais",
    "amount_text": "O valor deve ser um número, sem aspas",
    "amount_boolean": "O valor deve ser um número",
    "amount_not_a_number": "O valor deve ser um número",
    "amount_nan": "O valor deve ser um número",
    "amount_infinite": "O valor deve ser um número finito",
    "invalid_slug": "O campo 'slug' deve ter de 1 a 63 caracteres de a-z, 0-9 e hífens internos",
    "reserved_slug": "Este slug é reservado",
    "merchant_exists": "Já existe outra padaria com este slug",
    "invalid_merchant": "Nome e cidade devem ter de 1 a 120 caracteres, com alguma letra, algarismo ou sinal",
    "invalid_product": "O nome de um produto deve ter de 1 a 120 caracteres",
    "invalid_price": "O preço deve ser um valor em reais acima de zero",
    "too_many_products": "A padaria já vende produtos demais",
    "unknown_scope": "O campo 'scopes' deve listar um ou mais de: "
    "admin, confirm, payments:read, payments:refund, payments:write",
    "invalid_api_key_name": "O nome de uma chave de API deve ter de 1 a 60 caracteres visíveis",
    "listed_prices_only": "Esta chave de API não pode definir preços: cobra os preços dos produtos da padaria",
    "admin_sets_prices": "Uma chave com o escopo 'admin' define os preços dos produtos: não pode ficar presa a eles",
    "too_many_api_keys": "A padaria já tem chaves de API demais; revogue algumas",
    "api_key_not_found": "Não há chave de API com este identificador",
    "unknown_provider": "Não há provedor '{}' que se conecte a uma conta",
    "unknown_product": "Produto '{}' não encontrado",
    "invalid_credential": "As credenciais devem ter de 1 a 500 caracteres ASCII, sem espaços",
    "credential_not_accepted": "O Mercado Pago não aceita este 'access_token'",
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
    "unreadable_event": "Erro interno; um registro deste pagamento não pode ser lido",
    "invalid_vault_key": "Erro interno; as credenciais da padaria não podem ser lidas",
    "foreign_file": "Erro interno; um arquivo do serviço não pode ser lido",
    "bus_refused": "O barramento de eventos não está configurado para este serviço",
    "unfit_role": "O banco de dados não está configurado para este serviço",
    "cannot_rotate": "Os segredos não podem ser trocados agora",
    "internal_error": "Erro interno; consulte antes de repetir a operação",
    "unavailable": "O sistema demorou demais; consulte antes de repetir a operação",
}


class Bilingual(Refused):
    """A request is wrong in a way that is told in English or in Portuguese, as its route does."""

    def __init__(self, code: str, english: str, portuguese: str, about: str = "") -> None:
        super().__init__(code, english, about)
        self.portuguese = portuguese


class Unexpected(ExtratoError):
    """Something failed that nobody foresaw."""

    code = "internal_error"

    def __init__(self) -> None:
        super().__init__("Something went wrong here; whether it was done is unknown.")


def in_portuguese(error: Refused | ExtratoError) -> str:
    """Give the Portuguese sentence of an error; a code without one is raised in Portuguese."""
    if isinstance(error, Bilingual):
        return error.portuguese
    if isinstance(error, ProviderRefused):
        # Only the provider's own sentence says what the merchant can do about it; no secret is in it.
        return f"{PORTUGUESE[error.code]}: {error.message}"
    if isinstance(error, UnknownName):
        sentence = PORTUGUESE[error.code].format(error.about)
        return sentence if error.nearest is None else f"{sentence}; o mais parecido é '{error.nearest}'"
    return PORTUGUESE.get(error.code, error.message)

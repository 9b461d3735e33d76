"""Errors of merchants: their names, Pix keys, products, API keys and connected accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.errors.entry import entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry

NO_SUCH_MERCHANT: Final = ("Merchant {slug!r} does not exist.", "Padaria '{slug}' não encontrada")

ENTRIES: Final[Mapping[str, Entry]] = {
    "merchant_not_found": entry(
        400,
        "The merchant does not exist.",
        "A padaria não existe",
        cause="No merchant has this slug, or the API key belongs to another merchant.",
        remedy="Check `padaria_slug`, and that the API key belongs to this merchant.",
        named=NO_SUCH_MERCHANT,
    ),
    "unknown_merchant": entry(
        404,
        *NO_SUCH_MERCHANT,
        cause="The address names a merchant that does not exist, or that the caller may not see.",
        remedy="Check the slug in the address.",
        not_connected=("No connected merchant has this address.", "Não há loja conectada neste endereço"),
    ),
    "merchant_exists": entry(
        409,
        "Another merchant has this slug.",
        "Já existe outra padaria com este slug",
        cause="A merchant with another name or city has this slug.",
        remedy="Choose another slug, or rename the merchant.",
    ),
    "invalid_slug": entry(
        400,
        "A slug has 1 to 63 characters of a-z, 0-9 and inner hyphens.",
        "O campo 'slug' deve ter de 1 a 63 caracteres de a-z, 0-9 e hífens internos",
        cause="The slug has other characters, or is too long.",
        remedy="Choose a slug such as `padaria-do-marcos`.",
        after="The parameter 'after' must be a slug.",
    ),
    "reserved_slug": entry(
        400,
        "This slug is reserved for the hub.",
        "Este slug é reservado",
        cause="The hub uses this slug for its own API keys.",
        remedy="Choose another slug.",
    ),
    "invalid_merchant": entry(
        400,
        "A {about} has 1 to {maximum} printable characters, and a letter, digit or sign that exists in ASCII.",
        "Nome e cidade devem ter de 1 a 120 caracteres, com alguma letra, algarismo ou sinal",
        cause="A name or city is empty, too long, or has no character that a BR Code can contain.",
        remedy="Correct the name or city.",
    ),
    "invalid_colour": entry(
        400,
        "A colour is # and six hexadecimal digits, like #aa3300.",
        "Uma cor é # e seis dígitos hexadecimais, como #aa3300",
        cause="The field `colour` has another form.",
        remedy="Send the colour as `#rrggbb`, or null for none.",
    ),
    "invalid_document": entry(
        400,
        "The field '{about}' must be a CPF or a CNPJ with matching check digits.",
        "O campo '{about}' deve ser um CPF ou um CNPJ com os dígitos verificadores certos",
        cause="The text is neither a CPF nor a CNPJ, or it was mistyped.",
        remedy="Correct the number, or send null for none.",
    ),
    "invalid_logo": entry(
        400,
        "The body is not a whole PNG, JPEG or WebP picture.",
        "O corpo não é uma imagem PNG, JPEG ou WebP inteira",
        cause="The picture is of another kind or damaged, has too many pixels, or needs too much memory or time.",
        remedy="Send a PNG, JPEG or WebP picture. 512 pixels a side are enough: the hub draws no larger logo.",
        pixels=(
            "The picture may have at most {maximum} pixels.",
            "A imagem pode ter no máximo {maximum} pixels",
        ),
    ),
    "invalid_origin": entry(
        400,
        "An origin is https:// and a host, perhaps with a port, as in https://shop.example; at most 300 characters.",
        "Uma origem é https:// e um domínio, talvez com porta, como https://loja.example; até 300 caracteres",
        cause="An origin of `return_origins` or `frame_origins` has another scheme, a path, user information or other "
        "characters. Only a host of the same machine, `localhost`, may have http.",
        remedy="Send the part of the address before the path, and other letters of a host in ASCII (`xn--…`).",
    ),
    "too_many_origins": entry(
        400,
        "A merchant has at most {maximum} origins of a kind.",
        "São no máximo 20 origens de cada tipo",
        cause="`return_origins` or `frame_origins` has more origins than a merchant may have.",
        remedy="Remove origins that are not used.",
    ),
    "invalid_product": entry(
        400,
        "A product's name has 1 to {maximum} printable characters.",
        "O nome de um produto deve ter de 1 a 120 caracteres",
        cause="The name is empty, too long, or not printable.",
        remedy="Correct the name.",
    ),
    "invalid_price": entry(
        400,
        "A price is above zero, and at most {maximum} centavos.",
        "O preço deve ser um valor em reais acima de zero",
        cause="The price is not an amount in reais, or is out of bounds.",
        remedy="Send the price in reais, such as 0.50.",
        not_reais="{price!r} is not a price in reais, such as 0.50.",
    ),
    "too_many_products": entry(
        400,
        "A merchant can sell at most {maximum} products.",
        "A padaria já vende produtos demais",
        cause="The merchant has reached the limit of products.",
        remedy="Withdraw products that are not sold.",
    ),
    "unknown_product": entry(
        400,
        "The merchant does not sell the product {about!r}.",
        "Produto '{about}' não encontrado",
        cause="The order names a product that the merchant does not sell, and does not set a price for it.",
        remedy="Correct the name, or send a unit price.",
        near=(
            "The merchant does not sell the product {about!r}. Did you mean {nearest!r}?",
            "Produto '{about}' não encontrado; o mais parecido é '{nearest}'",
        ),
    ),
    "pix_key_unusable": entry(
        400,
        "A Pix key has at most {maximum} characters of plain ASCII.",
        "A chave Pix deve ter no máximo 77 caracteres ASCII",
        cause="The key is too long, or has characters that a Pix key cannot have.",
        remedy="Correct the key.",
    ),
    "pix_key_unknown_kind": entry(
        400,
        "The kind must be cpf, cnpj, phone, email or evp.",
        "O campo 'kind' deve ser cpf, cnpj, phone, email ou evp",
        cause="The kind is not one of the five kinds of Pix keys.",
        remedy="Send one of the five kinds.",
    ),
    "pix_key_invalid_cpf": entry(
        400,
        "A CPF has eleven digits, like 529.982.247-25.",
        "A chave não é um CPF: são onze dígitos",
        cause="The key does not have the form of a CPF.",
        remedy="Correct the key or its kind.",
    ),
    "pix_key_invalid_cnpj": entry(
        400,
        "A CNPJ has twelve digits or letters, then two digits, like 12.ABC.345/01DE-35.",
        "A chave não é um CNPJ: são doze dígitos ou letras e mais dois dígitos",
        cause="The key does not have the form of a CNPJ.",
        remedy="Correct the key or its kind.",
    ),
    "pix_key_invalid_phone": entry(
        400,
        "A telephone key is a Brazilian number with its area code, like +55 11 98765-4321.",
        "A chave não é um telefone brasileiro com DDD",
        cause="The key does not have the form of a Brazilian telephone number.",
        remedy="Correct the key or its kind.",
    ),
    "pix_key_invalid_email": entry(
        400,
        "An e-mail key looks like name@example.com.br.",
        "A chave não é um e-mail",
        cause="The key does not have the form of an e-mail address.",
        remedy="Correct the key or its kind.",
    ),
    "pix_key_invalid_evp": entry(
        400,
        "A random key (EVP) is a UUID of 36 characters with hyphens.",
        "A chave não é uma chave aleatória (EVP)",
        cause="The key does not have the form of a UUID.",
        remedy="Correct the key or its kind.",
    ),
    "pix_key_wrong_check_digits": entry(
        400,
        "The check digits at the end do not match the number: it was mistyped.",
        "Os dígitos verificadores da chave não conferem",
        cause="The CPF or CNPJ was mistyped.",
        remedy="Correct the number.",
    ),
    "api_key_not_found": entry(
        404,
        "No API key has this id.",
        "Não há chave de API com este identificador",
        cause="The merchant or the hub has no key with this id.",
        remedy="List the keys, and use one of their ids.",
    ),
    "api_key_exists": entry(
        400,
        "Another API key has this id.",
        "Já existe outra chave de API com este identificador",
        cause="Two different keys were issued with one id.",
        remedy="Issue the key again; each key gets another id.",
    ),
    "secret_shown_once": entry(
        409,
        "An earlier request with this Idempotency-Key issued the API key {api_key_id}; its secret was shown once.",
        "Um pedido anterior com esta Idempotency-Key criou a chave {api_key_id}; o segredo só é mostrado uma vez",
        cause="The request is a repetition. The hub does not store the secret, so that it cannot show it again.",
        remedy="If the first answer was lost, revoke the key, and issue another one with another Idempotency-Key.",
    ),
    "too_many_api_keys": entry(
        400,
        "There can be at most {maximum} API keys; revoke some.",
        "A padaria já tem chaves de API demais; revogue algumas",
        cause="The merchant or the hub has reached the limit of API keys.",
        remedy="Revoke keys that are not used.",
    ),
    "invalid_api_key_name": entry(
        400,
        "An API key's name has 1 to {maximum} printable characters.",
        "O nome de uma chave de API deve ter de 1 a 60 caracteres visíveis",
        cause="The name is empty, too long, or not printable.",
        remedy="Correct the name, or leave it out.",
    ),
    "unknown_scope": entry(
        400,
        "An API key has one or more of the scopes {scopes}.",
        "O campo 'scopes' deve listar um ou mais de: admin, confirm, payments:read, payments:refund, payments:write",
        cause="The list of scopes is empty, or has a scope that such a key cannot have.",
        remedy="Send a list of known scopes.",
        not_a_list="The field 'scopes' must be a list of scopes.",
        of_merchant="'{about}' has one or more of payments:write, payments:read, payments:refund, confirm and admin.",
    ),
    "admin_sets_prices": entry(
        400,
        "A key with the scope 'admin' sets the prices of the products, so it cannot be limited to listed prices.",
        "Uma chave com o escopo 'admin' define os preços dos produtos: não pode ficar presa a eles",
        cause="The request asks for a key with both the scope `admin` and `listed_prices_only`.",
        remedy="Choose one of the two.",
    ),
    "unknown_provider": entry(
        404,
        "There is no provider {about!r} with accounts to connect.",
        "Não há provedor '{about}' que se conecte a uma conta",
        cause="No provider with accounts has this name.",
        remedy="Use `mercado_pago`.",
        near=(
            "There is no provider {about!r} with accounts to connect. Did you mean {nearest!r}?",
            "Não há provedor '{about}' que se conecte a uma conta; o mais parecido é '{nearest}'",
        ),
        listed=(
            "There is no provider {about!r} with accounts to connect. There are: {choices}.",
            "Não há provedor '{about}' que se conecte a uma conta; há: {choices}",
        ),
    ),
    "unknown_pix_api": entry(
        400,
        "The Pix API is `payments` or `orders`.",
        "O campo 'pix_api' deve ser 'payments' ou 'orders'",
        cause="`pix_api` has another value.",
        remedy="Send one of the two.",
    ),
    "invalid_credential": entry(
        400,
        "A token or secret has 1 to 500 visible ASCII characters.",
        "As credenciais devem ter de 1 a 500 caracteres ASCII, sem espaços",
        cause="An access token or webhook secret is empty, too long, or has blanks.",
        remedy="Copy the token or secret again from Mercado Pago's panel.",
    ),
    "credential_not_accepted": entry(
        400,
        "The provider does not accept the access token.",
        "O Mercado Pago não aceita este 'access_token'",
        cause="The provider rejected the token when the hub asked for its account.",
        remedy="Copy the token again, or create another one in the provider's panel.",
    ),
    "account_mismatch": entry(
        400,
        "The access token belongs to another account.",
        "O 'access_token' é de outra conta",
        cause="The token's account is neither the one in the request nor the connected one.",
        remedy="Use a token of that account.",
    ),
    "another_account_connected": entry(
        409,
        "Another account is connected; disconnect it first.",
        "Outra conta está conectada; desconecte-a primeiro",
        cause="The merchant has another connected account, which may have open charges.",
        remedy="Disconnect the account, then connect the other one.",
    ),
}

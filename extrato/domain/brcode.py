"""The BR Code: the text behind a Pix QR code, which payers also copy and paste.

A BR Code is EMVCo's merchant-presented QR code (QRCPS-MPM) with the fields that Banco Central defines in the Manual do
BR Code and in the Manual de Padrões para Iniciação do Pix. It is a sequence of fields, each with a two-digit id, a
two-digit length in characters and a value; some values are again such sequences ("templates").
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import Final, Literal

import msgspec

from extrato.domain.errors import Refused
from extrato.domain.plain_ascii import plain_ascii

NO_TXID: Final = "***"
"""The value of field 62-05 when the payment has no reference."""

MAX_LENGTH: Final = 512
"""Characters of a whole code (`pixCopiaECola` in Banco Central's API Pix)."""

MAX_AMOUNT_CENTAVOS: Final = 999_999_999_999
"""The largest amount that fits the 13 characters of field 54: R$ 9.999.999.999,99."""

_PIX_GUI: Final = "br.gov.bcb.pix"
_ACCOUNTS: Final = tuple(f"{number}" for number in range(26, 52))
_UNRESERVED: Final = tuple(f"{number}" for number in range(80, 100))
_MAX_NAME: Final = 25
_MAX_CITY: Final = 15
_MAX_TEMPLATE: Final = 99
_KEY_AND_TEXT_BUDGET: Final = _MAX_TEMPLATE - len(f"0014{_PIX_GUI}") - len("01nn") - len("02nn")

_KEY_OR_URL: Final = re.compile(r"[!-~]{1,77}")
_TXID: Final = re.compile(r"[A-Za-z0-9]{1,25}")
_AMOUNT: Final = re.compile(r"([0-9]{1,10})(?:\.([0-9]{0,2}))?")
_NUMBER: Final = re.compile(r"(?:[A-Z]{0,2}\$ ?)?[0-9]")
# A blank that is not inside a number such as `R$ 100`, `1 1/2`, `10 000`, `100 mil` or `5 %`.
_BREAK: Final = re.compile(r" (?!(?<=\$ )[-0-9]|(?<=[0-9] )(?:[0-9]+/[0-9]|[0-9]{3}(?![0-9])|mil(?:h|\b)|%))")
_FIELD_HEADER: Final = re.compile(r"([0-9]{2})([0-9]{2})")


class InvalidBRCode(Refused):
    """These values do not fit a BR Code, or this text is not a Pix BR Code.

    `about` names the argument or the number of the field. No message repeats their values, because keys and names are
    personal data.
    """


class BRCode(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a Pix BR Code. A text that is absent from the code is empty here.

    A `static` code names `pix_key`. A `dynamic` one names `url` (without `https://`), where the payer's bank fetches
    the signed charge; its amount is informative only. A `recurrence` code requests no money: it only offers the Pix
    Automático behind `recurrence_url`, which a static or dynamic code may offer too. `amount_centavos` is `None` if the
    code holds no amount. It is 0 only in a dynamic or recurrence code or in a Pix Saque, which names its facilitator in
    `withdrawal_ispb`. `point_of_initiation` is `11` (may be paid many times), `12` (once) or empty, and is no reliable
    sign of the kind.
    """

    kind: Literal["static", "dynamic", "recurrence"]
    pix_key: str
    url: str
    amount_centavos: int | None
    currency: str
    country: str
    receiver_name: str
    receiver_city: str
    txid: str
    description: str
    merchant_category: str
    postal_code: str
    point_of_initiation: str
    withdrawal_ispb: str
    recurrence_url: str


def encode_static(
    *,
    pix_key: str,
    receiver_name: str,
    receiver_city: str,
    amount_centavos: int | None,
    txid: str = NO_TXID,
    description: str = "",
) -> str:
    """Write the static code that pays `amount_centavos` to `pix_key`, or any amount when that is `None`.

    The key is written unchanged, so pass the normal form of `pix_keys`. Name, city and description are converted by
    `plain_ascii`. Name and city are cut at 25 and 15 characters, the description at the rest of field 26: 73 characters
    less those of the key, so the longest keys leave no room. A cut never leaves a part of a number, unless a name or
    city would be empty otherwise. Field 01 is omitted, as in the manual's sample (Manual de Padrões para Iniciação do
    Pix, section 2.6.3). The result has at most 236 characters. Raises `InvalidBRCode`.
    """
    if _KEY_OR_URL.fullmatch(pix_key) is None:
        raise InvalidBRCode("brcode_invalid_pix_key", "pix_key")
    name = _name(receiver_name, _MAX_NAME)
    if not name:
        raise InvalidBRCode("brcode_empty_receiver_name", "receiver_name")
    city = _name(receiver_city, _MAX_CITY)
    if not city:
        raise InvalidBRCode("brcode_empty_receiver_city", "receiver_city")
    if txid != NO_TXID and _TXID.fullmatch(txid) is None:
        raise InvalidBRCode("brcode_invalid_txid", "txid")
    account = f"0014{_PIX_GUI}01{len(pix_key):02d}{pix_key}"
    if description and (text := _cut(description, _KEY_AND_TEXT_BUDGET - len(pix_key))):
        account += f"02{len(text):02d}{text}"
    unsigned = (
        f"00020126{len(account):02d}{account}520400005303986{_amount_field(amount_centavos)}5802BR"
        f"59{len(name):02d}{name}60{len(city):02d}{city}62{len(txid) + 4:02d}05{len(txid):02d}{txid}6304"
    )
    return unsigned + crc16(unsigned)


def decode(payload: str) -> BRCode:
    """Decode a static, dynamic or recurrence code of Pix, of any generator; raises `InvalidBRCode` for any other text.

    The identifier of Pix may be in any of the fields 26 to 51, in either case, so codes that carry other schemes too
    are accepted. Fields that do not concern Pix are skipped; a missing field 62 means no txid. The text must be exact:
    surrounding blanks and a lower-case check code are refused.
    """
    _check_text(payload)
    root = _fields(payload)
    _check_frame(payload, root)
    account = _pix_account(root)
    additional = _fields(root["62"]) if "62" in root else {}
    pix_key, url = account.get("01", ""), account.get("25", "")
    recurrence_url = _recurrence_url(root)
    kind = _kind(pix_key, url, recurrence_url)
    withdrawal_ispb = _optional(account, "03", r"[0-9A-Z]{8}", "the eight letters and digits of an ISPB")
    may_be_zero = kind != "static" or bool(withdrawal_ispb)
    return BRCode(
        kind=kind,
        pix_key=pix_key,
        url=url,
        amount_centavos=_amount_centavos(root["54"], may_be_zero=may_be_zero) if "54" in root else None,
        currency=_required(root, "53", r"986", "the currency, which must be 986 (BRL)"),
        country=_required(root, "58", r"BR", "the country, which must be BR"),
        receiver_name=_required(root, "59", r".{1,25}", "the receiver's name of 1 to 25 characters"),
        receiver_city=_required(root, "60", r".{1,15}", "the receiver's city of 1 to 15 characters"),
        txid=_optional(additional, "05", r".{1,25}", "a txid of 1 to 25 characters") or NO_TXID,
        description=account.get("02", ""),
        merchant_category=_required(root, "52", r"[0-9]{4}", "a merchant category of four digits"),
        postal_code=root.get("61", ""),
        point_of_initiation=_optional(root, "01", r"1[12]", "a point of initiation, 11 or 12"),
        withdrawal_ispb=withdrawal_ispb,
        recurrence_url=recurrence_url,
    )


def crc16(text: str) -> str:
    """Return the check code of field 63 over `text`, which ends in `6304`: four upper-case hexadecimal digits.

    It is CRC-16/CCITT-FALSE (polynomial 0x1021, initial value 0xFFFF) over the UTF-8 bytes (EMVCo QRCPS-MPM,
    "CRC (ID 63)"; ISO/IEC 13239).
    """
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def _name(text: str, longest: int) -> str:
    """Write the name of a receiver or city; cut within a number only if the text would be empty otherwise."""
    return _cut(text, longest) or plain_ascii(text)[:longest].rstrip()


@lru_cache(maxsize=4096)
def _cut(text: str, longest: int) -> str:
    """Write `text` in ASCII and cut it before a number that does not fit: a part would be another number."""
    whole, room = plain_ascii(text), max(longest, 0)
    if len(whole) <= room:
        return whole
    start = max((blank.end() for blank in _BREAK.finditer(whole) if blank.start() <= room), default=0)
    number = _NUMBER.search(whole, start)
    if number is None or number.start() >= room:
        return whole[:room].rstrip()
    return whole[: start or number.start()].rstrip()


def _amount_field(amount_centavos: int | None) -> str:
    if amount_centavos is None:
        return ""
    if not 0 < amount_centavos <= MAX_AMOUNT_CENTAVOS:
        raise InvalidBRCode("brcode_invalid_amount", "amount_centavos", maximum=MAX_AMOUNT_CENTAVOS)
    reais, centavos = divmod(amount_centavos, 100)
    text = f"{reais}.{centavos:02d}"
    return f"54{len(text):02d}{text}"


def _check_text(payload: str) -> None:
    """Check the text as a whole: its length, its characters and its check code."""
    if len(payload) > MAX_LENGTH:
        raise InvalidBRCode("brcode_too_long", maximum=MAX_LENGTH)
    if not payload.isprintable():
        raise InvalidBRCode("brcode_unprintable")
    if crc16(payload[:-4]) != payload[-4:]:
        raise InvalidBRCode("brcode_wrong_crc")


def _fields(text: str) -> dict[str, str]:
    """Split `text` into its fields by id, in order."""
    fields: dict[str, str] = {}
    start = 0
    while start < len(text):
        header = _FIELD_HEADER.match(text, start)
        value = text[start + 4 : start + 4 + int(header[2])] if header else ""
        if header is None or not value or len(value) != int(header[2]):
            raise InvalidBRCode("brcode_malformed")
        if header[1] in fields:
            raise InvalidBRCode("brcode_repeated_field", header[1])
        fields[header[1]] = value
        start += 4 + len(value)
    if not fields:
        raise InvalidBRCode("brcode_malformed", why="empty")
    return fields


def _check_frame(payload: str, root: dict[str, str]) -> None:
    """Check that the payload is of format 01 and that the check code is its last field."""
    first, last = next(iter(root.items())), next(reversed(root.items()))
    if first != ("00", "01") or last != ("63", payload[-4:]):
        raise InvalidBRCode("brcode_invalid_field", why="frame")


def _required(fields: dict[str, str], number: str, shape: str, content: str) -> str:
    if number not in fields:
        raise InvalidBRCode("brcode_missing_field", number, content=content)
    return _optional(fields, number, shape, content)


def _optional(fields: dict[str, str], number: str, shape: str, content: str) -> str:
    value = fields.get(number, "")
    if value and re.fullmatch(shape, value) is None:
        raise InvalidBRCode("brcode_invalid_field", number, content=content)
    return value


def _pix_account(root: dict[str, str]) -> dict[str, str]:
    """Return the account of Pix; raises `InvalidBRCode` unless there is exactly one."""
    accounts = [_fields(root[number]) for number in _ACCOUNTS if number in root]
    pix = [account for account in accounts if _belongs_to_pix(account)]
    if len(pix) != 1:
        raise InvalidBRCode("brcode_not_pix", account=_PIX_GUI, found=len(pix))
    return pix[0]


def _belongs_to_pix(template: dict[str, str]) -> bool:
    return template.get("00", "").lower() == _PIX_GUI


def _recurrence_url(root: dict[str, str]) -> str:
    """Return the URL of a Pix Automático offer (Manual de Padrões para Iniciação do Pix, section 2.8)."""
    templates = (_fields(root[number]) for number in _UNRESERVED if number in root)
    return next((template.get("25", "") for template in templates if _belongs_to_pix(template)), "")


def _kind(pix_key: str, url: str, recurrence_url: str) -> Literal["static", "dynamic", "recurrence"]:
    """Return the kind of a code, and check its key and addresses."""
    if (pix_key and url) or not (pix_key or url or recurrence_url):
        raise InvalidBRCode("brcode_key_or_url")
    named = [text for text in (pix_key, url, recurrence_url) if text]
    if not all(map(_KEY_OR_URL.fullmatch, named)) or "://" in url or "://" in recurrence_url:
        raise InvalidBRCode("brcode_invalid_field", why="address")
    if pix_key:
        return "static"
    return "dynamic" if url else "recurrence"


def _amount_centavos(text: str, *, may_be_zero: bool) -> int:
    """Parse field 54, whose decimal mark is a point (EMVCo QRCPS-MPM, ID 54).

    EMVCo allows no zero. Banks write it in two cases: in a dynamic code, whose charge is behind the URL, and in a Pix
    Saque, whose payer chooses the amount.
    """
    match = _AMOUNT.fullmatch(text)
    centavos = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else None
    if centavos is None or (centavos == 0 and not may_be_zero):
        raise InvalidBRCode("brcode_invalid_amount", "54", why="field")
    return centavos

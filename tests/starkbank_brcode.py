"""A reader of BR Codes by others: `jsonFromBrcode` of starkbank-brcode 1.1.0, by Stark Bank, under the MIT licence.

It stands here because it is published as source only, and nothing is installed that must be built. Only what reads was
taken over, with its rules as they were; https://github.com/starkbank/brcode-python has the rest.
"""

from __future__ import annotations

from typing import Any

# Fields that contain fields: accounts, additional data, unreserved templates.
NESTED = {"62", *map(str, range(26, 52)), *map(str, range(80, 100))}
MAX_BYTES = 512
MAX_LEVELS = 10


def json_from_brcode(brcode: str, _level: int = 1) -> dict[str, Any]:
    json: dict[str, Any] = {}
    if len(brcode.encode()) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    if _level == 1 and _crc16(brcode[:-4]) != brcode[-4:]:
        raise ValueError(f"CRC16 mismatch: expected {_crc16(brcode[:-4])}, got {brcode[-4:]}")
    if _level > MAX_LEVELS:
        raise ValueError("too many levels")
    while brcode:
        key, length, brcode = brcode[0:2], int(brcode[2:4]), brcode[4:]
        value, brcode = brcode[0:length], brcode[length:]
        if len(value) != length:
            raise ValueError(f"length mismatch: {len(value)} != {length}")
        if _level == 1 and key in NESTED:
            json[key] = json_from_brcode(value, _level + 1)
        else:
            json[key] = value
    return json


def _crc16(data: str) -> str:
    crc = 0xFFFF
    for byte in data.encode():
        for i in range(8):
            bit = (byte >> (7 - i)) & 1
            c15 = (crc >> 15) & 1
            crc <<= 1
            if c15 ^ bit:
                crc ^= 0x1021
    return f"{crc & 0xFFFF:04X}"

"""Sealed personal data: what opens it, and what does not."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrato.store.sealing import PREFIX, BodySeal, CannotOpen, KeyedDigest, PaymentKey, is_sealed

KEY = PaymentKey(7, bytes(range(32)))
SEAL = BodySeal(bytes(range(32)))


@given(st.text())
def test_sealed_text_opens_with_its_key_and_field(text: str):
    sealed = KEY.seal(text, "payer_email")

    assert sealed is not None
    assert is_sealed(sealed)
    assert KEY.open(sealed, "payer_email") == text


@given(st.binary(max_size=64), st.binary())
def test_keyed_digest_is_that_of_the_standard_library(key: bytes, text: bytes):
    keyed = KeyedDigest(key)

    assert keyed.digest(text) == keyed.digest(text) == hmac.digest(key, text, "sha256")


def test_no_text_is_not_sealed():
    assert KEY.seal(None, "payer_email") is None


def test_same_text_is_sealed_differently_each_time():
    assert KEY.seal("ana@example.com", "payer_email") != KEY.seal("ana@example.com", "payer_email")


@pytest.mark.parametrize(
    ("key", "field"),
    [
        (PaymentKey(8, bytes(range(32))), "payer_email"),
        (PaymentKey(7, bytes(range(1, 33))), "payer_email"),
        (KEY, "metadata"),
    ],
    ids=["another payment", "another key", "another field"],
)
def test_sealed_text_does_not_open_elsewhere(key: PaymentKey, field: str):
    sealed = KEY.seal("ana@example.com", "payer_email")

    assert sealed is not None
    with pytest.raises(CannotOpen):
        key.open(sealed, field)


@pytest.mark.parametrize("text", ["", PREFIX, f"{PREFIX}!", f"{PREFIX}aaaa", "ana@example.com"])
def test_text_that_was_not_sealed_does_not_open(text: str):
    with pytest.raises(CannotOpen):
        KEY.open(text, "payer_email")


def test_plain_addresses_of_older_logs_are_not_sealed():
    assert not is_sealed("s1.ana@example.com")


@given(st.binary(max_size=200))
def test_evidence_opens_and_its_digest_covers_the_salt_and_the_bytes(body: bytes):
    sealed = KEY.seal_evidence("provider/payment", body)

    assert body == b"" or body not in sealed.body or len(body) < 4
    assert sealed.digest == hashlib.sha256(KEY.salt + body).digest()
    assert KEY.open_evidence(sealed.digest, sealed.body) == body


def test_equal_evidence_has_one_digest_in_a_payment_and_another_in_each_other():
    body = b'{"payer":{"email":"ana@example.com"}}'

    digests = {PaymentKey(n, bytes([n]) * 32).seal_evidence("k", body).digest for n in (1, 1, 2)}

    assert len(digests) == 2
    assert hashlib.sha256(body).digest() not in digests


def test_changed_evidence_does_not_open():
    sealed = KEY.seal_evidence("provider/payment", b"{}")

    with pytest.raises(CannotOpen):
        KEY.open_evidence(sealed.digest, sealed.body[:-1] + bytes([sealed.body[-1] ^ 1]))
    with pytest.raises(CannotOpen):
        KEY.open_evidence(bytes(32), sealed.body)


@given(st.binary(max_size=200))
def test_body_of_a_webhook_opens_in_every_process(body: bytes):
    digest, sealed = SEAL.seal_body(body)

    assert digest == hashlib.sha256(SEAL.salt + body).digest()
    assert BodySeal(bytes(range(32))).open_body(digest, sealed) == body


def test_equal_bodies_have_one_digest_and_different_ciphertexts():
    first, second = SEAL.seal_body(b"{}"), SEAL.seal_body(b"{}")

    assert first.digest == second.digest
    assert first.sealed != second.sealed


def test_changed_body_does_not_open():
    digest, sealed = SEAL.seal_body(b"{}")

    for seal, named, changed in (
        (SEAL, digest, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (SEAL, digest, b""),
        (SEAL, bytes(32), sealed),
        (BodySeal(bytes(32)), digest, sealed),
    ):
        with pytest.raises(CannotOpen):
            seal.open_body(named, changed)


def test_keys_of_a_payment_and_of_the_hub_do_not_open_each_others_evidence():
    digest, sealed = SEAL.seal_body(b"{}")

    with pytest.raises(CannotOpen):
        KEY.open_evidence(digest, sealed)


def test_repr_does_not_show_the_key():
    assert repr(KEY) == "PaymentKey(7)"

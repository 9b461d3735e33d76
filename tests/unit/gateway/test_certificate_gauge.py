"""The gauge of the certificate: it is read seldom, and an invalid certificate is not absent."""

from __future__ import annotations

import ssl

import pytest

from services.gateway.api.certificate_gauge import DAY_S, READ_AGAIN_S, TRY_AGAIN_S, CertificateDays

NOW_S = 1_800_000_000.0


class Server:
    """The end of its certificate, or the error of reading it."""

    def __init__(self, *answers: float | Exception) -> None:
        self.answers = list(answers)

    async def read_end_s(self, host: str, port: int) -> float:
        assert (host, port) == ("hub.example", 443)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def days_of(server: Server) -> CertificateDays:
    return CertificateDays("hub.example", 443, read_end_s=server.read_end_s)


async def test_days_follow_the_clock_between_two_readings():
    days = days_of(Server(NOW_S + 10 * DAY_S, NOW_S + 90 * DAY_S))
    assert await days.left(now_s=NOW_S) == 10
    assert await days.left(now_s=NOW_S + READ_AGAIN_S - 1) == pytest.approx(9.96, abs=0.01)
    assert await days.left(now_s=NOW_S + READ_AGAIN_S) == pytest.approx(89.96, abs=0.01)


async def test_certificate_that_is_not_valid_has_no_days_left():
    assert await days_of(Server(ssl.SSLCertVerificationError("expired"))).left(now_s=NOW_S) == 0
    assert await days_of(Server(NOW_S - DAY_S)).left(now_s=NOW_S) == 0


async def test_unreachable_host_has_no_days_and_is_asked_again_soon():
    days = days_of(Server(OSError("no route"), TimeoutError(), NOW_S + TRY_AGAIN_S * 2 + DAY_S))
    assert await days.left(now_s=NOW_S) is None
    assert await days.left(now_s=NOW_S + TRY_AGAIN_S - 1) is None
    assert await days.left(now_s=NOW_S + TRY_AGAIN_S) is None
    assert await days.left(now_s=NOW_S + TRY_AGAIN_S * 2) == 1

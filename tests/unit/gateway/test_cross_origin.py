"""The scope of a route decides whether it may be cross-origin."""

from __future__ import annotations

import pytest

from services.gateway.api.corrections import refund
from services.gateway.http.cross_origin import UNSHARED_SCOPES
from services.gateway.pipeline import Route
from services.gateway.routes import ROUTES


@pytest.mark.parametrize("scope", ["payments:refund", "confirm", "admin", "metrics"])
def test_unshared_scope_cannot_be_cross_origin(scope):
    with pytest.raises(ValueError, match=f"needs the scope {scope}"):
        Route(method="POST", path="/x", handler=refund, scope=scope, cross_origin=True)


def test_refund_routes_are_not_cross_origin():
    refunding = [route for route in ROUTES if route.scope == "payments:refund"]

    assert refund in [route.handler for route in refunding]
    assert not [route.path for route in ROUTES if route.cross_origin and route.scope in UNSHARED_SCOPES]

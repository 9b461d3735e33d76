"""Groups of tests stay on one worker, and two workers never share a port."""

from __future__ import annotations

import pytest

from tests.ports import MAX_WORKERS, range_of

FIRST_PORT_OF_CLIENTS = 32_768


@pytest.mark.xdist_group("together")
def test_grouped_test_is_named_by_its_group(request):
    is_worker = hasattr(request.config, "workerinput")
    assert request.node.nodeid.endswith("@together") == is_worker


def test_port_ranges_of_workers_are_disjoint():
    ports = [port for number in range(MAX_WORKERS) for port in range_of(f"gw{number}")]
    assert len(ports) == len(set(ports))
    assert max(ports) < FIRST_PORT_OF_CLIENTS

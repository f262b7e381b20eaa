from ipaddress import ip_network

import pytest

from bridge.networks import belongs, is_in, read_address

NETWORKS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(("address", "inside"), [
    ("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("fd00::1%eth0", True), ("11.0.0.1", False), ("", False), (None, False),
    ("x", False), ("10.1.2.3:80", False), ("10.1.2", False),
])  # fmt: skip
def test_an_address_is_in_a_network_however_it_is_written(address: str | None, inside: bool) -> None:
    assert is_in(address, NETWORKS) is inside


def test_an_address_of_one_version_is_in_no_network_of_the_other() -> None:
    assert not belongs(read_address("fd00::1"), [ip_network("0.0.0.0/0")])
    assert not belongs(read_address("10.1.2.3"), [ip_network("::/0")])


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.256", "[::1]"])
def test_a_name_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        read_address(text)

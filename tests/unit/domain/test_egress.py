import pytest

from maestro.domain.egress import check_address, destination
from maestro.errors import InvalidInput


@pytest.mark.parametrize(
    ("url", "hosts", "why"),
    [
        ("http://hooks.example.org/x", (), "must be https"),
        ("http://hooks.example.org/x", ("hooks.example.org",), "must be https"),
        ("http://127.0.0.1/x", (), "must be https"),
        ("ftp://hooks.example.org", (), "must be https"),
        ("https:///x", (), "must be https"),
        ("hooks.example.org", (), "must be https"),
        ("https://u:p@hooks.example.org/", (), "neither user"),
        ("https://hooks.example.org/#a", (), "neither user"),
        ("https://hooks.example.org:99999/", (), "the url is none"),
        ("https://[::1/", (), "the url is none"),
        ("https://hooks.example.org/a b", (), "without blanks"),
        ("https://hooks.example.org/é", (), "without blanks"),
        ("https://hooks.example.org/\x7f", (), "without blanks"),
        ("https://hooks.example.org/a\tb", (), "without blanks"),
        ("https://hooks.example.org/" + "x" * 2000, (), "at most 2000"),
        ("https://other.example.org/", ("hooks.example.org",), "not among those"),
    ],
)
def test_urls_that_are_refused(url: str, hosts: tuple[str, ...], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        destination(url, hosts)


def test_what_a_url_holds() -> None:
    place = destination("https://Hooks.Example.Org.:8443/a?b=c", ())
    assert (place.host, place.port, place.path) == ("hooks.example.org", 8443, "/a?b=c")
    assert place.authority == "hooks.example.org:8443"
    assert destination("https://hooks.example.org", ()).authority == "hooks.example.org"
    assert destination("http://[::1]:9/", ("::1",)).authority == "[::1]:9"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.0", "::", "100.64.0.1", "198.18.0.1", "224.0.0.1", "ff02::1", "240.0.0.1"),
        *("255.255.255.255", "fe80::1", "fc00::1", "fd00:ec2::254", "192.88.99.1"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:7f00:1::", "fec0::1", "2001:db8::1"),
    ],
)
def test_addresses_that_nobody_may_lead_to(address: str) -> None:
    with pytest.raises(InvalidInput, match="not allowed"):
        check_address(address, destination("https://hooks.example.org/", ()))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111"])
def test_public_addresses(address: str) -> None:
    check_address(address, destination("https://hooks.example.org/", ()))
    with pytest.raises(InvalidInput, match="not allowed"):
        check_address(address, destination("http://localhost/", ("localhost",)))


def test_a_host_that_the_administrator_named_may_be_inside() -> None:
    place = destination("https://hooks.internal/", ("hooks.internal",))
    for address in ("10.0.0.1", "127.0.0.1", "fd12::1", "8.8.8.8"):
        check_address(address, place)
    for address in ("169.254.169.254", "fe80::1", "0.0.0.0", "64:ff9b::a00:1", "224.0.0.1"):
        with pytest.raises(InvalidInput, match="not allowed"):
            check_address(address, place)

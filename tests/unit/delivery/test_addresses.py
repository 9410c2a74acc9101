"""The names of addresses."""

from maestro.delivery.addresses import address_variable


def test_the_name_of_an_address() -> None:
    assert address_variable("order-service") == "API_URL_ORDER_SERVICE"

"""How everybody can tell what a mock answered from what a provider did."""

MOCK_NAME = "x-maestro-mock"
MOCK_HEADER = (MOCK_NAME, "1")
"""On every reply of a mock, over gRPC as metadata."""
ASKED_FOR = "this failure was asked for"
"""Detail of a reply that is a planned or preferred fault; it tells nothing of the contract."""

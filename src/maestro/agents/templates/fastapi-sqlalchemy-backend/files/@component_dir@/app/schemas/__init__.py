"""Bodies and queries of the API, one module per kind of entry."""

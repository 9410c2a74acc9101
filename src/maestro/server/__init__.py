"""The HTTP door: one API, one event stream, one page, on the use cases of delivery."""

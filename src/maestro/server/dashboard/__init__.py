"""The web page that shows runs live: static files that use the public API only."""

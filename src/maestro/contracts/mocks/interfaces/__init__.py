"""Interfaces of Python modules: read without running them, and stubs made from them."""

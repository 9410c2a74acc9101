"""Which Maestro this is."""

from importlib.metadata import version

VERSION = version("maestro-conductor")

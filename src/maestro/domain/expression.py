"""Safe conditions in CEL, shared by a step's `when` and by quality gates.

Google's CEL binding reports evaluation errors as values whose text is truthy, so nothing outside
this module may look at a CEL result: `holds` returns a real bool or raises.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from maestro.errors import InvalidInput, StepFailed

MAX_SOURCE_BYTES = 4096

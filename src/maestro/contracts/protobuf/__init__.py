"""Protocol-buffer contracts: compiled in memory, described, sampled.

Everything that speaks gRPC imports this package first, so the extra is missed here, in words.
"""

from importlib.util import find_spec

from maestro.errors import InvalidInput

if find_spec("grpc_tools") is None or find_spec("grpc") is None:
    raise InvalidInput(
        "gRPC contracts need the extra 'grpc'; install it: pip install 'maestro-conductor[grpc]'"
    )

"""A gRPC server made from a contract, without generated code."""

# Asked first, because it says in words what to install when the extra is missing.
import maestro.contracts.protobuf  # noqa: F401

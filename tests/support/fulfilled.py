"""Evidence of a contract that is kept in every way."""

from maestro.contracts.verification.fulfilment import FulfilmentEvidence

PERFECT = FulfilmentEvidence(
    operations=10,
    operations_clean=10,
    operations_refusing=8,
    operations_negative=8,
    criteria_passed=4,
    criteria=4,
    criteria_unverified=0,
    replayed_alike=6,
    replayed=6,
    calls_outside=0,
    examples_valid=3,
    examples=3,
    files_present=2,
    files=2,
    document_errors=0,
    unchanged=True,
    started=True,
    orphans=0,
    serious=0,
)

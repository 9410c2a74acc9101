"""Where the rules of the OpenAPI comparison put what they find in one operation."""

from dataclasses import dataclass, field

from maestro.contracts.comparison.changes import Change, ChangeKind
from maestro.contracts.comparison.schemas import SchemaComparison, schema_changes
from maestro.contracts.comparison.schemas_differences import SchemaDirection
from maestro.contracts.comparison.schemas_nodes import LocatedSchema
from maestro.contracts.openapi.operations import OperationParameter
from maestro.contracts.openapi.schemas import Schema
from maestro.domain.values import JsonValue

BREAKING, DANGEROUS, COMPATIBLE = ChangeKind.BREAKING, ChangeKind.DANGEROUS, ChangeKind.COMPATIBLE


@dataclass(kw_only=True)
class ChangeBook:
    """The changes of one operation.

    In webhooks and callbacks the provider calls: there `asked` is what the provider sends.
    """

    schemas: SchemaComparison
    operation: str
    prefix: str = ""
    """Begins every rule, e.g. `webhook-`."""
    provider_calls: bool = False
    changes: list[Change] = field(default_factory=list)

    @property
    def asking(self) -> SchemaDirection:
        """The direction of what the caller sends."""
        return SchemaDirection.RESPONSE if self.provider_calls else SchemaDirection.REQUEST

    def add(
        self,
        kind: ChangeKind,
        rule: str,
        pointer: str,
        message: str,
        *,
        before: JsonValue = None,
        after: JsonValue = None,
    ) -> None:
        self.changes.append(
            Change(
                kind=kind,
                rule=self.prefix + rule,
                pointer=pointer,
                message=message,
                operation=self.operation,
                before=before,
                after=after,
            )
        )

    def asks_more(
        self, rule: str, pointer: str, message: str, *, before: JsonValue, after: JsonValue
    ) -> None:
        """The caller has to send more: breaks the consumer, unless the provider is the caller."""
        kind = COMPATIBLE if self.provider_calls else BREAKING
        self.add(kind, rule, pointer, message, before=before, after=after)

    def asks_less(
        self, rule: str, pointer: str, message: str, *, before: JsonValue, after: JsonValue
    ) -> None:
        kind = BREAKING if self.provider_calls else COMPATIBLE
        self.add(kind, rule, pointer, message, before=before, after=after)

    def deprecation(
        self, what: str, said: str, old: OperationParameter, new: OperationParameter
    ) -> None:
        """`what` begins the rule, `said` the sentence."""
        if old.deprecated is not new.deprecated:
            self.add(
                COMPATIBLE,
                f"{what}-{'deprecated' if new.deprecated else 'no-longer-deprecated'}",
                new.pointer,
                f"{said} is {'now' if new.deprecated else 'no longer'} deprecated",
                before=old.deprecated,
                after=new.deprecated,
            )

    def schema(
        self,
        old: tuple[Schema, str],
        new: tuple[Schema, str],
        direction: SchemaDirection,
        *,
        side: str,
        subject: str,
    ) -> None:
        """Compares two schemas, each given with its pointer."""
        found = self.schemas.differences(LocatedSchema(*old), LocatedSchema(*new), direction)
        self.changes += schema_changes(
            found, side=self.prefix + side, subject=subject, operation=self.operation
        )

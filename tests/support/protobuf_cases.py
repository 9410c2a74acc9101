"""Proto contracts that differ in one place, each with the rule that says so."""

from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId

OLD = """
package a;
message A {
  reserved 9, 20 to 30;
  reserved "gone";
  string id = 1;
  int32 n = 2;
  oneof group { string x = 3; string y = 4; }
  repeated string tags = 5;
  map<string, int32> counts = 6;
  B b = 7;
  optional string note = 8;
}
message B { E e = 1; message C { string c = 1; } }
enum E { E0 = 0; E1 = 1; E2 = 2; }
service S {
  rpc M(A) returns (A);
  rpc N(A) returns (stream B);
}
"""

CASES = [
    ("  rpc N(A) returns (stream B);\n", "", "method-removed"),
    ("rpc N(A) returns (stream B)", "rpc N(A) returns (B)", "method-streaming-changed"),
    ("rpc M(A) returns (A)", "rpc M(stream A) returns (A)", "method-streaming-changed"),
    ("rpc M(A) returns (A)", "rpc M(B) returns (A)", "method-request-type-changed"),
    ("rpc M(A) returns (A)", "rpc M(A) returns (B)", "method-reply-type-changed"),
    ("service S {", "service T {", "service-removed"),
    ("package a;", "package b;", "service-removed"),
    ("  int32 n = 2;\n", "", "field-removed"),
    ("  int32 n = 2;\n", "  reserved 2;\n", "field-removed"),
    ("int32 n = 2;", "int64 n = 2;", "field-type-changed"),
    ("int32 n = 2;", "string n = 2;", "field-type-changed"),
    ("int32 n = 2;", "int32 n = 12;", "field-number-changed"),
    ("int32 n = 2;", "int32 number = 2;", "field-renamed"),
    ("int32 n = 2;", 'int32 n = 2 [json_name = "other"];', "field-json-name-changed"),
    ("int32 n = 2;", "repeated int32 n = 2;", "field-label-changed"),
    ("int32 n = 2;", "optional int32 n = 2;", "field-label-changed"),
    ("optional string note", "string note", "field-label-changed"),
    ("repeated string tags", "string tags", "field-label-changed"),
    ("string x = 3; string y = 4; }", "string y = 4; } string x = 3;", "field-oneof-changed"),
    ("map<string, int32> counts", "map<string, string> counts", "field-type-changed"),
    ("B b = 7;", "B.C b = 7;", "field-type-changed"),
    (" message C { string c = 1; }", "", "message-removed"),
    ("E e = 1;", "int32 e = 1;", "field-type-changed"),
    (" E2 = 2;", "", "enum-value-removed"),
    ("E2 = 2;", "E3 = 2;", "enum-value-renamed"),
    ("E2 = 2;", "E2 = 3;", "enum-value-number-changed"),
    ("reserved 9, 20 to 30;", "reserved 9;", "reservation-removed"),
    ('  reserved "gone";\n', "", "reservation-removed"),
    ("reserved 9, 20 to 30;", "reserved 20 to 30; string back = 9;", "reserved-number-used"),
]


def contract(text: str, syntax: str = "proto3") -> Contract:
    return Contract(
        id=ContractId("a"),
        name="a",
        kind=ContractKind.GRPC,
        version="1.0.0",
        provider="p",
        component="a",
        consumers=(),
        format=SpecificationFormat.PROTOBUF,
        specification={"files": {"a.proto": f'syntax = "{syntax}";{text}'}},
        deliverables=(),
        acceptance=(),
    )

"""Which methods keep entries, by their names and messages."""

import pytest

from maestro.contracts.protobuf.model import protobuf_model
from maestro.contracts.protobuf.resources import EntryAction, resources_of

MESSAGES = """
message Pet { int32 id = 1; string name = 2; }
message PetId { int32 id = 1; }
message Pets { repeated Pet pets = 1; }
message Held { Pet pet = 1; string note = 2; }
message Nothing {}
"""


@pytest.mark.parametrize(
    ("methods", "actions"),
    [
        ("rpc createPet(Pet) returns (Pet); rpc getPets(Nothing) returns (Pets);",
         ["create", "list"]),
        ("rpc AddPet(Held) returns (PetId); rpc FetchPet(PetId) returns (Held);",
         ["create", "get"]),
        ("rpc CreatePet(Pet) returns (Pet); rpc GetPetById(PetId) returns (Pet);"
         "rpc ListPets(Nothing) returns (stream Pet); rpc RemovePet(PetId) returns (Nothing);"
         "rpc PatchPet(Held) returns (Held);", ["create", "delete", "get", "list", "update"]),
        ("rpc CreatePet(Pet) returns (Pet);", []),
        ("rpc CreatePet(stream Pet) returns (Pet); rpc GetPet(PetId) returns (Pet);", []),
        ("rpc CreatePet(Pet) returns (Nothing); rpc GetPet(PetId) returns (Nothing);", []),
        ("rpc Feed(Pet) returns (Pet); rpc Walk(PetId) returns (Pet);", []),
    ],
)  # fmt: skip
def test_resources_are_recognised_where_the_messages_agree(
    methods: str, actions: list[str]
) -> None:
    text = f'syntax = "proto3"; package p; {MESSAGES} service S {{ {methods} }}'
    found = resources_of(protobuf_model({"files": {"p.proto": text}}, name="p"))
    kept = sorted(action.value for resource in found for action in resource.methods)
    assert kept == actions
    assert all(resource.entry.full_name == "p.Pet" for resource in found)
    assert all(resource.methods[EntryAction.CREATE] for resource in found)

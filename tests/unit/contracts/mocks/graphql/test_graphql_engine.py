"""What a query sees, and what a mutation leaves behind; without any server."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.contracts.mocks.graphql.engine import GraphqlEngine
from maestro.contracts.mocks.graphql.memory import Memory
from maestro.contracts.mocks.surface import MockBehaviour

SHOP = (Path(__file__).parents[5] / "examples" / "contracts" / "shop.graphql").read_text()
ENGINE = GraphqlEngine(SHOP, "shop")
TASKS = GraphqlEngine(
    """
    type Query {
      task(id: Int!): Task
      tasks(
        filter: TaskFilter, orderBy: [TaskOrder!], page: Int, pageSize: Int, q: String
      ): TaskPage!
      all(ids: [Int!], done: Boolean, createdAfter: DateTime): [Task!]!
      taskCount(state: State): Int!
      user(email: String!): User
      me: User!
    }
    type Mutation {
      taskCreate(input: TaskInput!): TaskPayload!
      updateTask(taskId: Int!, patch: TaskPatch!): TaskResult!
      completeTask(id: Int!): Task!
      deleteTasks(ids: [Int!]!): Int!
      createTasks(tasks: [TaskInput!]!): [Task!]!
      assignTask(id: Int!, userId: ID!): Task!
    }
    type TaskPage { items: [Task!]! total: Int! page: Int! hasMore: Boolean! }
    type Task {
      id: Int! title: String! state: State! done: Boolean! completedAt: DateTime
      createdAt: DateTime! user: User userId: ID notes: [Note!]! size: Size tags: [String!]!
    }
    type Note { text: String! }
    type Size { width: Int! }
    type User { id: ID! name: String! email: String! tasks: [Task!]! taskCount: Int! }
    type TaskPayload { task: Task success: Boolean! errors: [Problem!]! clientMutationId: String }
    type Problem { message: String! }
    union TaskResult = Task | NotFoundError
    type NotFoundError { message: String! }
    enum State { TODO DOING COMPLETED }
    input TaskInput {
      title: String! userId: ID notes: [NoteInput!] size: SizeInput tags: [String!]
      clientMutationId: String
    }
    input TaskPatch { title: String state: State }
    input NoteInput { text: String! }
    input SizeInput { width: Int! }
    input TaskFilter { state: State title: Texts id_gt: Int or: [TaskFilter!] }
    input Texts { contains: String in: [String!] }
    input TaskOrder { field: String! direction: Direction }
    enum Direction { ASC DESC }
    scalar DateTime
    """,
    "tasks",
)


class Client:
    def __init__(self, engine: GraphqlEngine = TASKS, **behaviour: Any) -> None:
        self.engine = engine
        self.memory = Memory(engine.roles, MockBehaviour(**behaviour))

    def reply(self, query: str, **variables: Any) -> dict[str, Any]:
        prepared = self.engine.prepare(query)
        if prepared.errors:
            return {"errors": prepared.errors}
        return self.engine.execute(self.memory, prepared, None, variables)

    def ask(self, query: str, **variables: Any) -> Any:
        reply = self.reply(query, **variables)
        assert "errors" not in reply, reply["errors"]
        return next(iter(reply["data"].values()))


def test_the_same_seed_gives_the_same_replies_and_another_seed_others() -> None:
    query = "{ all { id title state user { name email } } }"
    first = Client().ask(query)
    assert first == Client().ask(query)
    assert first != Client(seed=5).ask(query)
    assert [task["id"] for task in first] == list(range(1, 11))


def test_dynamic_replies_differ_from_one_request_to_the_next() -> None:
    client = Client(dynamic=True)
    query = "{ all { title } }"
    assert client.ask(query) != client.ask(query)


def test_an_id_that_is_asked_for_is_the_id_of_the_answer() -> None:
    client = Client()
    assert client.ask("{ task(id: 4711) { id } }") == {"id": 4711}
    assert client.ask("{ task(id: 0) { id } }") is None
    assert Client(ENGINE).ask('{ product(id: "missing") { id } }') is None
    assert client.ask('{ user(email: "eve@x.org") { email } }') == {"email": "eve@x.org"}


def test_created_changed_and_deleted_objects_are_seen_everywhere() -> None:
    client = Client()
    made = client.ask(
        """mutation($i: TaskInput!) { taskCreate(input: $i) {
             success clientMutationId errors { message }
             task { id title state done user { id } notes { text } size { width } tags }
        } }""",
        i={
            "title": "Write", "userId": "3", "notes": [{"text": "soon"}], "size": {"width": 7},
            "tags": ["a"], "clientMutationId": "m1",
        },
    )  # fmt: skip
    assert made == {
        "success": True,
        "clientMutationId": "m1",
        "errors": [],
        "task": {
            "id": 11, "title": "Write", "state": "TODO", "done": made["task"]["done"],
            "user": {"id": "3"}, "notes": [{"text": "soon"}], "size": {"width": 7}, "tags": ["a"],
        },
    }  # fmt: skip
    assert client.ask("{ taskCount }") == 11
    mine = client.ask('{ user(email: "alan2@example.com") { id tasks { id } taskCount } }')
    assert mine["id"] == "3"
    assert {"id": 11} in mine["tasks"]
    assert mine["taskCount"] == len(mine["tasks"])
    changed = client.ask(
        'mutation { updateTask(taskId: 11, patch: {title: "Rest"}) { ... on Task { title tags } } }'
    )
    assert changed == {"title": "Rest", "tags": ["a"]}
    done = client.ask("mutation { completeTask(id: 11) { state completedAt done } }")
    assert (done["state"], done["completedAt"] is None) == ("COMPLETED", False)
    moved = client.ask('mutation { assignTask(id: 11, userId: "5") { user { id } userId } }')
    assert moved == {"user": {"id": "5"}, "userId": "5"}
    assert client.ask("mutation { deleteTasks(ids: [11, 2]) }") == 2
    assert client.ask("{ task(id: 11) { id } }") is None
    assert [t["id"] for t in client.ask("{ all { id } }")] == [1, 3, 4, 5, 6, 7, 8, 9, 10]
    client.memory.reset()
    assert client.ask("{ taskCount }") == 10


def test_several_objects_are_created_at_once() -> None:
    made = Client().ask(
        'mutation { createTasks(tasks: [{title: "a"}, {title: "b"}]) { id title } }'
    )
    assert made == [{"id": 11, "title": "a"}, {"id": 12, "title": "b"}]


def test_what_is_deleted_cannot_be_changed() -> None:
    client = Client()
    client.ask("mutation { deleteTasks(ids: [4]) }")
    reply = client.reply("mutation { completeTask(id: 4) { id } }")
    assert reply["errors"][0]["extensions"]["code"] == "NOT_FOUND"


PLACE = """mutation($c: ID!, $p: ID!) {
  placeOrder(input: {customerId: $c, lines: [{productId: $p, quantity: 1}]}) { order { id } }
}"""


def test_a_reference_to_nothing_is_refused_and_keeps_nothing() -> None:
    client = Client(ENGINE)
    for customer, product in (("missing", "product-1"), ("customer-1", "missing")):
        reply = client.reply(PLACE, c=customer, p=product)
        assert reply["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert len(client.ask("{ orders { customer { id } lines { product { id } } } }")) == 10


def test_what_has_to_refer_to_something_survives_its_deletion() -> None:
    client = Client(ENGINE)
    client.ask(PLACE, c="customer-1", p="product-1")
    client.ask('mutation { deleteProduct(id: "product-1") }')
    (line,) = client.ask('{ order(id: "order-11") { lines { product { id } } } }')["lines"]
    assert line == {"product": {"id": "product-1"}}
    assert client.ask('{ product(id: "product-1") { id } }') is None


def test_without_state_nothing_is_kept() -> None:
    client = Client(stateful=False)
    made = client.ask('mutation { taskCreate(input: {title: "x"}) { task { title } } }')
    assert made == {"task": {"title": "x"}}
    assert client.ask("{ taskCount }") == 10


def test_one_consumers_changes_are_not_anothers() -> None:
    first, second = Client(), Client()
    first.ask("mutation { deleteTasks(ids: [1]) }")
    assert second.ask("{ task(id: 1) { id } }") == {"id": 1}


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ("filter: {state: DOING}", [2, 5, 8]),
        ("filter: {id_gt: 8}", [9, 10]),
        ("filter: {or: [{id_gt: 9}, {state: DOING}]}", [2, 5, 8, 10]),
        ('orderBy: [{field: "id", direction: DESC}], pageSize: 3', [10, 9, 8]),
        ('orderBy: [{field: "state"}, {field: "id", direction: DESC}], pageSize: 2', [9, 6]),
        ("page: 2, pageSize: 4", [5, 6, 7, 8]),
        ("page: 9, pageSize: 4", []),
        ('q: "no such text"', []),
    ],
)
def test_a_page_holds_what_its_arguments_say(arguments: str, ids: list[int]) -> None:
    page = Client().ask(f"{{ tasks({arguments}) {{ items {{ id }} }} }}")
    assert [task["id"] for task in page["items"]] == ids


def test_a_page_tells_about_itself() -> None:
    page = Client().ask("{ tasks(page: 1, pageSize: 4) { total page hasMore } }")
    assert page == {"total": 10, "page": 1, "hasMore": True}
    titles = Client().ask("{ all { title } }")
    wanted = titles[3]["title"]
    found = Client().ask(
        "query($t: String) { tasks(filter: {title: {contains: $t}}) { items { title } } }",
        t=wanted,
    )
    assert {"title": wanted} in found["items"]
    assert all(wanted in task["title"] for task in found["items"])


def test_lists_take_keys_flags_and_times() -> None:
    client = Client()
    assert [t["id"] for t in client.ask("{ all(ids: [3, 1]) { id } }")] == [3, 1]
    assert all(t["done"] for t in client.ask("{ all(done: true) { done } }"))
    late = client.ask('{ all(createdAfter: "2031-01-01T00:00:00Z") { id } }')
    assert late == []


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.sampled_from(["NAME_ASC", "PRICE_DESC", None]))
def test_pages_of_a_connection_add_up_to_the_whole(size: int, order: str | None) -> None:
    client, after, seen = Client(ENGINE), None, []
    query = """query($f: Int, $a: String, $o: ProductOrder) { products(first: $f, after: $a,
      orderBy: $o) { totalCount pageInfo { hasNextPage endCursor } edges { node { id } } } }"""
    while True:
        page = client.ask(query, f=size, a=after, o=order)
        seen += [edge["node"]["id"] for edge in page["edges"]]
        assert page["totalCount"] == 10
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(seen) == len(set(seen)) == 10


def test_a_wrong_cursor_or_size_is_a_plain_error() -> None:
    client = Client(ENGINE)
    for arguments in ('after: "%%%"', "first: -1"):
        reply = client.reply(f"{{ products({arguments}) {{ totalCount }} }}")
        (error,) = reply["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert error["path"] == ["products"]


def test_interfaces_and_unions_are_of_every_possible_type() -> None:
    client = Client(ENGINE)
    found = client.ask('{ search(text: "e") { __typename } }')
    assert {one["__typename"] for one in found} == {"Product", "Customer"}
    paid = client.ask("{ orders { payment { __typename amount } } }")
    assert {o["payment"]["__typename"] for o in paid} == {"CardPayment", "InvoicePayment"}
    for name in ("product", "order", "customer"):
        node = client.ask(f'{{ node(id: "{name}-2") {{ id __typename }} }}')
        assert node == {"id": f"{name}-2", "__typename": name.capitalize()}


@pytest.mark.parametrize(
    "query",
    [
        "{ customers {" + "id " * 3000 + "} }",
        "{ customers {" + " ".join(f"a{n}: id" for n in range(3000)) + "} }",
        "{" + " ".join(f"a{n}: customers {{ id }}" for n in range(60)) + "}",
        "{ customers " + "{ orders { customer " * 15 + "{ id }" + "}}" * 15 + "}",
        "{ ...f0 }" + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}"
                               for n in range(30)) + " fragment f30 on Query { customers { id } }",
        "{ customers { id " + "@include(if: true) " * 300 + "} }",
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "{ __typename " + "# \n" * 20_000 + "}",
        "{ a(b: " + "[" * 5000 + "]" * 5000 + ") }",
        "{" * 5000,
        "{ __typename " * 3 + "x" * 200_000,
    ],
)  # fmt: skip
def test_a_hostile_query_gets_an_error_and_no_trace(query: str) -> None:
    reply = Client(ENGINE).reply(query)
    assert "data" not in reply
    assert all(error["extensions"]["code"].isupper() for error in reply["errors"])
    assert "Traceback" not in str(reply)


def test_a_reply_that_would_be_too_large_is_refused() -> None:
    client = Client()
    many = [{"title": "x", "userId": "1"}] * 200
    client.ask("mutation($t: [TaskInput!]!) { createTasks(tasks: $t) { id } }", t=many)
    reply = client.reply("{ all { user { tasks { user { tasks { id } } } } } }")
    assert "QUERY_TOO_COMPLEX" in str(reply["errors"])


def test_the_introspection_of_ordinary_tools_is_answered() -> None:
    from graphql import build_client_schema, get_introspection_query, print_schema

    reply = Client(ENGINE).reply(get_introspection_query(directive_is_repeatable=True))
    assert "type PlaceOrderPayload" in print_schema(build_client_schema(reply["data"]))


@pytest.mark.parametrize(
    "query",
    [
        '{ products(maxPrice: "a lot") { totalCount } }',
        "{ products(category: GARDEN) { totalCount } }",
        'mutation { createProduct(input: {name: "x"}) { id } }',
    ],
)
def test_a_query_that_breaks_the_schema_changes_nothing(query: str) -> None:
    client = Client(ENGINE)
    version = client.memory.version
    assert client.reply(query)["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert client.memory.version == version

import pytest

from maestro.contracts.sdl.mutations import Effect, mutation_role
from maestro.contracts.sdl.reading import read_sdl
from maestro.contracts.sdl.roles import FieldUse, SchemaRoles
from maestro.contracts.sdl.subscriptions import subscription_role

TYPES = """
type Product { id: ID! name: String! reviews: [Review!]! }
type Review { id: ID! text: String product: Product }
type AddOn { id: ID! name: String }
type Country { code: String! name: String }
type Point { x: Int y: Int }
type ProductConnection { edges: [ProductEdge] pageInfo: PageInfo! totalCount: Int }
type ProductEdge { node: Product cursor: String! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type ReviewPage { items: [Review!]! total: Int! }
type ProductPayload { product: Product errors: [String!] }
union ProductResult = ProductPayload | Failure
type Failure { message: String }
input In { name: String id: ID }
type ReviewEvent { kind: String review: Review }
"""


def roles(kind: str, field: str) -> SchemaRoles:
    query = "" if kind == "Query" else "type Query { p: Product }"
    return SchemaRoles(read_sdl(f"{TYPES} {query} type {kind} {{ {field} }}").schema)


@pytest.mark.parametrize(
    ("field", "use", "target", "key"),
    [
        ("product(id: ID!): Product", FieldUse.ITEM, "Product", "id"),
        ("product(productId: ID!, lang: String): Product", FieldUse.ITEM, "Product", "productId"),
        ("product(name: String): Product", FieldUse.LOOKUP, "Product", ""),
        ("best: Product", FieldUse.LOOKUP, "Product", ""),
        ("products: [Product]", FieldUse.LIST, "Product", ""),
        ("products(ids: [ID!]!): [Product]", FieldUse.LIST, "Product", "ids"),
        ("products(first: Int): ProductConnection", FieldUse.CONNECTION, "Product", ""),
        ("reviews: ReviewPage", FieldUse.PAGE, "Review", ""),
        ("productCount: Int!", FieldUse.COUNT, "Product", ""),
        ("countProducts: Int!", FieldUse.COUNT, "Product", ""),
        ("origin: Point", FieldUse.VALUE, "Point", ""),
        ("version: String", FieldUse.VALUE, "", ""),
        ("country(code: String!): Country", FieldUse.ITEM, "Country", "code"),
    ],
)
def test_a_query_field_is_understood(field: str, use: FieldUse, target: str, key: str) -> None:
    found = roles("Query", field)
    query = found.schema.query_type
    assert query is not None
    ((name, asked),) = query.fields.items()
    role = found.role(name, asked)
    assert (role.use, role.target, role.key_argument) == (use, target, key)


@pytest.mark.parametrize(
    ("field", "effect", "entity"),
    [
        ("createProduct(input: In!): Product!", Effect.CREATE, "Product"),
        ("productCreate(input: In!): ProductPayload", Effect.CREATE, "Product"),
        ("addReview(productId: ID!, text: String): Product", Effect.CREATE, "Review"),
        ("createProduct(input: In!): ProductResult", Effect.CREATE, "Product"),
        ("updateProduct(id: ID!, input: In): Product", Effect.UPDATE, "Product"),
        ("publishProduct(id: ID!): Product", Effect.UPDATE, "Product"),
        ("deleteProduct(id: ID!): Boolean", Effect.DELETE, "Product"),
        ("addOnDelete(id: ID!): AddOn", Effect.DELETE, "AddOn"),
        ("removeProducts(ids: [ID!]!): Int", Effect.DELETE, "Product"),
        ("upsertProduct(product: In!): Product", Effect.UPSERT, "Product"),
        ("login(name: String!): String", Effect.NONE, ""),
    ],
)
def test_a_mutation_is_understood(field: str, effect: Effect, entity: str) -> None:
    found = roles("Mutation", field)
    mutation = found.schema.mutation_type
    assert mutation is not None
    ((name, asked),) = mutation.fields.items()
    role = mutation_role(found, name, asked)
    assert (role.effect, role.entity) == (effect, entity)


@pytest.mark.parametrize(
    ("field", "entity", "effects"),
    [
        ("productCreated: Product!", "Product", {Effect.CREATE}),
        ("onReviewUpdated(id: ID): Review", "Review", {Effect.UPDATE}),
        ("productDeleted: ID!", "Product", {Effect.DELETE}),
        ("reviews: ReviewEvent", "Review", {Effect.CREATE, Effect.UPDATE, Effect.DELETE}),
        ("tick: Int", "", {Effect.CREATE, Effect.UPDATE, Effect.DELETE}),
    ],
)
def test_a_subscription_is_understood(field: str, entity: str, effects: set[Effect]) -> None:
    found = roles("Subscription", field)
    subscription = found.schema.subscription_type
    assert subscription is not None
    ((name, asked),) = subscription.fields.items()
    role = subscription_role(found, name, asked)
    assert (role.entity, set(role.effects)) == (entity, effects)

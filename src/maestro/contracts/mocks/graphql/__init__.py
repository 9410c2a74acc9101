"""The mock of a GraphQL schema: queries, mutations that change what queries see, subscriptions."""

from maestro.contracts.mocks.graphql.surface import GraphqlSurface

__all__ = ["GraphqlSurface"]

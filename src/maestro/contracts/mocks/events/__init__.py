"""Mocks of AsyncAPI contracts: WebSocket, server-sent events, an in-process bus, brokers."""

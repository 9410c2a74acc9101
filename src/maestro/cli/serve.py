"""`maestro serve`."""

import asyncio
import socket
from dataclasses import replace
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect, provider_verification, sandbox_provider
from maestro.cli import render
from maestro.cli.doctor import examined
from maestro.cli.options import StoreOptions
from maestro.cli.shutdown import GRACE_SECONDS, checked_grace, departing
from maestro.delivery.audit_desk import audit_desk
from maestro.delivery.service import Maestro
from maestro.errors import InvalidInput
from maestro.server.access import OidcSettings
from maestro.server.serving import ApiServer, ServeOptions, listening, url_of
from maestro.server.sole import sole_server
from maestro.server.telling import log_to_standard_error
from maestro.settings import Settings

_LEVELS = ("debug", "info", "warning", "error")


async def serve(
    *,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="0 takes a free one.")] = 8700,
    allow_host: Annotated[
        tuple[str, ...], Parameter(negative="", help="A further name it is asked under.")
    ] = (),
    allow_origin: Annotated[
        tuple[str, ...], Parameter(negative="", help="A page of others that may ask.")
    ] = (),
    oidc_issuer: Annotated[str | None, Parameter(help="Whose tokens are accepted.")] = None,
    oidc_audience: Annotated[str | None, Parameter(help="For whom they must be made.")] = None,
    oidc_jwks: Annotated[str | None, Parameter(help="Address of the issuer's keys.")] = None,
    max_runs: Annotated[int, Parameter(help="Most runs at work at once.")] = 32,
    grace: Annotated[
        float, Parameter(help="Seconds that running steps get when the server is stopped.")
    ] = GRACE_SECONDS,
    otel_endpoint: Annotated[
        str | None, Parameter(help="Base address of a collector of traces (OTLP over HTTP).")
    ] = None,
    log_level: Annotated[str, Parameter(help="debug, info, warning or error.")] = "warning",
    store: StoreOptions | None = None,
) -> int:
    """Serve the API and the dashboard, and execute runs, until told to end."""
    if max_runs < 1:
        raise InvalidInput(f"--max-runs must be at least 1, got {max_runs!r}")
    if log_level not in _LEVELS:
        raise InvalidInput(f"--log-level {log_level!r} is not one of {', '.join(_LEVELS)}")
    options = ServeOptions(
        host=host,
        port=port,
        max_runs=max_runs,
        grace_seconds=checked_grace(grace),
        hosts=allow_host,
        origins=allow_origin,
        oidc=_oidc(oidc_issuer, oidc_audience, oidc_jwks),
    )
    log_to_standard_error(log_level)
    where = store or StoreOptions()
    settings = where.settings()
    if otel_endpoint is not None:
        settings = replace(settings, otel_endpoint=otel_endpoint)
    listener = listening(host, port)
    with listener, sole_server(None if settings.postgres_url else settings.database):
        async with connect(settings) as maestro:
            await _serve(await api_server(maestro, settings, options), listener)
    render.line("stopped; runs that have not ended go on when the server is started again")
    return 0


async def api_server(maestro: Maestro, settings: Settings, options: ServeOptions) -> ApiServer:
    """A server on `maestro`, with what these settings give for sandboxes and checks."""
    return ApiServer(
        maestro,
        sandbox_provider(settings),
        await asyncio.to_thread(audit_desk, maestro),
        partial(provider_verification, settings),
        partial(examined, settings),
        options,
    )


async def _serve(server: ApiServer, listener: socket.socket) -> None:
    def tell() -> None:
        render.line(f"dashboard  {url_of(listener)}/dashboard/")
        render.line(f"API        {url_of(listener)}/api/v1  (stop with SIGTERM or Ctrl-C)")

    stop = asyncio.Event()
    with departing(
        stop.set,
        told=f"nothing new starts; running steps get {server.grace_seconds:g} s",
        kept="every run can be gone on with",
        within=server.grace_seconds + 10,
    ):
        await server.run(listener, stop, tell)


def _oidc(issuer: str | None, audience: str | None, jwks: str | None) -> OidcSettings | None:
    if issuer is None and audience is None and jwks is None:
        return None
    if not issuer or not audience or not jwks:
        raise InvalidInput("--oidc-issuer, --oidc-audience and --oidc-jwks belong together")
    if not jwks.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise InvalidInput(f"--oidc-jwks {jwks!r}: only https, or this machine")
    return OidcSettings(issuer=issuer, audience=audience, jwks=jwks)

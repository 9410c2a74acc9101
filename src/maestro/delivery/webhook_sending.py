"""One HTTP request to a place that somebody named: to a checked address, and no further."""

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import httpx

from maestro.domain.egress import OutsidePlace, check_address, destination
from maestro.domain.webhook import DeliveryResult
from maestro.errors import InvalidInput

SECONDS = 5.0
"""For everything: the look-up of the host, the connection, the answer."""
MAX_ANSWER_BYTES = 65_536
_LOOKUPS = 16


class WebhookSender:
    """Sends; what is answered is read no further than its status, and told to nobody."""

    def __init__(
        self,
        hosts: frozenset[str],
        *,
        seconds: float = SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`hosts`: those that the administrator named; empty = any that is public. `tls`: whose
        certificates are believed, instead of those that everybody believes.
        """
        self._hosts = hosts
        self._seconds = seconds
        # Look-ups that hang must not take the threads of others; a host has one at a time.
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="maestro-lookup")
        self._looked_up: dict[tuple[str, int], asyncio.Future[list[str]]] = {}
        # A connection is never used again: it was checked for one host, and kept by its address.
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=seconds,
            verify=True if tls is None else tls,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def __aenter__(self) -> "WebhookSender":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> DeliveryResult:
        """Never raises for what the other side does."""
        try:
            async with asyncio.timeout(self._seconds):
                place = destination(url, self._hosts)
                return await self._sent(place, await self._address(place), headers, body)
        except InvalidInput as error:
            return DeliveryResult(delivered=False, error=str(error))
        except TimeoutError:
            return DeliveryResult(delivered=False, error=f"no answer within {self._seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # its text may hold the URL
            return DeliveryResult(delivered=False, error=f"no answer: {type(error).__name__}")

    async def _address(self, place: OutsidePlace) -> str:
        """Looked up once; all that the name leads to must be allowed. Raises InvalidInput."""
        key = (place.host, place.port)
        looking = self._looked_up.get(key)
        if looking is None:
            loop = asyncio.get_running_loop()
            looking = loop.run_in_executor(self._threads, _addresses, *key)
            self._looked_up[key] = looking
            looking.add_done_callback(lambda _: self._looked_up.pop(key, None))
        addresses = await asyncio.shield(looking)  # others may be waiting for it, too
        if not addresses:
            raise InvalidInput(f"host {place.host!r} is not known")
        for address in addresses:
            check_address(address, place)
        return addresses[0]

    async def _sent(
        self, place: OutsidePlace, address: str, headers: dict[str, str], body: bytes
    ) -> DeliveryResult:
        host = f"[{address}]" if ":" in address else address
        request = self._client.build_request(
            "POST",
            f"{place.scheme}://{host}:{place.port}{place.path}",
            headers={**headers, "Host": place.authority, "User-Agent": "maestro"},
            content=body,
            extensions={"sni_hostname": place.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            await _read(response)
        finally:
            await response.aclose()
        status = response.status_code
        if 200 <= status < 300:
            return DeliveryResult(delivered=True, answer=status)
        told = "; redirects are not followed" if 300 <= status < 400 else ""
        return DeliveryResult(delivered=False, answer=status, error=f"answered {status}{told}")


def _addresses(host: str, port: int) -> list[str]:
    """Empty where nobody knows the host. Blocks, and may do so for long."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]


async def _read(response: httpx.Response) -> None:
    """As much as anybody needs to say that he took it; raw, as packed answers may be bombs."""
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read > MAX_ANSWER_BYTES:
            return

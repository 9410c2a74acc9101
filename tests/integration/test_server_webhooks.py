"""Webhooks: a receiver is told of everything it asked for, also after a server was killed."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import APPROVAL, RunningServer, seeded, started
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from webhook_receiver import Receiver, receiving

from maestro.bootstrap import connect
from maestro.delivery.service import Maestro
from maestro.delivery.webhook_desk import WebhookDesk
from maestro.delivery.webhook_sending import WebhookSender
from maestro.domain.access import AccessRole
from maestro.domain.run import EventKind
from maestro.domain.values import RunId, StepId, new_run_id
from maestro.domain.webhook import DeliveryStatus
from maestro.domain.workflow import Step, Workflow
from maestro.server.deliverer import WebhookDeliverer
from maestro.settings import Settings
from maestro.storage.sealing import SecretBox

HERE = {"MAESTRO_WEBHOOK_HOSTS": "127.0.0.1"}
LOOPBACK = frozenset({"127.0.0.1"})
HEADERS = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
BOX = SecretBox(b"k" * 32)
STEP = StepId("a")
DIES_BEFORE_TELLING = """
import sys
from maestro import failpoints
from maestro.cli.main import main
failpoints.arm("delivery.claim.before")
main(sys.argv[1:])
"""


def test_told_after_a_kill_between_commit_and_delivery(tmp_path: Path) -> None:
    keys = seeded(tmp_path / "m.db", {"ann": {"default": AccessRole.ADMIN}})
    dying = RunningServer(tmp_path / "m.db", variables=HERE, program=("-c", DIES_BEFORE_TELLING))
    with receiving() as receiver:
        dying.start()
        with dying.client(keys["ann"]) as client:
            asked = {"url": receiver.url, "kinds": ["run.created", "run.started"]}
            made = client.post("/api/v1/webhooks", json=asked)
            assert made.status_code == 201, made.text
            secret = made.json()["secret"]
            with suppress(httpx.TransportError):  # it dies when the run's first event is there
                started(client, APPROVAL)
        assert dying.process is not None
        dying.process.wait(20)
        assert dying.stop() == -9
        assert receiver.told == []
        server = RunningServer(tmp_path / "m.db", variables=HERE)
        server.start()
        try:
            server.until(lambda: len(receiver.told) >= 2)
            run = receiver.told[0].event["data"]["run_id"]
            assert sorted(receiver.ids()) == [f"evt_{run}_1", f"evt_{run}_2"]
            with server.client(keys["ann"]) as client:
                _looked_at_and_sent_again(client, made.json()["id"], receiver, secret)
        finally:
            assert server.stop() == 0
        said = server.log.read_text() + dying.log.read_text()
    assert secret not in said
    assert secret.encode() not in b"".join(
        file.read_bytes() for file in tmp_path.glob("m.db*") if file.is_file()
    )


def _looked_at_and_sent_again(
    client: httpx.Client, webhook: str, receiver: Receiver, secret: str
) -> None:
    place = f"/api/v1/webhooks/{webhook}"
    RunningServer.until(lambda: client.get(place).json()["deliveries"]["delivered"] == 2)
    listed = client.get(f"{place}/deliveries", params={"limit": 1}).json()
    (newest,) = listed["items"]
    assert (newest["status"], newest["answer"], newest["attempts"]) == ("delivered", 204, 1)
    (other,) = client.get(f"{place}/deliveries", params={"cursor": listed["next"]}).json()["items"]
    assert other["number"] < newest["number"]
    rotated = client.post(f"{place}/rotate", json={})
    assert rotated.headers["cache-control"] == "no-store"
    again = client.post(f"{place}/deliveries/{newest['number']}/redeliver", json={})
    assert (again.status_code, again.json()["id"]) == (202, newest["id"])
    RunningServer.until(lambda: len(receiver.told) == 3)
    last = receiver.told[-1]
    assert last.id == newest["id"]
    assert last.signed_with(secret)
    assert last.signed_with(rotated.json()["secret"])
    assert len(last.signatures) == 2
    assert abs(datetime.now(UTC).timestamp() - int(last.timestamp)) < 60
    told = receiver.told[0]
    assert told.signed_with(secret)
    assert not told.signed_with(rotated.json()["secret"])
    event = told.event
    of = client.get(event["source"] + "/events").json()["items"]
    assert event["data"] == of[event["seq"] - 1]
    for answer in (client.get(place), client.get("/api/v1/webhooks")):
        assert "secret" not in answer.text
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404


def in_process(database: Path, scenario: Callable[[Maestro], Awaitable[None]]) -> None:
    """Without a server, on a store of its own."""

    async def within() -> None:
        data = {"MAESTRO_DATA": str(database.parent / "maestro-data"), **HERE}
        async with connect(Settings.load(data, database=database)) as maestro:
            await scenario(maestro)

    asyncio.run(within())


async def told_of(maestro: Maestro, events: int) -> RunId:
    """A run with so many events that a webhook may be told of."""
    run, flow = new_run_id(), Workflow(name="flow", steps=(Step(id=STEP, action="value.set"),))
    await maestro.engine.start(flow, inputs={}, max_parallel=1, run_id=run, project="default")
    for _ in range(events):
        await maestro.store.write(
            lambda tx: tx.events.append(
                run, EventKind.STEP_PROGRESS, maestro.clock.now(), step_id=STEP, attempt=1, data={}
            )
        )
    return run


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():
            await asyncio.sleep(0.02)


def test_a_receiver_that_refuses_is_asked_again_until_it_is_dead(tmp_path: Path) -> None:
    async def scenario(maestro: Maestro) -> None:
        desk = WebhookDesk(maestro=maestro, box=BOX)
        with receiving() as receiver, receiving() as elsewhere:
            receiver.answers, receiver.location = [302, 410], elsewhere.url
            hook, _ = await desk.create(receiver.url, kinds=["step.progress"])
            run = await told_of(maestro, 1)
            sender, stop = WebhookSender(LOOPBACK), asyncio.Event()
            deliverer = WebhookDeliverer(
                maestro, BOX, sender, wait=lambda attempts, _: 0.0 if attempts < 2 else None
            )

            async def ended() -> bool:
                (one,) = await desk.deliveries(hook.id, 9)
                return one.status is not DeliveryStatus.WAITING

            async with sender, asyncio.TaskGroup() as group:
                group.create_task(deliverer.run(stop))
                await until(ended)
                (dead,) = await desk.deliveries(hook.id, 9)
                assert (dead.status, dead.attempts, dead.answer) == ("dead", 2, 410)
                assert elsewhere.told == []
                assert await desk.redeliver_dead(hook.id) == 1
                await until(ended)
                stop.set()
            (done,) = await desk.deliveries(hook.id, 9)
            assert (done.status, done.attempts) == ("delivered", 1)
            assert receiver.ids() == [f"evt_{run}_2"] * 3
        audit = await maestro.store.read(lambda tx: tx.audit.recent(3))
        assert [record.action for record in audit][:2] == ["webhook:redeliver", "webhook:create"]

    in_process(tmp_path / "m.db", scenario)


def test_each_event_is_told_by_one_of_two_servers(postgres_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        data = {"MAESTRO_DATA": str(tmp_path), "MAESTRO_AUDIT_KEY": "k" * 32, **HERE}
        settings = Settings.load(data, database=postgres_url)
        async with connect(settings) as one, connect(settings) as two:
            with receiving() as receiver:
                desk = WebhookDesk(maestro=one, box=BOX)
                hook, secret = await desk.create(receiver.url, kinds=["step.progress"])
                run = await told_of(one, 60)
                stop = asyncio.Event()
                senders = [WebhookSender(LOOPBACK), WebhookSender(LOOPBACK)]
                async with senders[0], senders[1], asyncio.TaskGroup() as group:
                    for maestro, sender in zip((one, two), senders, strict=True):
                        group.create_task(WebhookDeliverer(maestro, BOX, sender).run(stop))

                    async def all_told() -> bool:
                        counts = await one.store.read(lambda tx: tx.webhooks.counts(hook.id))
                        return counts[DeliveryStatus.DELIVERED] == 60

                    await until(all_told)
                    stop.set()
                assert sorted(receiver.ids()) == sorted(f"evt_{run}_{n}" for n in range(2, 62))
                assert all(told.signed_with(secret) for told in receiver.told)

    asyncio.run(scenario())


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost", "0177.0.0.1"])
def test_names_that_lead_inside_are_not_followed(host: str) -> None:
    async def scenario() -> None:
        with receiving() as receiver:
            port = receiver.url.split(":")[2].split("/")[0]
            async with WebhookSender(frozenset()) as sender:
                result = await sender.send(f"https://{host}:{port}/secret", {}, b"{}")
            assert not result.delivered
            assert "leads to an address that is not allowed" in result.error
            assert "secret" not in result.error
            assert receiver.told == []

    asyncio.run(scenario())


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        with receiving() as receiver, receiving() as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv("NO_PROXY", "")
            async with WebhookSender(LOOPBACK) as sender:
                assert (await sender.send(receiver.url, HEADERS, b"{}")).delivered
            assert (len(receiver.told), proxy.told) == (1, [])

    asyncio.run(scenario())


def test_a_host_whose_look_up_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of its deliveries wait for it."""
    known, resolved = socket.getaddrinfo, threading.Event()

    def hanging(host: str, *more: Any, **named: Any) -> Any:
        if host == "localhost":
            resolved.wait(20)
        return known(host, *more, **named)

    async def scenario() -> None:
        with receiving() as receiver:
            hung = receiver.url.replace("127.0.0.1", "localhost")
            hosts = frozenset({"localhost", "127.0.0.1"})
            async with WebhookSender(hosts, seconds=15.0) as sender:
                waiting = [
                    asyncio.create_task(sender.send(hung, HEADERS, b"{}")) for _ in range(40)
                ]
                await asyncio.sleep(0)  # each has begun before the other asks
                assert (await sender.send(receiver.url, HEADERS, b"{}")).delivered
                assert not any(one.done() for one in waiting)
                resolved.set()
                assert any(one.delivered for one in await asyncio.gather(*waiting))

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    asyncio.run(scenario())


Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 10_000)
        await writer.drain()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize(("answer", "delivered"), [(endless, True), (silent, False)])
def test_an_answer_without_an_end_and_one_that_never_comes(
    answer: Answering, delivered: bool
) -> None:
    async def scenario() -> None:
        left = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                await answer(reader, writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            left.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            async with WebhookSender(LOOPBACK, seconds=1.0) as sender:
                result = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
            await left.wait()
        assert result.delivered is delivered, result

    asyncio.run(scenario())


def test_tls_is_checked_against_the_name_and_not_the_address(tmp_path: Path) -> None:
    served, trusted = _certificate(tmp_path, "localhost")

    async def scenario() -> None:
        hosts = frozenset({"localhost", "127.0.0.1"})
        with receiving(served) as receiver:
            named = receiver.url.replace("127.0.0.1", "localhost")
            async with WebhookSender(hosts, tls=trusted) as sender:
                own = await sender.send(named, HEADERS, b"{}")
                assert own.delivered, own
                other = await sender.send(receiver.url, HEADERS, b"{}")
            async with WebhookSender(hosts) as sender:
                stranger = await sender.send(named, HEADERS, b"{}")
            assert [one.path for one in receiver.told] == ["/hooks"]
        assert (other.error, stranger.error) == ("no answer: ConnectError",) * 2

    asyncio.run(scenario())


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side with a certificate of that name, and a client's that believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("::2"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    return serving, ssl.create_default_context(cafile=str(file))

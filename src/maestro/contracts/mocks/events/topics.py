"""What was published on each address, and who listens; slow listeners are let go."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from maestro.contracts.asyncapi.samples import SampleMessage

MAX_KEPT = 500
"""Messages kept for listeners that come back."""
MAX_WAITING = 128
"""Messages that wait for one listener."""
MAX_TOPICS = 2000

Watch = Callable[[str, SampleMessage], Callable[[], None]]
"""Gets address and message of what the application is about to publish, and returns what takes it.
Raises Refused where it cannot be taken; what it returns must not fail.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    number: int
    """Counts from 1 on each address."""
    sample: SampleMessage


class Listener:
    """What waits to be handed to one connection."""

    def __init__(self, limit: int = MAX_WAITING) -> None:
        self._waiting: asyncio.Queue[Published | str] = asyncio.Queue(limit)
        self.overrun = asyncio.Event()
        """It did not keep up; what was missed is not handed out any more."""

    def put(self, entry: Published | str) -> None:
        """Never waits. A text is handed out as it is."""
        try:
            self._waiting.put_nowait(entry)
        except asyncio.QueueFull:
            self.overrun.set()

    async def entries(self) -> AsyncIterator[Published | str]:
        """Ends when it was overrun: the queue is full then, so nobody waits for it in vain."""
        while not self.overrun.is_set():
            yield await self._waiting.get()


class Topic:
    """One concrete address."""

    def __init__(self, path: str = "", watchers: Sequence[Watch] = ()) -> None:
        """`watchers` are told of everything that is published, whoever listens."""
        self._path = path
        self._watchers = watchers
        self.kept: deque[Published] = deque(maxlen=MAX_KEPT)
        self.listeners: set[Listener] = set()
        self.drawn = 0
        """Samples made here so far."""
        self._last = 0

    def publish(self, sample: SampleMessage) -> Published:
        """Raises what a watcher raises that cannot take it; then nobody at all gets it."""
        takers = [watch(self._path, sample) for watch in self._watchers]
        for take in takers:
            take()
        self._last += 1
        published = Published(number=self._last, sample=sample)
        self.kept.append(published)
        for listener in self.listeners:
            listener.put(published)
        return published

    def after(self, number: int) -> list[Published]:
        """What came later than that and is still kept."""
        return [published for published in self.kept if published.number > number]

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        self.listeners.add(listener)
        try:
            yield
        finally:
            self.listeners.discard(listener)

    def forget(self) -> None:
        self.kept.clear()
        self.drawn = self._last = 0


class Topics:
    """Topics by path; the longest unused ones give way to others."""

    def __init__(self) -> None:
        self._topics: OrderedDict[str, Topic] = OrderedDict()
        self._watchers: list[Watch] = []

    def of(self, path: str) -> Topic:
        topic = self._topics.get(path)
        if topic is None:
            topic = self._topics[path] = Topic(path, self._watchers)
            self._shrink(topic)
        self._topics.move_to_end(path)
        return topic

    @contextmanager
    def watched(self, watch: Watch) -> Iterator[None]:
        """Tells of everything that is published on any address."""
        self._watchers.append(watch)
        try:
            yield
        finally:
            self._watchers.remove(watch)

    def forget(self) -> None:
        for path, topic in list(self._topics.items()):
            topic.forget()
            if not topic.listeners:
                del self._topics[path]

    def _shrink(self, spared: Topic) -> None:
        if len(self._topics) <= MAX_TOPICS:
            return
        for path, topic in self._topics.items():
            if topic is not spared and not topic.listeners:
                del self._topics[path]
                return

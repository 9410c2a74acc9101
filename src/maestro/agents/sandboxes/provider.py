"""Sandboxes on this host, of the strongest mechanism whose probe really held."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from maestro.agents.sandboxes import owners
from maestro.agents.sandboxes.confinement import Confinement, Limits
from maestro.agents.sandboxes.host import HostSandbox, prepare
from maestro.agents.sandboxes.probe import attacked, strength_of
from maestro.agents.sandboxes.sweep import remove_folder, sweep
from maestro.errors import SandboxFailed
from maestro.ports import Sandbox, SandboxStrength
from maestro.ports.sandboxes import CAPABILITIES, REQUIRED
from maestro.settings import Settings

ACCEPT = "; or accept less with MAESTRO_SANDBOX_REQUIRE, or unprotected runs with --sandbox off"
SUPERVISED = ("env", "tree_kill", "pids", "mem_proc", "mem_tree", "cpu", "wall", "disk")
"""What is kept of anything that a supervisor started, confined or not."""
_KERNEL = "a kernel with user namespaces for bubblewrap, or 6.12 or later for Landlock"
REMEDIES = {
    "pids": "run as an ordinary user, or where control groups can be written",
    "mem_tree": "mount /proc, or run where control groups can be written",
    "net_loopback": "in a container, run as an ordinary user or add CAP_SYS_PTRACE",
}
"""Capability -> how to get it, where installing bubblewrap is not the answer."""

_Found = tuple[Confinement, SandboxStrength]
_probed: dict[tuple[Confinement, frozenset[str]], _Found] = {}
"""What held in this process; a host does not change under it."""


def open_provider(settings: Settings) -> "HostSandboxProvider":
    """The sandboxes of this host. Nothing is probed before the first use."""
    return HostSandboxProvider(off=settings.sandbox == "off", require=settings.sandbox_require)


class HostSandboxProvider:
    """Implements ports.SandboxProvider.

    With `off` nothing is confined, only supervised: output, time and tree are bounded. Every piece
    of evidence then says so.
    """

    def __init__(
        self,
        *,
        off: bool = False,
        limits: Limits | None = None,
        require: Collection[str] = REQUIRED,
    ) -> None:
        self._off = off
        self._limits = limits or Limits()
        self._require = frozenset(require)
        self._found: _Found | None = None
        self._finding = asyncio.Lock()

    def open(self, root: Path) -> AbstractAsyncContextManager[Sandbox]:
        return self._open(root)

    @asynccontextmanager
    async def _open(self, root: Path) -> AsyncIterator[Sandbox]:
        confinement, strength = await self._confinement()
        async with self._lend() as scratch:
            await asyncio.to_thread(prepare, scratch)
            yield HostSandbox(root, scratch, confinement, strength)

    def lend(self) -> AbstractAsyncContextManager[Path]:
        return self._lend()

    @asynccontextmanager
    async def _lend(self) -> AsyncIterator[Path]:
        prefix = owners.named("")
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=prefix))
        try:
            yield folder
        finally:
            await asyncio.to_thread(remove_folder, folder)

    async def probe(self) -> SandboxStrength:
        _, strength = await self._confinement()
        return strength

    async def _confinement(self) -> _Found:
        async with self._finding:
            if self._found is None:
                await asyncio.to_thread(sweep)
                self._found = await self._choose()
            return self._found

    async def _choose(self) -> _Found:
        if self._off:
            confinement = Confinement(mechanism="off", limits=self._limits)
            return confinement, strength_of(confinement, SUPERVISED)
        refusals: list[str] = []
        for confinement in _candidates(self._limits):
            known = (confinement, self._require)
            if known in _probed:
                return _probed[known]
            findings = await attacked(confinement)
            if findings.held >= self._require:
                _probed[known] = confinement, strength_of(confinement, findings.held)
                return _probed[known]
            refusals.append(_refusal(confinement, self._require - findings.held, findings.problem))
        if shutil.which("bwrap") is None:
            refusals.insert(0, "bubblewrap is not installed (apt-get install bubblewrap)")
        raise SandboxFailed(f"no sandbox holds on this host: {'; '.join(refusals)}{ACCEPT}")


def _candidates(limits: Limits) -> list[Confinement]:
    """The strongest first. Root tries a user of its own before it tries without."""
    found: list[Confinement] = []
    if shutil.which("bwrap") is not None:
        users = (True, False) if os.geteuid() == 0 else (False,)
        found += [Confinement(mechanism="bubblewrap", drop=drop, limits=limits) for drop in users]
    return [*found, Confinement(mechanism="landlock", limits=limits)]


def _refusal(confinement: Confinement, missing: Collection[str], problem: str) -> str:
    """What a mechanism lacks here, what that means, and what helps."""
    lacks = ", ".join(f"{name} ({CAPABILITIES.get(name, 'unknown')})" for name in sorted(missing))
    remedies = sorted({REMEDIES.get(name, _KERNEL) for name in missing})
    told = f" {problem}" if problem else ""
    return f"{confinement.mechanism} does not hold {lacks}{told}; it takes {'; '.join(remedies)}"

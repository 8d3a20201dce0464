"""Processes of kernels: none outlives this program, and each is ended with all that runs in its session."""

import asyncio
import ctypes
import os
import signal
import subprocess

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
OOM_SCORE = "500"


def die_with_parent():
    """Runs in the child, between fork and exec."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        # When memory runs out a kernel goes, not the program that can say so.
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(OOM_SCORE)
    except OSError:
        pass


class KernelProcess:
    """A process that leads a session of its own."""

    living = set()

    def __init__(self, arguments, cwd, environment, **streams):
        self.exited = asyncio.get_running_loop().create_future()
        self.process = subprocess.Popen(
            arguments, cwd=cwd, env=environment, start_new_session=True, preexec_fn=die_with_parent, **streams
        )
        self.pid = self.process.pid
        KernelProcess.living.add(self)
        KernelProcess.reap()

    @classmethod
    def reap(cls):
        """Called when a child may have ended."""
        for one in list(cls.living):
            if one.process.poll() is not None:
                cls.living.discard(one)
                one.exited.set_result(one.process.returncode)

    @property
    def is_alive(self):
        return not self.exited.done()

    def signal_group(self, number):
        if self.is_alive:
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                pass

    async def kill(self):
        """Ends it and everything in its session, jobs in groups of their own too."""
        for pid in session_members(self.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        await asyncio.shield(self.exited)


def session_members(session):
    """The processes of a session; none that was given its number later, as a number with members is not given away."""
    members = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                members.append(int(name))
    return members


def ending(status):
    """How a process has ended, in words."""
    if status < 0:
        try:
            return f"was killed by {signal.Signals(-status).name}"
        except ValueError:
            return f"was killed by signal {-status}"
    return f"exited with status {status}"

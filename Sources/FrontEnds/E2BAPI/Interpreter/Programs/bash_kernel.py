"""Bash: one shell that lives on, so that variables, functions and the working directory do too.

An interactive one, as only such a shell gives up what it does on an interrupt and lives on. It reads commands from its standard input, where
each cell is one `eval`, whose own standard input is empty. After each it says how the cell has ended.
"""

import shlex
import signal

from kernels import error_event, stream_event
from pipe_kernel import PipeKernel

FAREWELL = "exit\n"

class BashKernel(PipeKernel):
    def __init__(self):
        super().__init__(["bash", "--noprofile", "--norc", "--noediting", "-i"], {"PS1": "", "PS2": "", "TERM": "dumb"}, package="bash")
        # The shell's own word of farewell, unless more follows.
        self.held = ""

    def streams(self, theirs):
        self.output = theirs[1]
        return {"stdin": theirs[0], "stdout": theirs[2], "stderr": theirs[3], "pass_fds": [theirs[1]]}

    async def greet(self):
        say = f"printf '%s\\n' '{{\"ready\": true}}' >&{self.output}"
        await self.input.write(f"PROMPT_COMMAND=; unset PS1 PS2; set +H +m +o history; __status=0; {say}\n".encode())

    async def ask(self, code, environment):
        lines = []
        for name, value in environment.items():
            if not name.isidentifier() or not name.isascii():
                continue
            lines.append(f"__before_{name}=${{{name}-}} __had_{name}=${{{name}+x}}; export {name}={shlex.quote(value)}")
        # Not among what its children inherit: the pipe over which it says how a cell has ended.
        lines.append(f"(exit $__status); eval {shlex.quote(code)} </dev/null {self.output}>&-")
        lines.append("__status=$?")
        for name in environment:
            if name.isidentifier() and name.isascii():
                lines.append(
                    f"if [ -n \"$__had_{name}\" ]; then export {name}=\"$__before_{name}\"; else unset {name}; fi; "
                    f"unset __before_{name} __had_{name}"
                )
        lines.append(f"printf '{{\"done\": %d}}\\n' $__status >&{self.output}")
        await self.input.write("".join(line + "\n" for line in lines).encode("utf-8", "replace"))

    async def take_message(self, message):
        if "done" in message:
            self.status = message["done"]
        await super().take_message(message)

    async def run(self, code, environment, send):
        if "\0" in code:
            await send(error_event("SyntaxError", "The code has a NUL byte"))
            return
        self.status, self.held = None, ""

        async def tell(event):
            if event["type"] == "stderr":
                text = self.held + event["text"]
                self.held = FAREWELL if text == FAREWELL or text.endswith("\n" + FAREWELL) else ""
                event["text"] = text[:len(text) - len(self.held)]
                if not event["text"]:
                    return
            await send(event)

        await super().run(code, environment, tell)
        if self.status is None and not self.process.is_alive:
            self.status = self.process.exited.result()
        elif self.held:
            await send(stream_event("stderr", self.held))
        if self.status is not None and self.status > 0:
            await send(error_event("ExitStatus", str(self.status)))

    def is_orderly(self, status):
        # `exit` ends the cell, and the shell: the next cell has a new one.
        return status >= 0

    async def interrupt(self):
        self.process.signal_group(signal.SIGINT)

"""What traffic.py and series.py share: commands in namespaces, documents to serve, seeded draws."""

import math
import os
import random
import subprocess
import time

SMALLEST, RATIO, DOCUMENTS = 200, 1.02, 400  # documents of 200 B to 530 kB, 2 % apart


def host_argv(host, *command):
    return ["ip", "netns", "exec", f"{os.environ['NETNS']}-{host}", *map(str, command)]


def run(host, *command, limit=30, stdin=None):
    """Runs a program in a host's namespace to its end, or to the time limit (which is no error: users give up too)."""
    try:
        subprocess.run(host_argv(host, *command), input=stdin, stdin=None if stdin else subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        pass


def typed(host, strokes, *command, limit=120):
    """Runs a program and types into it: `strokes` yields (pause in seconds, bytes)."""
    program = subprocess.Popen(host_argv(host, *command), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    end = time.monotonic() + limit
    try:
        for pause, text in strokes:
            time.sleep(max(0.0, min(pause, end - time.monotonic())))
            program.stdin.write(text)
            program.stdin.flush()
        program.stdin.close()
        program.wait(max(1.0, min(10.0, end - time.monotonic())))
    except (BrokenPipeError, subprocess.TimeoutExpired):
        pass
    finally:
        program.kill()
        program.wait()


def ssh(server, work, *command, tty=False):
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes",
               "IdentitiesOnly=yes"]
    return ["ssh", "-F", "/dev/null", "-i", f"{work}/user_key", *(w for o in options for w in ("-o", o)),
            *(["-tt"] if tty else []), f"root@{server}", *command]


def make_site(folder):
    os.makedirs(f"{folder}/d", exist_ok=True)
    for i in range(DOCUMENTS):
        with open(f"{folder}/d/{i:03}", "wb") as f:
            f.write(os.urandom(int(SMALLEST * RATIO**i)))


def document(size):
    """The path of the document whose size is nearest."""
    i = round(math.log(max(size, SMALLEST) / SMALLEST) / math.log(RATIO))
    return f"/d/{min(i, DOCUMENTS - 1):03}"


class Draw(random.Random):
    def heavy(self, least, shape, most):
        """Pareto, cut off: many small ones, a few that are very large."""
        return min(most, least * self.paretovariate(shape))

    def around(self, median, spread):
        return median * math.exp(self.gauss(0, spread))

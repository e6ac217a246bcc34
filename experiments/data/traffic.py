"""Runs the programs of the sample trace: who does what, with think times, until the time is up.

Usage: traffic.py WORK SEED SECONDS. Each behaviour is a function of a host; each runs in a thread with a seed of its own.
"""

import sys
import threading
import time

from common import Draw, document, run, ssh, typed

WORK, SEED, SECONDS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
START = time.monotonic()
SHELL = ["ls -l /usr/bin | head -40", "ps ax | tail -15", "df -h", "date", "cat /etc/services | head -60", "uptime",
         "id", "ls /", "grep -c . /etc/passwd", "env", "wc -c /etc/services", "uname -a"]


def left():
    return SECONDS - (time.monotonic() - START)


def pause(seconds):
    """False when the time is up."""
    if seconds >= left():
        return False
    time.sleep(seconds)
    return True


def browse(host, draw, think):
    """Pages of a few objects, from a favourite site and others; names are looked up by curl itself."""
    while pause(draw.heavy(think, 1.2, 40)):
        site = draw.choices(["news", "shop", "cdn"], [5, 3, 1])[0]
        name = f"{draw.choice(['www', 'm', 'img', 'api', 'static' + str(draw.randrange(6))])}.{site}.test"
        scheme = draw.choices(["https", "http"], [3, 2])[0]
        objects = min(12, int(draw.expovariate(1 / 2.5)))
        sizes = [draw.heavy(900, 1.1, 250e3)] + [draw.heavy(300, 1.05, 120e3) for _ in range(objects)]
        parallel = ["--parallel", "--parallel-max", "4"] if draw.random() < 0.3 else []
        run(host, "curl", "-sk", "-A", draw.choice(["Mozilla/5.0 (X11; Linux x86_64)", "curl", "Mobile/1.0"]), *parallel,
            *(w for s in sizes for w in ("-o", "/dev/null", f"{scheme}://{name}{document(s)}")))


def search(host, draw, think):
    """One small answer to each query, the way an application calls an interface."""
    while pause(draw.heavy(think, 1.3, 30)):
        run(host, "curl", "-s", "-o", "/dev/null",
            f"http://api.shop.test{document(draw.around(900, 0.8))}?q={'x' * draw.randrange(3, 60)}")


def video(host, draw, begin, length):
    """Segments of four seconds each at a quality that changes: bursts and silence."""
    if not pause(begin):
        return
    end, quality = time.monotonic() + length, 50e3
    while time.monotonic() < end and pause(draw.around(3.6, 0.12)):
        quality = min(110e3, max(20e3, quality * draw.around(1, 0.3)))
        run(host, "curl", "-sk", "-o", "/dev/null", f"https://edge.cdn.test{document(quality)}")


def voice(host, draw, begin, length, *more):
    """A packet of one size every 20 ms."""
    if pause(begin):
        run(host, "iperf3", "-c", "203.0.113.44", "-p", 5202, "-u", "-b", "68k", "-l", 172, "-t", length, *more,
            limit=length + 15)


def bulk(host, draw, think):
    while pause(draw.heavy(think, 1.5, 60)):
        size = int(draw.heavy(60e3, 1.1, 500e3))
        kind = draw.randrange(3)
        if kind == 0:
            run(host, "iperf3", "-c", "203.0.113.44", "-p", 5201, "-n", size, *draw.choice([[], ["-R"]]), limit=40)
        elif kind == 1:
            run(host, *ssh("depot.test", WORK, "cat >/dev/null"), stdin=bytes(size), limit=40)
        else:
            run(host, "curl", "-s", "-o", "/dev/null", f"http://mirror.news.test{document(size)}", limit=40)


def shell(host, draw, begin, length):
    """A person at a terminal: keys one by one, then reading."""
    def strokes():
        end = time.monotonic() + min(length, left())
        while time.monotonic() < end:
            yield draw.heavy(0.8, 1.1, 12), b""
            for key in draw.choice(SHELL) + "\n":
                yield draw.around(0.16, 0.5), key.encode()
        yield 0.5, b"exit\n"

    if pause(begin):
        typed(host, strokes(), *ssh("login.test", WORK, "sh", tty=True), limit=length + 20)


def remote(host, draw, think):
    """Commands run over SSH by a script."""
    while pause(draw.heavy(think, 1.5, 60)):
        run(host, *ssh("login.test", WORK, draw.choice(SHELL)))


def cached(host, draw, think):
    """An application with a cache: a connection for a while, requests in bursts."""
    def requests():
        for _ in range(int(draw.heavy(3, 1.2, 40))):
            yield draw.heavy(0.02, 0.9, 4), b""
            for _ in range(draw.randrange(1, 6)):
                key = f"item:{int(draw.heavy(1, 0.8, 5000))}"
                if draw.random() < 0.3:
                    yield 0.002, f"SETEX {key} 60 {'v' * int(draw.heavy(20, 1.1, 3000))}\n".encode()
                else:
                    yield 0.002, f"GET {key}\n".encode()

    while pause(draw.heavy(think, 1.2, 30)):
        typed(host, requests(), "redis-cli", "-h", "10.1.8.3", limit=60)


def lookups(host, draw, think):
    names = ["www.news.test", "shop.test", "img.cdn.test", "nosuch.test", "login.test", "10.in-addr.arpa", "api.shop.test"]
    while pause(draw.heavy(think, 1.1, 25)):
        run(host, "dig", "+tries=1", "+time=3", *draw.choice([[], [], [], ["+tcp"], ["+noedns"]]), "@10.1.0.53",
            draw.choice(names + [f"h{draw.randrange(400)}.{draw.choice(['news', 'cdn', 'shop'])}.test"]),
            draw.choices(["A", "AAAA", "TXT", "MX", "PTR"], [6, 3, 2, 1, 1])[0])


def metrics(host, draw, period, url):
    """An agent that reports on the clock."""
    while pause(period + draw.uniform(-0.02, 0.02)):
        run(host, "curl", "-s", "-o", "/dev/null", "-d", "m=" + "1" * draw.randrange(150, 170), url)


def syslog(host, draw, think):
    as_host = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host]  # the message names its sender
    while pause(draw.heavy(think, 1.2, 40)):
        run(host, *as_host, "logger", "-d", "-n", "10.1.8.2", "-P", 514, "-t", "cron", "x" * int(draw.around(60, 0.7)))


def heartbeat(host, draw, address, period):
    run(host, "ping", "-q", "-i", period, "-w", int(left()), address, limit=SECONDS)


def probes(host, draw, think):
    """What a person tries when something is wrong: pings of all kinds, closed ports, addresses that lead nowhere."""
    while pause(draw.heavy(think, 1.3, 40)):
        what = draw.randrange(6)
        count = draw.randrange(2, 7)
        size = draw.choice([16, 56, 56, 56, 512, 1400, 2400])  # the last one in fragments
        if what <= 1:
            run(host, "ping", "-c", count, "-s", size, "-i", 0.3, draw.choice(
                ["192.0.2.10", "198.51.100.20", "203.0.113.44", "172.16.5.22", "10.1.0.53"]))
        elif what == 2:  # time exceeded at the router
            run(host, "ping", "-c", 2, "-t", 1, "192.0.2.10", limit=10)
        elif what == 3:  # host unreachable, prohibited, or nobody there
            run(host, "ping", "-c", 3, "-W", 4, draw.choice(["172.16.9.9", "172.16.66.6", "192.0.2.99"]), limit=12)
        elif what == 4:  # port unreachable
            run(host, "dig", "+tries=2", "+time=1", "@198.51.100.20", "www.shop.test", limit=10)
        else:  # connection refused
            run(host, "curl", "-s", "-m", 3, f"http://www.shop.test:{draw.choice([8080, 8443, 3000])}/")


def scan(host, draw, begin, address, *options):
    if pause(begin):
        run(host, "nmap", "-n", "-Pn", "--max-retries", 1, "--host-timeout", "60s", *options, address, limit=70)


PLAN = [
    ("alice", browse, 1.5), ("bob", browse, 2.0), ("carol", browse, 1.5), ("dave", browse, 2.5), ("erin", browse, 3.0),
    ("erin", search, 2.0), ("app", search, 2.5),
    ("erin", video, 20, 70), ("bob", video, 130, 60),
    ("carol", voice, 35, 18), ("bob", voice, 120, 14, "-R"),
    ("dave", bulk, 14), ("alice", bulk, 22),
    ("alice", shell, 10, 90), ("carol", shell, 90, 80), ("erin", remote, 14),
    ("app", cached, 2.0), ("www", cached, 9.0), ("app", cached, 5.0),
    ("alice", lookups, 3.0), ("bob", lookups, 3.5), ("dave", lookups, 4.0), ("app", lookups, 5.0),
    ("app", metrics, 5.0, "http://api.shop.test/d/000"), ("cache", metrics, 10.0, "http://www.news.test/d/000"),
    ("carol", syslog, 2.0), ("dns", syslog, 3.0), ("cache", syslog, 4.0),
    ("app", heartbeat, "10.1.0.1", 2), ("erin", heartbeat, "192.0.2.10", 5),
    ("carol", probes, 4.0), ("dave", probes, 5.0),
    ("mallory", scan, 60, "192.0.2.10", "-sS", "-T3", "--top-ports", 120),
    ("mallory", scan, 75, "10.1.8.3", "-sS", "-T3", "--scan-delay", "25ms", "--top-ports", 60),
    ("mallory", scan, 95, "172.16.5.22", "-sU", "-p", "53,69,111,123,137,161,500,1900"),
    ("mallory", scan, 150, "198.51.100.20", "-sT", "-T3", "--top-ports", 60),
    ("mallory", scan, 165, "10.1.0.53", "-sV", "-p", "21,22,53,80,443,3306"),
]


def main():
    threads = [threading.Thread(target=what, args=(host, Draw(f"{SEED} {i} {host} {what.__name__}"), *args), daemon=True)
               for i, (host, what, *args) in enumerate(PLAN)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(max(0.0, left() + 20))


main()

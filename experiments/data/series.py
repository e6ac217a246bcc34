"""The labelled series: runs short sessions in lanes, captures each, and writes size, gap and direction of its packets.

Usage: series.py WORK SEED LANES TRACES CAPTURES OUT.csv. Labels are paths, TYPE/PLATFORM/CLASS; CAPTURES/LABEL/NN.pcap
is the capture. The two classes of a platform that end in -fast and -slow differ in their pauses and in nothing else.
"""

import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import time

from common import Draw, document, host_argv, run, ssh, typed

WORK, SEED, LANES, TRACES, CAPTURES, OUT = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5], sys.argv[6]
CLIENT, SERVER = "10.2.0.1", "10.2.0.2"
STEPS = 96  # packets of a series at most
FLOOR = 0.095  # s: no shorter pause, or acknowledgements ride on the next packet and sizes tell the pace
REST = 0.4  # s: the first and the last pause of paced sessions, for the same reason
EXTRA = {"fast": 0.035, "slow": 0.110}  # s: mean of the exponential part of a pause
COMMANDS = ["ls /usr/bin | head -30", "ls /etc | head -20", "date", "id", "uname -a", "df", "head -20 /etc/services", "env", "ls /"]


def curl(platform, *more):
    return ["curl", "-sk", *(["--http1.1"] if platform == "http1" else ["--http2"]), *more]


def urls(platform, sizes):
    base = f"http://{SERVER}" if platform == "http1" else f"https://{SERVER}"
    return [w for s in sizes for w in ("-o", "/dev/null", base + document(s))]


def article(client, draw, platform):
    sizes = [draw.around(15e3, 0.6)] + [draw.around(5e3, 0.9) for _ in range(draw.randrange(2, 7))]
    run(client, *curl(platform, *draw.choice([[], ["--parallel", "--parallel-max", "3"]])), *urls(platform, sizes))


def gallery(client, draw, platform):
    run(client, *curl(platform), *urls(platform, [draw.around(4e3, 0.5)]))
    time.sleep(draw.around(0.1, 0.5))
    run(client, *curl(platform, "--parallel", "--parallel-max", "4"),
        *urls(platform, [draw.around(12e3, 0.7) for _ in range(draw.randrange(4, 10))]))


def search(client, draw, platform):
    for _ in range(draw.randrange(3, 9)):
        target = urls(platform, [draw.around(3e3, 0.7)])
        target[-1] += "?q=" + "x" * draw.randrange(3, 80)
        run(client, *curl(platform), *target)
        time.sleep(draw.around(0.15, 0.6))


def ticker(client, draw, platform, pace):
    base = urls(platform, [0])[-1].rsplit("/d/", 1)[0]
    # Numbers of fixed width: the request must not tell the pace by its length.
    run(client, *curl(platform, "-N"), "-o", "/dev/null",
        f"{base}/ticker?seed={draw.randrange(10**8):08}&events={22 + int(14 * draw.length)}"
        f"&floor={int(FLOOR * 1e6):06}&extra={int(EXTRA[pace] * 1e6):06}")


def paced(draw, pace):
    return FLOOR + draw.expovariate(1 / EXTRA[pace])


def ssh_admin(client, draw, platform):
    strokes = [(draw.around(0.25, 0.7), (draw.choice(COMMANDS) + "\n").encode()) for _ in range(draw.randrange(4, 10))]
    typed(client, strokes + [(0.1, b"exit\n")], *ssh(SERVER, WORK, "sh", tty=True))


def ssh_upload(client, draw, platform):
    run(client, *ssh(SERVER, WORK, "cat >/dev/null"), stdin=bytes(int(draw.around(40e3, 0.8))))


def ssh_download(client, draw, platform):
    run(client, *ssh(SERVER, WORK, f"head -c {int(draw.around(40e3, 0.8))} /dev/zero"))


def ssh_type(client, draw, platform, pace):
    keys = "".join(draw.choice(COMMANDS) + "\n" for _ in range(3))[:15 + int(9 * draw.length)]
    # After a line its output has time to arrive, at either pace.
    strokes = [(REST if before == "\n" else paced(draw, pace), key.encode()) for before, key in zip("\n" + keys, keys)]
    typed(client, strokes + [(REST, b"\nexit\n")], *ssh(SERVER, WORK, "sh", tty=True))


def redis(client, strokes):
    typed(client, strokes, "redis-cli", "-h", SERVER)


def redis_admin(client, draw, platform):
    ask = ["INFO server", "INFO stats", "LRANGE list 0 40", "LRANGE list 10 90", "HGETALL hash", "CLIENT LIST", "DBSIZE", "KEYS small:1*"]
    redis(client, [(draw.around(0.12, 0.7), (draw.choice(ask) + "\n").encode()) for _ in range(draw.randrange(5, 16))])


def redis_upload(client, draw, platform):
    redis(client, [(draw.around(0.05, 0.8), f"SET up:{draw.randrange(50)} {'v' * int(draw.around(8e3, 0.8))}\n".encode())
                   for _ in range(draw.randrange(3, 9))])


def redis_download(client, draw, platform):
    redis(client, [(draw.around(0.05, 0.8), f"GETRANGE big 0 {int(draw.around(8e3, 0.8))}\n".encode())
                   for _ in range(draw.randrange(3, 9))])


def redis_type(client, draw, platform, pace):
    def request():
        key = f"small:{draw.randrange(400)}"
        return draw.choice([f"GET {key}\n", f"SET {key} {'v' * int(draw.around(60, 0.8))}\n", f"STRLEN {key}\n"]).encode()

    requests = [(paced(draw, pace), request()) for _ in range(16 + int(10 * draw.length))]
    redis(client, [(REST, b""), *requests, (REST, b"")])


CLASSES = {}
for p in ("http1", "h2"):
    CLASSES |= {f"web/{p}/{f.__name__}": (f, p) for f in (article, gallery, search)}
    CLASSES |= {f"web/{p}/ticker-{pace}": (ticker, p, pace) for pace in EXTRA}
for p, admin, upload, download, keys in (("ssh", ssh_admin, ssh_upload, ssh_download, ssh_type),
                                         ("redis", redis_admin, redis_upload, redis_download, redis_type)):
    CLASSES |= {f"session/{p}/{n}": (f, p) for n, f in (("admin", admin), ("upload", upload), ("download", download))}
    CLASSES |= {f"session/{p}/keys-{pace}": (keys, p, pace) for pace in EXTRA}


def fill_redis(lane):
    draw = Draw(f"{SEED} redis {lane}")
    lines = [f"SET small:{i} {'v' * int(draw.around(60, 0.9))}" for i in range(400)]
    lines += [f"RPUSH list {'e' * draw.randrange(5, 60)}" for _ in range(120)]
    lines += [f"HSET hash f{i} {'h' * draw.randrange(5, 90)}" for i in range(40)] + [f"SET big {'b' * 60000}"]
    run(f"s{lane}", "redis-cli", stdin=("\n".join(lines) + "\n").encode())


def capture(lane, label, number):
    """One session in a lane, with tcpdump running around it."""
    path = f"{CAPTURES}/{label}/{number:02}.pcap"
    client, (what, *args) = f"c{lane}", CLASSES[label]
    dump = subprocess.Popen(host_argv(client, "tcpdump", "-i", "eth0", "-s", 96, "--time-stamp-precision=nano",
                                      "--immediate-mode", "-U", "-Z", "root", "-w", path + ".raw", "ip"),
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        dump.stderr.readline()  # "listening on"
        draw = Draw(f"{SEED} {label} {number}")
        draw.length = Draw(f"{SEED} length {number}").random()  # alike in all classes
        what(client, draw, *args)
        time.sleep(0.15)  # the last acknowledgements
    finally:
        dump.send_signal(signal.SIGINT)
        dump.communicate(timeout=20)
    # Two processors may hand over packets some microseconds apart in the wrong order.
    subprocess.run(["reordercap", path + ".raw", path], check=True, stdout=subprocess.DEVNULL)
    os.remove(path + ".raw")


def packets(path):
    """(size, gap, direction) of the IPv4 packets of a capture made above."""
    with open(path, "rb") as f:
        data = f.read()
    at, before = 24, None
    while at + 16 <= len(data):
        seconds, nanoseconds, length, _ = struct.unpack_from("<4I", data, at)
        ip = data[at + 16 + 14:at + 16 + length]
        at += 16 + length
        now = seconds * 10**9 + nanoseconds
        size = struct.unpack_from(">H", ip, 2)[0]
        yield size, 0.0 if before is None else (now - before) / 1e9, 1 if ip[12:16] == bytes([10, 2, 0, 1]) else -1
        before = now


def write_csv():
    with open(OUT, "w") as out:
        out.write("series,label,step,size,gap,direction\n")
        for i, (label, n) in enumerate((label, n) for label in CLASSES for n in range(TRACES)):
            for step, (size, gap, way) in zip(range(STEPS), packets(f"{CAPTURES}/{label}/{n:02}.pcap")):
                out.write(f"{i},{label},{step},{size},{gap:.6g},{way}\n")


def work_through(lane, jobs, failed):
    while True:
        try:
            label, number = jobs.get_nowait()
        except queue.Empty:
            return
        try:
            capture(lane, label, number)
        except (OSError, subprocess.SubprocessError) as e:
            failed.append(f"{label}/{number:02} in lane {lane}: {e}")


def main():
    for label in CLASSES:
        os.makedirs(f"{CAPTURES}/{label}", exist_ok=True)
    for lane in range(LANES):
        fill_redis(lane)
    todo = [(label, n) for label in CLASSES for n in range(TRACES)]
    Draw(f"{SEED} order").shuffle(todo)
    jobs, failed = queue.Queue(), []
    for job in todo:
        jobs.put(job)
    threads = [threading.Thread(target=work_through, args=(lane, jobs, failed)) for lane in range(LANES)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        sys.exit("series: " + "\n".join(failed))
    write_csv()


main()

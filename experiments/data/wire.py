"""Forwards Ethernet frames between pairs of interfaces with delay, jitter and loss, in order.

What netem does in a kernel that has it. Standard input: a line for each cable, `A B DELAY_MS JITTER_MS LOSS`.
"""

import collections
import random
import select
import socket
import sys
import time

SOL_PACKET, PACKET_IGNORE_OUTGOING, ETH_P_ALL = 263, 23, 3


def open_interface(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    s.bind((name, ETH_P_ALL))
    s.setblocking(False)
    return s


class Direction:
    def __init__(self, source, sink, delay, jitter, loss):
        self.source, self.sink = source, sink
        self.delay, self.jitter, self.loss = delay, jitter, loss
        self.queue = collections.deque()
        self.last = 0.0

    def take(self, draw):
        while True:
            try:
                frame = self.source.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                sys.exit(0)  # the interface is gone: the capture is over
            if draw.random() < self.loss:
                continue
            # Never before the frame ahead: a cable does not reorder.
            self.last = max(self.last, time.monotonic() + self.delay + self.jitter * draw.random())
            self.queue.append((self.last, frame))

    def give(self, now):
        while self.queue and self.queue[0][0] <= now:
            try:
                self.sink.send(self.queue.popleft()[1])
            except OSError:
                pass  # the far queue is full or gone: the frame is lost, as on a cable


def main():
    draw = random.Random(int(sys.argv[1]))
    directions = {}
    for line in sys.stdin:
        a, b, delay, jitter, loss = line.split()
        a, b = open_interface(a), open_interface(b)
        how = float(delay) / 1e3, float(jitter) / 1e3, float(loss)
        directions[a] = Direction(a, b, *how)
        directions[b] = Direction(b, a, *how)
    sockets = list(directions)
    while True:
        due = [d.queue[0][0] for d in directions.values() if d.queue]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        for s in select.select(sockets, [], [], wait)[0]:
            directions[s].take(draw)
        now = time.monotonic()
        for d in directions.values():
            d.give(now)


main()

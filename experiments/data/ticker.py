"""A web application that sends server-sent events: /ticker?seed=S&events=N&floor=US&extra=US.

Pauses are `floor` plus an exponential of mean `extra` microseconds; sizes and number depend on the seed alone,
so that two clients that differ in `extra` see the same sizes and another pace.
"""

import http.server
import random
import time
import urllib.parse

REST = 0.4  # s: the first and the last pause are the same for all, or the number of acknowledgements tells the pace


class Ticker(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
        seed, events, floor, extra = (int(query[k]) for k in ("seed", "events", "floor", "extra"))
        sizes, pauses = random.Random(f"sizes {seed}"), random.Random(f"pauses {seed}")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        time.sleep(REST)
        for _ in range(min(events, 200)):
            time.sleep((floor + pauses.expovariate(1 / extra)) / 1e6)
            body = "x" * min(1000, int(sizes.lognormvariate(5.0, 0.7)))
            self.wfile.write(f"data: {body}\n\n".encode())
            self.wfile.flush()
        time.sleep(REST)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", 9000), Ticker).serve_forever()

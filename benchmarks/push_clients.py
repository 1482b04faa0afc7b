"""Clients that push single records, each over a connection of its own, as cheaply as Python can.

    python benchmarks/push_clients.py PORT PATH CLIENTS SECONDS [HEADER: VALUE …]

One thread and no library: the machine's cores are for the server. Each client sends its next record when the last one
is answered. Prints one line of JSON: how many were answered with 202, how many otherwise, how long they took, ms.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time

ORDER = (
    b'{"reference":"%d","first":"Ada","last":"Lovelace","email":"ada@example.test","price":"12.50","quantity":2,'
    b'"country":"gb","lines":[{"sku":"A1","quantity":1},{"sku":"B2","quantity":1}],"note":"please ring twice"}'
)


class Client:
    """One connection."""

    def __init__(self, port: int, head: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = head
        self._rest = b""
        self.begun_s = 0.0

    def send(self, number: int) -> None:
        """Send a record."""
        body = ORDER % number
        self.begun_s = time.perf_counter()
        self.socket.sendall(self._head % len(body) + body)

    def receive(self) -> int | None:
        """Return the status of the answer once it is whole."""
        self._rest += self.socket.recv(65536)
        head, end, body = self._rest.partition(b"\r\n\r\n")
        if not end:
            return None
        lowered = head.lower()
        start = lowered.index(b"content-length:") + 15
        length = int(lowered[start:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return None
        self._rest = body[length:]
        return int(head[9:12])


def main(port: int, path: str, count: int, seconds: float, headers: list[str]) -> None:
    """Push for a while."""
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json", *headers]
    head = "\r\n".join(lines).replace("%", "%%").encode() + b"\r\nContent-Length: %d\r\n\r\n"
    clients = {client.socket.fileno(): client for client in (Client(port, head) for _ in range(count))}
    poll = select.epoll()
    number = time.time_ns()  # new references with every run
    statuses: dict[int, int] = {}
    took: list[float] = []
    cpu_s, begun_s = time.process_time(), time.perf_counter()
    for descriptor, client in clients.items():
        poll.register(descriptor, select.EPOLLIN)
        number += 1
        client.send(number)
    waiting = count
    ends_s = begun_s + seconds
    while waiting:
        for descriptor, _ in poll.poll():
            client = clients[descriptor]
            status = client.receive()
            if status is None:
                continue
            now_s = time.perf_counter()
            took.append(now_s - client.begun_s)
            statuses[status] = statuses.get(status, 0) + 1
            if now_s < ends_s:
                number += 1
                client.send(number)
            else:
                waiting -= 1
    wall_s = time.perf_counter() - begun_s
    took.sort()
    result = {
        "accepted": statuses.pop(202, 0),
        "others": statuses,
        "wall_s": wall_s,
        "cpu_s": time.process_time() - cpu_s,
        "p50_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[int(len(took) * 0.99)] * 1000,
        "max_ms": took[-1] * 1000,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:])

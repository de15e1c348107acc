"""Starts short-lived processes at a steady rate: every tenth is a client that sends one request, the rest do nothing.

Usage: short_lived.py COUNT PER_SECOND CLIENT PORT. Prints, when all have ended: CLIENTS ANSWERED SECONDS.
"""
import os
import sys
import time

CLIENT_EVERY = 10
IDLER = "/bin/true"


def main() -> None:
    count, per_second, client, port = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    clients: set[int] = set()
    answered = running = 0

    def reap(options: int) -> bool:
        nonlocal answered, running
        pid, status = os.waitpid(-1, options)
        if pid == 0:
            return False
        running -= 1
        if pid in clients:
            clients.discard(pid)  # its id may come again
            answered += status == 0
        return True

    started = time.monotonic()
    for number in range(count):
        if number % CLIENT_EVERY == 0:
            clients.add(os.posix_spawn(client, [client, port, f"/{number}"], os.environ))
        else:
            os.posix_spawn(IDLER, [IDLER], os.environ)
        running += 1
        while running and reap(os.WNOHANG):
            pass
        if (ahead := started + number / per_second - time.monotonic()) > 0:
            time.sleep(ahead)  # the rate, not a synchronisation
    while running:
        reap(0)
    print(len(range(0, count, CLIENT_EVERY)), answered, f"{time.monotonic() - started:.1f}")


if __name__ == "__main__":
    main()

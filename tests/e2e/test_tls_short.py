"""Clients by HTTPS that are over in a few milliseconds, and TLS code that is loaded late from anywhere: what is not seen is counted."""
from __future__ import annotations

import http.client
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from harness import FULL, Agent, main, required_program, settle, wait_until
from test_tls import TlsTargets, send_all

CLIENTS = 200 if FULL else 40
LEAST_SEEN = 0.5  # of these; on an idle machine it is all of them, by probes of their own alone a third
LIBRARY = "/usr/lib/x86_64-linux-gnu/libssl.so.3"
SCRIPT = f'mount --bind "$1" {LIBRARY}; shift; while read url; do "$@" "$url"; echo done; done'
UNSEEN = "beyla_connections_encrypted_unseen_total"


class ShortClientTest(TlsTargets):
    def requests_seen(self, agent: Agent) -> float:
        return agent.scrape().total("http_client_duration_seconds_count")

    def test_fresh_clients(self) -> None:
        """With a library of their own, which no other program of the machine uses meanwhile."""
        self.start_server(self.python("nested"))
        library = self.copy_library() / "libssl.so.3"
        program = self.folder / f"{self.folder.name}-curl"  # no other program is called that
        shutil.copy(required_program("curl"), program)
        command = [required_program("unshare"), "--mount", "sh", "-c", SCRIPT, "sh", str(library)]
        shell = subprocess.Popen([*command, str(program), "-sk", "-o", "/dev/null"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, bufsize=1)
        self.addCleanup(shell.stdout.close)
        self.addCleanup(shell.wait, 20)
        self.addCleanup(shell.stdin.close)

        def send_one() -> None:
            shell.stdin.write(f"https://127.0.0.1:{self.port}/hello\n")
            self.assertEqual(shell.stdout.readline(), "done\n")

        with Agent({"EXECUTABLE_NAME": program.name}, print_traces=False) as agent:
            def stands() -> bool:
                send_one()
                return "TLS probes for short processes library=openssl" in agent.stderr()

            wait_until(stands, 30, "probes for short processes")
            agent.quiet_metrics()
            seen, unseen = self.requests_seen(agent), agent.scrape().total(UNSEEN)
            for _ in range(CLIENTS):
                send_one()

            def all_known() -> bool:
                return self.requests_seen(agent) - seen + agent.scrape().total(UNSEEN) - unseen >= CLIENTS

            settle(all_known, 10)
            seen, unseen = self.requests_seen(agent) - seen, agent.scrape().total(UNSEEN) - unseen
            self.assertEqual(seen + unseen, CLIENTS)
            self.assertGreaterEqual(seen, LEAST_SEEN * CLIENTS)


class LateLibraryTest(TlsTargets):
    def test_a_library_loaded_late_from_an_unusual_place(self) -> None:
        libraries = self.copy_library()
        process = self.start_server(self.python("late"), LD_LIBRARY_PATH=str(libraries))
        with Agent({"OPEN_PORT": str(self.port)}) as agent:
            armed = f"TLS probes in pid={process.pid} library=openssl"
            wait_until(lambda: armed in agent.stderr(), 15, "probes ahead of the usual library")
            agent.quiet_metrics()  # all files that it has mapped by now were looked at
            plain = http.client.HTTPConnection("127.0.0.1", self.port)
            plain.request("GET", "/load")
            late_port = int(plain.getresponse().read())
            plain.close()
            self.assertIn(f"{libraries}/libssl.so.3", Path(f"/proc/{process.pid}/maps").read_text())
            lost = sum(send_all(late_port).values())  # or a part of them
            self.wait_for_probes(agent, process.pid)
            agent.quiet_metrics()
            before = agent.scrape().requests()
            self.assertLessEqual(sum(before.values()), lost + 1)
            self.assertGreater(agent.scrape().total(UNSEEN), 0)
            sent: Counter[tuple[str, int]] = Counter(before)
            for (_, status), count in send_all(late_port).items():
                sent["GET", status] += count
            self.assertEqual(agent.wait_for_requests(sent).requests(), sent)


if __name__ == "__main__":
    main()

"""In libraries on real TLS connections: each site that was found is passed once a call, with the arguments that the function's
first instruction saw and the result that its return gives; the functions that probes of TLS need have the sites that
docs/design/0017-native-probe-sites.md lists."""
import os
import subprocess
import unittest
from pathlib import Path

from runs import Hits, Prober, Program, known_calls

from harness import main, wait_until
from native_builds import build_tls_calls

ROUNDS = "3"
ARGUMENTS = "arguments=3"
WANTED = {
    "libssl.so.3": ("SSL_read", "SSL_write", "SSL_read_ex", "SSL_write_ex", "SSL_do_handshake", "SSL_shutdown", "SSL_free",
                    "SSL_set_fd"),
    "libgnutls.so.30": ("gnutls_record_send", "gnutls_record_recv", "gnutls_handshake", "gnutls_bye"),
}
WITH_EXITS = {"SSL_read", "SSL_write"}
LEAST_COMPARED = {"libssl.so.3": 500, "libgnutls.so.30": 1000}
if os.environ.get("UNHARMED") == "all":
    LEAST_COMPARED |= {"libcrypto.so.3": 50_000, "libc.so.6": 20_000}


def library(program: Path, name: str) -> Path:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return Path(next(line.split()[2] for line in listed.splitlines() if line.split()[0] == name)).resolve()


class TlsSitesTest(unittest.TestCase):
    def compare(self, name: str, *options: str) -> tuple[dict[str, Hits], dict[str, dict[str, str]], dict[str, int]]:
        program = build_tls_calls()
        file = library(program, name)
        with Program([program, ROUNDS]) as running:
            maps = Path(f"/proc/{running.pid}/maps")
            wait_until(lambda: str(file) in maps.read_text(), 5, f"{file} is mapped")
            with Prober(running.pid, file, file, "compare", *options) as prober:
                prober.wait_ready()
                running.begin()
                while running.read_line() != "end\n":
                    pass
                hits = prober.finish()
            output, code = running.finish()
        self.assertEqual(code, 0)
        return hits, prober.sites, known_calls(output)

    def test_all_functions(self) -> None:
        for name, least in LEAST_COMPARED.items():
            with self.subTest(name):
                hits, _, _ = self.compare(name, "arguments=2")
                self.assertEqual({function: one for function, one in hits.items() if any(one.troubles)}, {})
                compared = sum(one.compared for one in hits.values())
                self.assertGreater(compared, least)
                used = sum(one.entries > 0 for one in hits.values())
                print(f"{name}: {len(hits)} functions probed, {used} called, {compared} calls compared", flush=True)

    def test_those_of_tls(self) -> None:
        for name, wanted in WANTED.items():
            with self.subTest(name):
                hits, sites, calls = self.compare(name, ARGUMENTS, *wanted)
                for function in wanted:
                    print(f"{function}: {sites[function]}", flush=True)
                    one = hits[function]
                    self.assertEqual((function, one.entries, one.troubles), (function, calls[function], (0,) * 5))
                    if function in WITH_EXITS:
                        self.assertEqual((function, one.exits, one.compared), (function, calls[function], calls[function]))


if __name__ == "__main__":
    main()

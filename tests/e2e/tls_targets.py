"""The servers and clients of the TLS matrix: one row says how a runtime is started and what it can take."""
from __future__ import annotations

import functools
import ssl
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "matrix"))

import workshop
from clients import CLIENTS_FOLDER, duplicate_into, python_environment
from go_programs import make_certificate
from harness import required_program
from servers import Place, Runtime, debian_python, gunicorn_arguments, program, uvicorn_arguments
from tls_load import Abilities
from workshop import PROGRAMS

TLS = PROGRAMS / "tls"


CERTIFICATES = tempfile.TemporaryDirectory(prefix="beyla-tls-")  # until the script ends


@functools.cache
def certificate() -> tuple[Path, Path]:
    """And its key. It is its own authority, for "localhost" and 127.0.0.1."""
    folder = Path(CERTIFICATES.name)
    folder.chmod(0o755)  # Apache's workers are another user's
    return make_certificate(folder)


def files() -> list[str | Path]:
    return [*certificate()]


def values() -> dict[str, object]:
    return dict(zip(("CERTIFICATE", "KEY"), certificate()))


@dataclass(frozen=True)
class TlsServer:
    runtime: Runtime
    abilities: Abilities = Abilities()
    in_ci: bool = False

    @property
    def name(self) -> str:
        return self.runtime.name


def script(*words: str | Path) -> Callable[[Place], list[str | Path]]:
    return lambda place: [*words, str(place.port), place.log, *files()]


def venv_python() -> Path:
    return workshop.python_packages() / "python"


def gunicorn(name: str, *options: str, executable: Callable = venv_python) -> Runtime:
    def own() -> Path:
        return Path(required_program("gunicorn")) if executable is debian_python else venv_python().with_name("gunicorn")

    def arguments(place: Place) -> list[str | Path]:
        pair = [word for name, file in zip(("--certfile", "--keyfile"), certificate()) for word in (name, str(file))]
        return gunicorn_arguments(own, *options, "--keep-alive", "60", *pair)(place)

    return Runtime(name, executable, arguments)


def uvicorn(name: str, *options: str) -> Runtime:
    def arguments(place: Place) -> list[str | Path]:
        chain, key = certificate()
        return uvicorn_arguments(*options, "--ssl-certfile", str(chain), "--ssl-keyfile", str(key))(place)

    return Runtime(name, venv_python, arguments)


def puma(name: str, *options: str) -> Runtime:
    def arguments(place: Place) -> list[str | Path]:
        chain, key = certificate()
        bind = f"ssl://127.0.0.1:{place.port}?cert={chain}&key={key}"
        return [required_program("puma"), *options, "--quiet", "--bind", bind, PROGRAMS / "puma_server" / "config.ru"]

    return Runtime(name, program("ruby"), arguments)


def with_files(place: Place) -> None:
    folder = place.folder / "file"
    folder.mkdir()
    for size in (100_000, 1_048_576):
        (folder / str(size)).write_bytes(b"x" * size)
    (place.folder / "hello").write_text("answered\n")
    for each in (place.folder, folder):
        each.chmod(0o755)


def nginx(site: str) -> Callable[[Place], list[str | Path]]:
    def arguments(place: Place) -> list[str | Path]:
        with_files(place)
        place.render(f"tls/nginx_{site}.conf", "site.conf", **values())
        return ["-e", place.folder / "error.log", "-c", place.render("nginx/nginx.conf", "nginx.conf")]

    return arguments


def apache(mpm: str) -> Callable[[Place], list[str | Path]]:
    def arguments(place: Place) -> list[str | Path]:
        with_files(place)
        configuration = place.render("tls/apache.conf", "apache.conf", MPM=mpm, **values())
        return ["-f", configuration, "-DFOREGROUND"]

    return arguments


def debian_node_server(place: Place) -> list[str | Path]:
    command = workshop.debian_node_command(workshop.debian_node(), *script(TLS / "server.js")(place))
    return command[1:]


def netty(place: Place) -> list[str | Path]:
    return ["-cp", workshop.maven_class_path("netty_server"), "Server", *script()(place)]


NODE_HTTPS = Runtime("Node https", program("node"), script(TLS / "server.js"))
ANSWERS_ALONE = Abilities(echoes=False)
# These wait for the socket to be readable while the next request stands in the TLS library's buffer.
NO_PIPELINING = Abilities(pipelining=False)
ONLY_1_2 = Abilities(versions=(ssl.TLSVersion.TLSv1_2,))  # native-tls 0.2 serves no other

SERVERS = (
    TlsServer(Runtime("Python http.server", debian_python, script(TLS / "server.py")), Abilities(half_close=True), True),
    TlsServer(uvicorn("uvicorn, asyncio, h11", "--loop", "asyncio", "--http", "h11")),
    TlsServer(uvicorn("uvicorn, uvloop, httptools", "--loop", "uvloop", "--http", "httptools")),
    TlsServer(uvicorn("uvicorn, 2 workers", "--loop", "asyncio", "--http", "h11", "--workers", "2")),
    TlsServer(gunicorn("gunicorn threads", "--threads", "4", executable=debian_python), NO_PIPELINING, True),
    TlsServer(gunicorn("gunicorn sync"), Abilities(keeps=False)),
    TlsServer(gunicorn("gunicorn gevent", "--worker-class", "gevent")),
    TlsServer(NODE_HTTPS, in_ci=True),
    TlsServer(Runtime("Node 18, Debian", program("unshare"), debian_node_server)),
    TlsServer(Runtime("WEBrick", program("ruby"), script(TLS / "webrick.rb")), NO_PIPELINING),
    TlsServer(puma("Puma", "--threads", "1:8"), NO_PIPELINING, True),
    TlsServer(puma("Puma -w 2", "--workers", "2", "--threads", "1:8"), NO_PIPELINING),
    TlsServer(Runtime("nginx", program("nginx"), nginx("answers")), ANSWERS_ALONE, True),
    TlsServer(Runtime("nginx, Node", program("nginx"), nginx("proxy"), behind=NODE_HTTPS), in_ci=True),
    TlsServer(Runtime("Apache, event", program("apache2"), apache("event")), ANSWERS_ALONE),
    TlsServer(Runtime("Apache, prefork", program("apache2"), apache("prefork")), ANSWERS_ALONE),
    TlsServer(Runtime("Netty, tcnative", program("java"), netty)),
    TlsServer(Runtime("axum, native-tls", lambda: workshop.native_tls_program("native_tls_server"), script()), ONLY_1_2),
)


@dataclass(frozen=True)
class TlsClient:
    """It waits for a line on stdin, or for its list of URLs there."""

    name: str
    settle_in: Callable[[Path], Path]
    # What is started, given that executable; URL COUNT keep-alive|close MIX SEED CONNECTIONS are added.
    command: Callable[[Path], list[str | Path]]
    environment: Callable[[], Mapping[str, str]] = dict
    speaks: str = "mix"  # "curl" and "wget" take URLs from stdin instead
    library: str = "openssl"
    keeps: bool = True
    in_ci: bool = False


def gated(folder_and_file: str) -> Callable[[Path], list[str | Path]]:
    return lambda executable: [executable, TLS / "gate.py", PROGRAMS / folder_and_file]


def gated_node(folder_and_file: str) -> Callable[[Path], list[str | Path]]:
    return lambda executable: [executable, "--require", TLS / "gate.js", PROGRAMS / folder_and_file]


def php(way: str) -> Callable[[Path], list[str | Path]]:
    gate = f"auto_prepend_file={TLS / 'gate.php'}"
    return lambda executable: [executable, "-d", gate, TLS / "client.php", way, certificate()[0]]


def native_tls_client() -> Path:
    return workshop.native_tls_program("native_tls_client")


CLIENTS = (
    TlsClient("curl", duplicate_into(lambda: required_program("curl")), lambda executable: [executable], speaks="curl",
              in_ci=True),
    TlsClient("wget", duplicate_into(lambda: required_program("wget")), lambda executable: [executable], speaks="wget",
              library="gnutls", in_ci=True),
    TlsClient("Python requests", duplicate_into(venv_python), gated("clients/requests/client.py"), python_environment),
    TlsClient("Python aiohttp", duplicate_into(venv_python), gated("tls/client_aiohttp.py"), python_environment),
    TlsClient("Python requests, gevent", duplicate_into(venv_python), gated("tls/client_gevent.py"),
              python_environment),
    TlsClient("Node https", duplicate_into(lambda: required_program("node")), gated_node("tls/client.js"), in_ci=True),
    TlsClient("Node fetch", duplicate_into(lambda: required_program("node")), gated_node("clients/node/client.js")),
    TlsClient("Node 18 https, Debian", duplicate_into(workshop.debian_node),
              lambda executable: workshop.debian_node_command(*gated_node("tls/client.js")(executable))),
    TlsClient("Ruby net/http", duplicate_into(lambda: required_program("ruby")),
              lambda executable: [executable, TLS / "client.rb"], in_ci=True),
    TlsClient("PHP curl", duplicate_into(lambda: required_program("php")), php("curl")),
    TlsClient("PHP streams", duplicate_into(lambda: required_program("php")), php("stream"), keeps=False),
    TlsClient("reqwest, native-tls", duplicate_into(native_tls_client), lambda executable: [executable]),
)

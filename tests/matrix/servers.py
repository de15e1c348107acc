"""The servers of the matrix: one row says how a runtime is started, how it is called and what is odd about it.

A server gets a port and a log, to which it (or its own access log) adds a line METHOD STATUS for each request.
"""
from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Mapping

import workshop
from harness import clean_environment, end_process, free_port, is_listening, required_program, wait_until
from workshop import PROGRAMS

STARTED_SECONDS = 30
WORKERS = "4"
PLAIN_LOOP = ("--loop", "asyncio", "--http", "h11")  # of uvicorn, which else takes uvloop and httptools if they are there


@dataclass(frozen=True)
class Place:
    """Where one server runs."""

    port: int
    folder: Path
    upstream: int = 0  # the port of the server behind it

    @property
    def log(self) -> Path:
        return self.folder / "requests.log"

    def render(self, template: str, name: str, **more: object) -> Path:
        """Writes a configuration file with this place's values, and `more` of them."""
        values = {"PORT": self.port, "UPSTREAM": self.upstream, "FOLDER": self.folder, "LOG": self.log}
        text = (PROGRAMS / template).read_text()
        for key, value in (values | {"PROGRAMS": PROGRAMS} | more).items():
            text = text.replace(f"@{key}@", str(value))
        path = self.folder / name
        path.write_text(text)
        return path


@dataclass(frozen=True)
class Runtime:
    name: str
    executable: Callable[[], str | Path]  # its base name is the service's name
    arguments: Callable[[Place], list[str | Path]]
    environment: Callable[[], Mapping[str, str]] = dict
    behind: Runtime | None = None
    logs_to_stdout: bool = False
    speaks_http: bool = True  # or nothing of it may be counted
    chunked_requests: bool = True  # it understands them
    # It answers before it has read the body: where a body in chunks ends is seen after the answer.
    answers_early: bool = False
    in_ci: bool = False


def program(name: str) -> Callable[[], str]:
    return lambda: required_program(name)


def this_python() -> str:
    return sys.executable


def debian_python() -> str:
    return "/usr/bin/python3"


def place_arguments(*first: str | Path) -> Callable[[Place], list[str | Path]]:
    return lambda place: [*first, str(place.port), place.log]


def gunicorn_arguments(gunicorn: Callable[[], Path], *options: str) -> Callable[[Place], list[str | Path]]:
    log_format = "%(m)s %(s)s"
    return lambda place: [
        gunicorn(), "--workers", WORKERS, *options, "--bind", f"127.0.0.1:{place.port}",
        "--chdir", PROGRAMS / "gunicorn_server", "--access-logfile", place.log, "--access-logformat", log_format,
        "application:application",
    ]


def uvicorn_arguments(*options: str) -> Callable[[Place], list[str | Path]]:
    return lambda place: [
        "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(place.port), *options, "--no-access-log",
        "--timeout-keep-alive", "60", "--app-dir", PROGRAMS / "uvicorn_server", "application:application",
    ]


def java_arguments(place: Place) -> list[str | Path]:
    # Head and body are two sends: without it each answer waits for a delayed acknowledgement.
    options = ["-Dsun.net.httpserver.nodelay=true", "-cp", workshop.java_classes("java_server")]
    return [*options, "Server", str(place.port), place.log]


def javalin_arguments(place: Place) -> list[str | Path]:
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return [quiet, "-cp", workshop.maven_class_path("javalin_server"), "Server", str(place.port), place.log]


def puma_arguments(place: Place) -> list[str | Path]:
    options = ["--workers", "2", "--threads", "1:8", "--quiet", "--bind", f"tcp://127.0.0.1:{place.port}"]
    return [required_program("puma"), *options, PROGRAMS / "puma_server" / "config.ru"]


def php_arguments(place: Place) -> list[str | Path]:
    return ["-S", f"127.0.0.1:{place.port}", PROGRAMS / "php_server" / "router.php"]


def fpm_program() -> Path:
    found = sorted(Path("/usr/sbin").glob("php-fpm*"))
    if not found:
        raise AssertionError("php-fpm is missing: run tools/install_dependencies.sh matrix")
    return found[-1]


def nginx_arguments(site: str) -> Callable[[Place], list[str | Path]]:
    def arguments(place: Place) -> list[str | Path]:
        place.render(f"nginx/{site}.conf", "site.conf")
        configuration = place.render("nginx/nginx.conf", "nginx.conf")
        return ["-e", place.folder / "error.log", "-c", configuration]

    return arguments


def apache_arguments(place: Place) -> list[str | Path]:
    place.folder.chmod(0o755)  # its workers run as another user
    (place.folder / "hello").write_text("answered\n")
    return ["-f", place.render("apache/apache.conf", "apache.conf"), "-DFOREGROUND"]


GO = Runtime("Go net/http", lambda: workshop.go_program("go_server", "go_server"), place_arguments(), in_ci=True)
PHP_FPM = Runtime(
    "php-fpm", fpm_program, lambda place: ["-F", "-R", "-y", place.render("php_server/fpm.conf", "fpm.conf")],
    speaks_http=False,
)
NGINX = program("nginx")
NGINX_ANSWERS = Runtime("nginx", NGINX, nginx_arguments("answers"), answers_early=True)

SERVERS = (
    GO,
    Runtime("Node http", program("node"), place_arguments(PROGRAMS / "node_server" / "server.js"), in_ci=True),
    Runtime(
        "Node cluster", program("node"), place_arguments(PROGRAMS / "node_cluster_server" / "server.js"), in_ci=True
    ),
    Runtime(
        "Fastify", program("node"), place_arguments(PROGRAMS / "fastify_server" / "server.js"),
        environment=lambda: {"NODE_PATH": str(workshop.node_modules())},
    ),
    Runtime(
        "Python http.server", this_python, place_arguments(PROGRAMS / "python_server" / "server.py", "threads"),
        in_ci=True,
    ),
    Runtime(
        "Python, forking", this_python, place_arguments(PROGRAMS / "python_server" / "server.py", "processes"),
        in_ci=True,
    ),
    Runtime("uvicorn", lambda: workshop.python_packages() / "python", uvicorn_arguments(*PLAIN_LOOP)),
    # New interpreters that inherit the listener.
    Runtime("uvicorn, 2 workers", lambda: workshop.python_packages() / "python", uvicorn_arguments(*PLAIN_LOOP, "--workers", "2")),
    # Its own worker class closes the connection after each answer.
    Runtime(
        "gunicorn sync", lambda: workshop.python_packages() / "python",
        gunicorn_arguments(lambda: workshop.python_packages() / "gunicorn"),
    ),
    Runtime(
        "gunicorn threads", debian_python,
        gunicorn_arguments(program("gunicorn"), "--threads", "4", "--keep-alive", "60"), in_ci=True,
    ),
    Runtime(
        "aiohttp", lambda: workshop.python_packages() / "python",
        place_arguments(PROGRAMS / "aiohttp_server" / "server.py"),
    ),
    Runtime("Java httpserver", program("java"), java_arguments, in_ci=True),
    Runtime("Javalin (Jetty)", program("java"), javalin_arguments),
    Runtime("Puma -w 2", program("ruby"), puma_arguments, in_ci=True),
    Runtime("php -S", program("php"), php_arguments),
    Runtime("nginx, php-fpm", NGINX, nginx_arguments("fpm"), behind=PHP_FPM),
    Runtime("axum", workshop.axum_program, place_arguments()),
    NGINX_ANSWERS,
    Runtime(
        "haproxy", program("haproxy"), lambda place: ["-W", "-f", place.render("haproxy/haproxy.cfg", "haproxy.cfg")],
        logs_to_stdout=True,
    ),
    Runtime("apache2", program("apache2"), apache_arguments),
    Runtime("nginx, Go", NGINX, nginx_arguments("proxy"), behind=GO, in_ci=True),
)


class RunningServer:
    """A server and the one behind it, running inside the block."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.port = free_port()  # known before it runs: the agent may start first
        self.behind = RunningServer(runtime.behind) if runtime.behind else None

    def __enter__(self) -> RunningServer:
        with contextlib.ExitStack() as started:
            if self.behind:
                started.enter_context(self.behind)
            folder = tempfile.TemporaryDirectory(prefix="beyla-matrix-", ignore_cleanup_errors=True)
            upstream = self.behind.port if self.behind else 0
            self.place = Place(self.port, Path(started.enter_context(folder)), upstream)
            started.enter_context(self._process())
            self._running = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @contextlib.contextmanager
    def _process(self) -> Iterator[None]:
        executable = self.runtime.executable()
        command = [str(word) for word in (executable, *self.runtime.arguments(self.place))]
        with open(self.place.log, "ab") as log, open(self.place.folder / "output", "wb") as output:
            process = subprocess.Popen(
                command, env=clean_environment({"REQUEST_LOG": str(self.place.log)} | self.runtime.environment()),
                stdin=subprocess.DEVNULL, stdout=log if self.runtime.logs_to_stdout else output, stderr=output,
                cwd=self.place.folder,
                start_new_session=True,  # Apache's prefork ends by SIGTERM to its whole process group
            )
        self.pid = process.pid
        try:
            wait_until(lambda: self._listens(process), STARTED_SECONDS, f"{self.runtime.name} listens")
            yield
        except AssertionError:
            print((self.place.folder / "output").read_text(errors="replace"), file=sys.stderr)
            raise
        finally:
            end_process(process)

    def _listens(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            raise AssertionError(f"{self.runtime.name} ended with {process.returncode}")
        return is_listening(self.port)

    @property
    def service(self) -> str:
        return Path(os.path.realpath(self.runtime.executable())).name

    def chain(self) -> list[RunningServer]:
        return [self, *(self.behind.chain() if self.behind else [])]

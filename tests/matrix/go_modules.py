"""Builds Go programs that nobody here wrote from their modules, once each, stripped; see workshop.py for where.

A program whose module replaces others cannot be had by `go install`: it is built from a module of one file that
requires it. Such a module has no go.sum of ours: the requirements of the program's own go.mod decide all versions.
"""
from __future__ import annotations

import functools
from pathlib import Path

import workshop
from harness import required_program
from targets import go_environment
from workshop import PROGRAMS, building, run

STRIPPED = ("-trimpath", "-ldflags", "-s -w")
WRAPPER = "module wrapper\n\ngo 1.26.0\n\nrequire {module} {version}\n"
IMPORTED_TOOL = '//go:build tools\n\npackage wrapper\n\nimport _ "{package}"\n'
ETCD_MAIN = """package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
"""


def folder_of(name: str) -> Path:
    folder = workshop.made_cache() / "go_modules" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def go(folder: Path, *words: str | Path, **environment: str) -> None:
    run([required_program("go"), *words], folder, go_environment() | environment)


def installed(name: str, program: str, package: str, version: str) -> Path:
    folder = folder_of(name)
    built = folder / program
    with building(built) as needed:
        if needed:
            go(folder, "install", *STRIPPED, f"{package}@{version}", GOBIN=str(folder))
    return built


def wrapped(name: str, module: str, version: str, source: tuple[str, str], package: str) -> Path:
    folder = folder_of(name)
    built = folder / name
    with building(built) as needed:
        if needed:
            (folder / "go.mod").write_text(WRAPPER.format(module=module, version=version))
            (folder / source[0]).write_text(source[1])
            go(folder, "mod", "tidy", "-e")
            go(folder, "build", *STRIPPED, "-o", built, package)
    return built


@functools.cache
def nats_server() -> Path:
    """Some 20 seconds."""
    return installed("nats", "nats-server", "github.com/nats-io/nats-server/v2", "v2.15.2")


@functools.cache
def minio() -> Path:
    """112 MB, some four minutes."""
    return installed("minio", "minio", "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c")


@functools.cache
def etcd() -> Path:
    """Some 30 seconds."""
    return wrapped("etcd", "go.etcd.io/etcd/server/v3", "v3.6.5", ("main.go", ETCD_MAIN), ".")


@functools.cache
def prometheus() -> Path:
    package = "github.com/prometheus/prometheus/cmd/prometheus"
    source = ("tools.go", IMPORTED_TOOL.format(package=package))
    return wrapped("prometheus", "github.com/prometheus/prometheus", "v0.316.0", source, package)


@functools.cache
def collector() -> Path:
    """Some two minutes, with its builder."""
    builder = installed("collector", "builder", "go.opentelemetry.io/collector/cmd/builder", "v0.165.0")
    folder, settings = folder_of("collector"), PROGRAMS / "go_programs" / "collector.yaml"
    source, built = folder / "source", folder / "otelcol"
    with building(built, settings) as needed:
        if needed:
            command = [builder, "--config", settings, "--skip-compilation"]
            run(command, folder, go_environment())
            go(source, "build", *STRIPPED, "-o", built, ".")
    return built

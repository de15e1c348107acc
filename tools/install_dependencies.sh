#!/usr/bin/env bash
# Installs the Debian 12 packages that are missing, through sudo where not root; does nothing when all are there.
# Usage: install_dependencies.sh build|test|matrix|demo|lint
set -euo pipefail

build_packages=(
  cmake ninja-build g++ clang-19 llvm-19 libbpf-dev bpftool libelf-dev zlib1g-dev libmicrohttpd-dev libyaml-cpp-dev
  libspdlog-dev libfmt-dev libboost1.81-dev libseccomp-dev libzydis-dev pkg-config git
)
test_packages=(
  libgtest-dev libgmock-dev libbenchmark-dev libdw-dev libhttp-parser-dev libnghttp2-dev liburing-dev libclang-rt-19-dev nginx-light wrk apache2-utils
  redis-server redis-tools prometheus curl sudo procps util-linux gunicorn puma
  fuse3 python3-fusepy libcap2-bin systemd
  docker-registry caddy etcd-server etcd-client nghttp2-client nghttp2-server openssl libssl-dev libgnutls28-dev
  libgrpc++-dev wget
)
# The servers of `make test-matrix` beside those of the tests.
matrix_packages=(haproxy apache2-bin php-cli php-curl php-fpm ruby-webrick)
lint_packages=(clang-format-19 clang-tidy-19)
policy=/usr/sbin/policy-rc.d

# Prints the package unless the program is there already, installed by whatever means.
unless_program() {
  command -v "$1" >/dev/null || echo "$2"
}

test_set() {
  printf '%s\n' "${build_packages[@]}" "${test_packages[@]}"
  unless_program node nodejs
  unless_program npm npm
  unless_program python3 python3
  unless_program go golang-go
  unless_program javac default-jdk-headless
}

wanted_packages() {
  case "$1" in
    build) printf '%s\n' "${build_packages[@]}" ;;
    test) test_set ;;
    matrix)
      test_set
      printf '%s\n' "${matrix_packages[@]}"
      unless_program python3 python3-venv
      unless_program mvn maven
      unless_program cargo cargo-web
      ;;
    demo)
      printf '%s\n' "${build_packages[@]}" curl
      unless_program go golang-go
      ;;
    lint) printf '%s\n' "${lint_packages[@]}" ;;
    *)
      echo "usage: $0 build|test|matrix|demo|lint" >&2
      exit 2
      ;;
  esac
}

missing_packages() {
  local package
  while read -r package; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "$0: needs root to install packages: run it as root, or install sudo" >&2
    return 2
  fi
}

# Packages like nginx start their service when they are installed; here they only serve as programs for the tests.
forbid_services() {
  [[ -e $policy ]] && return
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  trap 'as_root rm -f "$policy"' EXIT
  as_root chmod 755 "$policy"
}

install_packages() {
  echo "installing: $*"
  forbid_services
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

wanted=$(wanted_packages "${1:-}")
mapfile -t missing < <(missing_packages <<<"$wanted")
if ((${#missing[@]} > 0)); then
  install_packages "${missing[@]}"
fi

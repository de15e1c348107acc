"""A target of the matrix: a WSGI application for gunicorn, which writes the log itself."""
from http import HTTPStatus


def application(environment, start_response):
    body = environment["wsgi.input"].read() or b"answered\n"
    path = environment["PATH_INFO"]
    status = HTTPStatus(int(path.removeprefix("/status/")) if path.startswith("/status/") else 200)
    headers = [("Location", "/hello")] if status == 301 else []
    if status == 204:
        body = b""
    else:
        headers.append(("Content-Length", str(len(body))))
    start_response(f"{status.value} {status.phrase}", headers)
    return [] if environment["REQUEST_METHOD"] == "HEAD" else [body]

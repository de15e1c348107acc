"""A target of the matrix: an ASGI application for uvicorn. The environment's REQUEST_LOG names its log."""
import os

LOG = os.open(os.environ["REQUEST_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


async def read_body(receive) -> bytes:
    pieces = []
    more = True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


async def application(scope, receive, send) -> None:
    if scope["type"] != "http":
        return
    body = await read_body(receive) or b"answered\n"
    path = scope["path"]
    status = int(path.removeprefix("/status/")) if path.startswith("/status/") else 200
    os.write(LOG, f"{scope['method']} {status}\n".encode())
    headers = [(b"location", b"/hello")] if status == 301 else []
    if status == 204:
        body = b""
    else:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

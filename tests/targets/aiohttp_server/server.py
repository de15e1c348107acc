"""A target of the matrix: aiohttp. Usage: server.py PORT LOG."""
import os
import sys

from aiohttp import web

LOG = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


async def answer(request: web.Request) -> web.Response:
    body = await request.read() or b"answered\n"
    status = int(request.match_info.get("code", "200"))
    os.write(LOG, f"{request.method} {status}\n".encode())
    headers = {"Location": "/hello"} if status == 301 else {}
    return web.Response(status=status, headers=headers, body=None if status == 204 else body)


application = web.Application()
for path in ("/hello", "/echo", "/status/{code}"):
    application.router.add_route("*", path, answer)
web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)

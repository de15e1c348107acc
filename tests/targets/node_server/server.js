// A target of the matrix: Node's own HTTP server. Usage: server.js PORT LOG.
'use strict';
const fs = require('fs');
const http = require('http');

const [port, logPath] = process.argv.slice(2);
const log = fs.openSync(logPath, 'a');

function statusOf(path) {
  const match = /^\/status\/(\d+)$/.exec(path);
  return match ? Number(match[1]) : 200;
}

const server = http.createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    const body = Buffer.concat(pieces);
    response.statusCode = statusOf(request.url);
    fs.writeSync(log, `${request.method} ${response.statusCode}\n`);
    if (response.statusCode === 301) response.setHeader('Location', '/hello');
    response.end(response.statusCode === 204 ? undefined : body.length ? body : 'answered\n');
  });
});

server.keepAliveTimeout = 60000;
server.listen(Number(port), '127.0.0.1');

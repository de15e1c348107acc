// An HTTPS target of the matrix: Node's own server. Usage: server.js PORT LOG CERTIFICATE KEY.
// The log gets METHOD STATUS PATH BODY_BYTES CLIENT_PORT for each request: it is the account that clients are judged by.
'use strict';
const fs = require('fs');
const https = require('https');

const [port, logPath, certificate, key] = process.argv.slice(2);
const log = fs.openSync(logPath, 'a');

function statusOf(path) {
  const match = /^\/status\/(\d+)/.exec(path);
  return match ? Number(match[1]) : 200;
}

const keys = { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) };
const server = https.createServer(keys, (request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    const body = Buffer.concat(pieces);
    response.statusCode = statusOf(request.url);
    const { method, url, socket } = request;
    fs.writeSync(log, `${method} ${response.statusCode} ${url} ${body.length} ${socket.remotePort}\n`);
    response.end(response.statusCode === 204 ? undefined : body.length ? body : 'answered\n');
  });
});

server.keepAliveTimeout = 60000;
server.listen(Number(port), '127.0.0.1');

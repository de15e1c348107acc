// A target of the end-to-end tests. Usage: node node_server.js PORT. Any path; ?status=CODE chooses the status.
'use strict';
const http = require('http');

const server = http.createServer((request, response) => {
  const query = new URL(request.url, 'http://localhost').searchParams;
  const status = Number(query.get('status') || 200);
  request.resume();
  request.on('end', () => {
    response.statusCode = status;
    response.end(status === 204 || status === 304 ? undefined : 'answered\n');
  });
});

server.keepAliveTimeout = 60000;
server.listen(Number(process.argv[2]), '127.0.0.1');

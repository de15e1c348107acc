// A target of the matrix: Fastify. Usage: server.js PORT LOG; NODE_PATH leads to fastify.
'use strict';
const fs = require('fs');
const fastify = require('fastify')({ keepAliveTimeout: 60000 });

const [port, logPath] = process.argv.slice(2);
const log = fs.openSync(logPath, 'a');

fastify.removeAllContentTypeParsers();
fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => done(null, body));

function answer(request, reply) {
  const status = Number(request.params.code || 200);
  if (status === 301) reply.header('Location', '/hello');
  reply.code(status);
  if (status === 204) return reply.send();
  return reply.send(request.body && request.body.length ? request.body : 'answered\n');
}

for (const url of ['/hello', '/echo', '/status/:code']) {
  fastify.route({ method: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'], url, handler: answer });
}
fastify.addHook('onSend', (request, reply, payload, done) => {
  fs.writeSync(log, `${request.method} ${reply.statusCode}\n`);
  done();
});
fastify.listen({ port: Number(port), host: '127.0.0.1' });

// A target of the matrix: a parent that accepts and hands each connection to one of two workers. Usage: server.js PORT LOG.
'use strict';
const cluster = require('cluster');
const path = require('path');

const WORKERS = 2;

if (cluster.isPrimary) {
  for (let i = 0; i < WORKERS; ++i) cluster.fork();
  process.on('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill();
    process.exit(0);
  });
} else {
  require(path.join(__dirname, '..', 'node_server', 'server.js'));
}

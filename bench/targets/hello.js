// A target of the bench: node's http with the shortest handler. Usage: node hello.js PORT
'use strict';
require('http')
  .createServer((request, response) => response.end('hello\n'))
  .listen(Number(process.argv[2]), '127.0.0.1');

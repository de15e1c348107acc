// An HTTPS server: tls_server.js PORT CERTIFICATE, a PEM file with key and certificate.
const fs = require('fs');
const pem = fs.readFileSync(process.argv[3]);
require('https').createServer({ key: pem, cert: pem }, (request, response) => {
  response.statusCode = { '/missing': 404, '/broken': 500 }[request.url.split('?')[0]] || 200;
  response.end('x'.repeat(100));
}).listen(Number(process.argv[2]), '127.0.0.1');

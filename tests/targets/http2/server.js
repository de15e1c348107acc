// An HTTP/2 server: server.js PORT [CERTIFICATE KEY]; without them in clear text, by prior knowledge. What its paths answer
// is what client.js and tests/e2e/http2_load.py ask for.
const fs = require('fs');
const http2 = require('http2');
const [port, certificate, key] = process.argv.slice(2);

const fixed = { '/small': 10, '/large': 300000, '/huge': 1 << 20 };

const answers = {
  '/empty': (stream) => stream.respond({ ':status': 204 }, { endStream: true }),
  '/same': (stream) => stream.respond({ ':status': 304 }, { endStream: true }),
  '/early': (stream) => {
    stream.respond({ ':status': 413 });
    stream.end('too much');
  },
  '/echo': (stream) => {
    let bytes = 0;
    stream.on('data', (chunk) => { bytes += chunk.length; });
    stream.on('end', () => {
      if (stream.destroyed) return;
      stream.respond({ ':status': 201 });
      stream.end(String(bytes));
    });
  },
  '/never': (stream) => stream.additionalHeaders({ ':status': 103 }),
  '/reset': (stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
  '/hints': (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload' });
    stream.respond({ ':status': 200 });
    stream.end('hinted');
  },
  '/trailers': (stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-check': 'sum' }));
    stream.end('x'.repeat(40000));
  },
  '/bighead': (stream) => {  // more than a frame takes: CONTINUATION
    stream.respond({ ':status': 200, 'x-fill': 'f'.repeat(30000) });
    stream.end('small');
  },
};

function answer(stream, headers) {
  stream.on('error', () => {});
  const path = headers[':path'].split('?')[0];
  if (headers.expect) stream.additionalHeaders({ ':status': 100 });
  if (path !== '/echo') stream.resume();  // an unread body would use up the connection's window
  if (answers[path]) return answers[path](stream);
  if (!(path in fixed)) {
    stream.respond({ ':status': 404 });
    return stream.end('missing');
  }
  const isHead = headers[':method'] === 'HEAD';
  stream.respond({ ':status': 200 }, { endStream: isHead });
  if (!isHead) stream.end(Buffer.alloc(fixed[path], 'x'));
}

const options = { settings: { maxConcurrentStreams: 250 }, maxSessionMemory: 1000, streamResetBurst: 1e6, streamResetRate: 1e6 };
const server = certificate
  ? http2.createSecureServer({ ...options, cert: fs.readFileSync(certificate), key: fs.readFileSync(key) })
  : http2.createServer(options);
server.on('stream', answer);
server.on('sessionError', () => {});
server.listen(Number(port), '127.0.0.1');

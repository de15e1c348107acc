// An HTTP/2 client: client.js URL REQUESTS STREAMS CASE,CASE... asks each case in turn, so many streams at a time, on two
// connections: the second pads its frames. It begins when it gets a line on its standard input, and prints JSON: how often
// which method, path and end was seen, [[method, path, status | "cancelled" | "reset", count], ...].
const http2 = require('http2');
const [url, requests, streams, names] = process.argv.slice(2);

const FILL = 'f'.repeat(20000);  // a head that takes CONTINUATION frames
const cases = {
  small: { path: '/small?q=secret' },
  missing: { path: '/missing' },
  huge: { path: '/huge' },
  head: { method: 'HEAD', path: '/small' },
  empty: { path: '/empty' },
  same: { path: '/same' },
  unmodified: { path: '/small', headers: { 'if-modified-since': 'Fri, 01 Jan 2037 00:00:00 GMT' } },
  echo: { method: 'POST', path: '/echo', body: 200000 },
  trailing: { method: 'POST', path: '/echo', body: 1000, trailers: { 'x-sum': '1' } },
  put: { method: 'POST', path: '/small', body: 50000 },  // files are answered at once, as they take no body
  early: { method: 'POST', path: '/early', body: 40000 },
  expect: { method: 'POST', path: '/echo', body: 100, headers: { expect: '100-continue' } },
  trailers: { path: '/trailers' },
  hints: { path: '/hints' },
  bighead: { path: '/bighead' },
  fill: { path: '/small', headers: { 'x-fill': FILL } },
  fresh: { path: '/small', fresh: true },  // a field that is never the same: the table turns over
  priority: { path: '/small', options: { weight: 200, exclusive: true } },
  cancel: { path: '/never', cancelOn: 'headers' },  // the interim answer
  stop: { path: '/huge', cancelOn: 'data' },
  reset: { path: '/reset' },
};
const asked = names.split(',').map((name) => cases[name]);
const counts = new Map();
let begun = 0;
let running = 0;

function note(one, end) {
  const key = JSON.stringify([one.method || 'GET', one.path.split('?')[0], end]);
  counts.set(key, (counts.get(key) || 0) + 1);
}

function ask(session, one, done) {
  const method = one.method || 'GET';
  const headers = { ':method': method, ':path': one.path, ...one.headers };
  if (one.fresh) headers['x-fresh'] = `${begun}`.padStart(1000, 'f');
  const stream = session.request(headers, { endStream: !one.body, waitForTrailers: !!one.trailers, ...one.options });
  let status = 0;
  stream.on('response', (answer) => { status = answer[':status']; });
  if (one.trailers) stream.on('wantTrailers', () => stream.sendTrailers(one.trailers));
  // Not at once: 'response' comes behind 'data'.
  if (one.cancelOn) stream.once(one.cancelOn, () => setImmediate(() => stream.close(http2.constants.NGHTTP2_CANCEL)));
  else stream.resume();
  stream.on('error', () => {});
  stream.on('close', () => {
    note(one, status || (one.cancelOn ? 'cancelled' : 'reset'));
    done();
  });
  const body = () => stream.end(Buffer.alloc(one.body, 'b'));
  if (one.headers && one.headers.expect) stream.on('continue', body);
  else if (one.body) body();
}

const { PADDING_STRATEGY_NONE, PADDING_STRATEGY_MAX } = http2.constants;
function run() {
  const sessions = [PADDING_STRATEGY_NONE, PADDING_STRATEGY_MAX].map(
    (paddingStrategy) => http2.connect(url, { rejectUnauthorized: false, paddingStrategy, maxSessionMemory: 1000 }));
  sessions.forEach((session) => session.on('error', (error) => {
    process.stderr.write(`${error}\n`);
    process.exit(1);
  }));
  const next = (session) => {
    if (begun < Number(requests)) {
      running += 1;
      ask(session, asked[begun++ % asked.length], () => {
        running -= 1;
        next(session);
      });
    } else if (running === 0) {
      sessions.forEach((open) => open.close());
      process.stdout.write(JSON.stringify([...counts].map(([key, count]) => [...JSON.parse(key), count])));
      process.stdin.destroy();
    }
  };
  sessions.forEach((session) => session.once('remoteSettings', () => {
    for (let i = 0; i < Number(streams); i++) if (begun < Number(requests)) next(session);
  }));
}

process.stdin.once('data', run);

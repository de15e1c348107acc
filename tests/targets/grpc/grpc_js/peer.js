// Target: grpc-js, gRPC in JavaScript over Node's own HTTP/2, in both roles; see ../README.md.
'use strict';
const fs = require('fs');
const grpc = require('@grpc/grpc-js');

const asIs = (bytes) => bytes;
const SERVICE = {};
for (const [name, requestStream, responseStream] of [
  ['Unary', false, false], ['ServerStream', false, true], ['ClientStream', true, false], ['Bidirectional', true, true],
]) {
  SERVICE[name] = {
    path: `/targets.Calls/${name}`, requestStream, responseStream,
    requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs,
  };
}

const wait = (milliseconds) => milliseconds ? new Promise((done) => setTimeout(done, milliseconds)) : undefined;
const answer = (asked) => Buffer.alloc(asked.size || 0, 'x');

async function obey(message) {
  const asked = {};
  for (const [key, value] of new URLSearchParams(message.toString())) asked[key] = Number(value);
  await wait(asked.delay);
  if (asked.exit !== undefined) process.exit(0);
  if (asked.code) {
    const metadata = new grpc.Metadata();
    if (asked.trailer) metadata.set('padding', '~'.repeat(asked.trailer));
    throw { code: asked.code, details: 'as asked: 100 %, ü\n', metadata };
  }
  return asked;
}

const HANDLERS = {
  Unary(call, done) {
    obey(call.request).then((asked) => done(null, answer(asked)), done);
  },
  async ServerStream(call) {
    try {
      const asked = await obey(call.request);
      for (let left = asked.count || 0; left > 0 && !call.cancelled; --left) {
        await wait(asked.interval);
        call.write(answer(asked));
      }
      call.end();
    } catch (error) {
      call.emit('error', error);
    }
  },
  ClientStream(call, done) {
    let asked = {};
    inOrder(call, async (message) => { asked = await obey(message); }).then(() => done(null, answer(asked)), done);
  },
  Bidirectional(call) {
    inOrder(call, async (message) => { call.write(answer(await obey(message))); })
        .then(() => call.end(), (error) => call.emit('error', error));
  },
};

// Messages one by one; not by `for await`, which destroys the stream where it ends early.
function inOrder(call, take) {
  return new Promise((done, fail) => {
    let last = Promise.resolve();
    call.on('data', (message) => { last = last.then(() => take(message)); last.catch(fail); });
    call.on('end', () => last.then(done, fail));
  });
}

function serve(port) {
  const age = process.env.MAX_AGE_MS;
  const server = new grpc.Server(age ? { 'grpc.max_connection_age_ms': Number(age) } : {});
  server.addService(SERVICE, HANDLERS);
  let secured = grpc.ServerCredentials.createInsecure();
  if (process.env.TLS_CERTIFICATE) {
    const pair = {
      cert_chain: fs.readFileSync(process.env.TLS_CERTIFICATE), private_key: fs.readFileSync(process.env.TLS_KEY),
    };
    secured = grpc.ServerCredentials.createSsl(null, [pair]);
  }
  server.bindAsync(`127.0.0.1:${port}`, secured, (error) => {
    if (error) throw error;
  });
}

function makeClients(port) {
  let secured = grpc.credentials.createInsecure();
  const options = {};
  if (process.env.TLS_CERTIFICATE) {
    secured = grpc.credentials.createSsl(fs.readFileSync(process.env.TLS_CERTIFICATE));
    options['grpc.ssl_target_name_override'] = 'localhost';
  }
  // Compression is a channel's, not a call's.
  const compressing = { ...options, 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip };
  return [options, compressing].map((each) => new grpc.Client(`127.0.0.1:${port}`, secured, each));
}

function begin(clients, line, done) {
  const [method, messages, bytes, timeout, cancel, metadataBytes, compress, query] = line.split(' ');
  const missing = Number(bytes) - query.length;
  const message = Buffer.from(missing > 0 ? `${query}&pad=${'p'.repeat(missing)}` : query);
  const metadata = new grpc.Metadata();
  if (Number(metadataBytes)) metadata.set('padding', '~'.repeat(Number(metadataBytes)));
  const options = Number(timeout) ? { deadline: Date.now() + Number(timeout) } : {};
  const client = clients[Number(compress)];
  const { requestStream, responseStream } = SERVICE[method] || {};
  const kind = requestStream ? (responseStream ? 'Bidi' : 'Client') : responseStream ? 'Server' : 'Unary';
  const how = [`/targets.Calls/${method}`, asIs, asIs, ...(requestStream ? [] : [message]), metadata, options];
  const name = kind === 'Unary' ? 'makeUnaryRequest' : `make${kind}StreamRequest`;
  const call = client[name](...how, ...(responseStream ? [] : [() => {}]));
  call.on('status', (status) => done(status.code));
  if (responseStream) call.on('data', () => {}).on('error', () => {});
  if (requestStream) {
    for (let left = Number(messages); left > 0; --left) call.write(message);
    call.end();
  }
  if (Number(cancel)) setTimeout(() => call.cancel(), Number(cancel));
}

function callAll(port, atOnce) {
  const lines = fs.readFileSync(0, 'utf8').trim().split('\n');
  const clients = makeClients(port);
  const codes = [];
  let begun = 0;
  let ended = 0;
  function next() {
    if (begun === lines.length) return;
    const index = begun++;
    begin(clients, lines[index], (code) => {
      codes[index] = code;
      if (++ended < lines.length) return next();
      console.log(codes.map((each, at) => `${at} ${each}`).join('\n'));
      clients.forEach((client) => client.close());
    });
  }
  for (let i = 0; i < atOnce; ++i) next();
}

if (process.argv[2] === 'serve') serve(process.argv[3]);
else callAll(process.argv[3], Number(process.argv[4]));

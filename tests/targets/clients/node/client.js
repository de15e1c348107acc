// A client of the matrix: Node's fetch. Usage: client.js URL COUNT keep-alive|close MIX SEED CONNECTIONS.
'use strict';
const fs = require('fs');

const [url, countText, mode, mixPath, seedText, connectionsText] = process.argv.slice(2);
const count = Number(countText);
const seed = Number(seedText);
const mix = fs.readFileSync(mixPath, 'utf8').trim().split('\n').map((line) => {
  const [method, path, bodyBytes, framing] = line.split(' ');
  return { method, path, bodyBytes: Number(bodyBytes), chunked: framing === 'chunked' };
});
const counts = {};
let next = 0;

function bodyOf(step) {
  if (step.bodyBytes === 0) return undefined;
  const body = Buffer.alloc(step.bodyBytes, 'x');
  return step.chunked ? new Blob([body]).stream() : body;
}

async function send(step) {
  const answer = await fetch(url + step.path, {
    method: step.method,
    body: bodyOf(step),
    duplex: 'half',
    redirect: 'manual',
    headers: mode === 'close' ? { connection: 'close' } : {},
  });
  await answer.arrayBuffer();
  const key = `${step.method} ${answer.status}`;
  counts[key] = (counts[key] || 0) + 1;
}

async function work() {
  while (next < count) await send(mix[(seed + next++) % mix.length]);
}

Promise.all(Array.from({ length: Number(connectionsText) }, work)).then(() => {
  console.log(JSON.stringify(counts));
});

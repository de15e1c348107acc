// An HTTPS client of the matrix: Node's https. Usage: client.js URL COUNT keep-alive|close MIX SEED CONNECTIONS.
'use strict';
const fs = require('fs');
const https = require('https');

const [url, count, mode, mixPath, seed, connections] = process.argv.slice(2);
const mix = fs.readFileSync(mixPath, 'utf8').trim().split('\n').map((line) => line.split(' '));
const agent = new https.Agent({ keepAlive: mode === 'keep-alive', maxSockets: Number(connections) });
const counts = {};
let next = 0;

function send([method, path, bodyBytes]) {
  return new Promise((done, failed) => {
    const headers = Number(bodyBytes) ? { 'Content-Length': bodyBytes } : {};
    const request = https.request(url + path, { method, agent, headers }, (answer) => {
      const key = `${method} ${answer.statusCode}`;
      counts[key] = (counts[key] || 0) + 1;
      answer.on('end', done).resume();
    });
    request.on('error', failed).end(Buffer.alloc(Number(bodyBytes), 'x'));
  });
}

async function work() {
  while (next < Number(count)) await send(mix[(Number(seed) + next++) % mix.length]);
}

Promise.all(Array.from({ length: Number(connections) }, work)).then(() => {
  console.log(JSON.stringify(counts));
  agent.destroy();
});

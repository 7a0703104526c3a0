// Floods: who speaks or connects too fast waits or is closed; nobody else notices, and nothing that was taken is lost.

import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { Airlock, fresh, path } from './support.mjs';
import { within } from './waiting.mjs';

const serving = async (args, run) => {
  const airlock = await Airlock.start({ args });
  try {
    await run(airlock);
  } finally {
    await airlock.stop();
  }
};

/** Sends so many requests at once, and answers how many were served after `ms`, then waits for the rest. */
async function flood(socket, requests, begin, ms, meanwhile) {
  const started = Date.now();
  const ids = Array.from({ length: requests }, begin);
  await meanwhile();
  const rest = ms - (Date.now() - started);
  if (0 < rest) await new Promise((resolve) => setTimeout(resolve, rest));
  const answered = new Set(socket.frames.filter((it) => it.header.method === 'reply').map((it) => it.header.id));
  const served = ids.filter((id) => answered.has(id)).length;
  const passed = (Date.now() - started) / 1_000;
  for (const id of ids) assert.equal((await socket.finish(id, 30_000)).status, 404, 'all are answered in the end');
  return { served, passed, whole: (Date.now() - started) / 1_000 };
}

test('a socket gets no more than its requests, another goes on, and all are answered in the end', async () => {
  const [rate, requests] = [400, 2_400];
  await serving(['--requests-per-second', `${rate}`], async (airlock) => {
    const eve = await airlock.socket(fresh('eve'));
    const ada = await airlock.socket(fresh('ada'));
    const { body } = await ada.request('POST', path('Documents'), { unique_name: fresh('doc'), data: { n: 0 } });
    const begin = () => eve.start('GET', path('Documents', fresh('none')));
    const slowest = { ms: 0 };
    const writes = async () => {
      for (let n = 1; n <= 100; n += 1) {
        const from = Date.now();
        assert.equal((await ada.request('POST', path('Documents', body.sid), { data: { n } })).status, 200);
        slowest.ms = Math.max(slowest.ms, Date.now() - from);
      }
    };
    const { served, passed, whole } = await flood(eve, requests, begin, 1_500, writes);
    // The burst of two seconds, the rate since then, one on credit, and what `init` took.
    const bound = 2 * rate + rate * passed + 2;
    assert.ok(served <= bound, `${served} served in ${passed} s, at most ${bound}`);
    assert.ok(served >= bound * 0.7, `${served} served in ${passed} s: the limit is not that low`);
    assert.ok(whole >= (requests - 2 * rate - 2) / rate, `all within ${whole} s`);
    assert.ok(slowest.ms < 1_000, `a write took ${slowest.ms} ms`);
  });
});

test('acknowledgements are not requests, and 0 is no limit', async () => {
  await serving(['--requests-per-second', '10'], async (airlock) => {
    const eve = await airlock.socket(fresh('eve'));
    for (let n = 0; n < 5_000; n += 1) eve.send({ id: `TM${n}`, method: 'reply', payload_type: 'application/json', status: { code: 200, status: 'OK' } });
    const from = Date.now();
    assert.equal((await eve.request('GET', path('Documents', fresh('none')))).status, 404);
    assert.ok(Date.now() - from < 5_000);
  });
  await serving(['--requests-per-second', '0'], async (airlock) => {
    const eve = await airlock.socket(fresh('eve'));
    const ids = Array.from({ length: 6_000 }, () => eve.start('GET', path('Documents', fresh('none'))));
    for (const id of ids) assert.equal((await eve.finish(id, 30_000)).status, 404);
  });
});

test('an address that connects too fast is closed at once, logged once, and comes in again later', async () => {
  await serving(['--connects-per-second', '5'], async (airlock) => {
    /** Connects, asks for /health, and answers with the status, or null when it was closed. */
    const ask = () => within(new Promise((resolve) => {
      const socket = net.connect(airlock.port, '127.0.0.1');
      let text = '';
      socket.on('connect', () => socket.write('GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'));
      socket.on('data', (data) => { text += data; });
      socket.on('error', () => {});
      socket.on('close', () => resolve(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? null));
    }), 'the connection ends');
    const from = Date.now();
    const all = await Promise.all(Array.from({ length: 200 }, ask));
    const seconds = (Date.now() - from) / 1_000;
    const open = all.filter((it) => it === '200').length;
    assert.ok(open <= 50 + 5 * seconds + 1 && 40 <= open, `${open} of 200 in ${seconds} s`);
    assert.equal(all.filter((it) => it === null).length, 200 - open, 'the others were closed without a word');
    const told = (it) => it.message === 'connections closed: they come too fast';
    const line = await airlock.logged(told, 'the address');
    assert.deepEqual([line['peer.addr'], line.level], ['127.0.0.1', 'INFO']);
    assert.equal(airlock.lines().filter(told).length, 1);
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.equal(await ask(), '200');
  });
});

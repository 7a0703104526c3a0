// How long a writer waits while something large happens: no test, a measurement.
//
//   AIRLOCK_BIN=… node tests/sdk/pauses.mjs removal      the removal of a map whose 10,000 items are published
//   AIRLOCK_BIN=… node tests/sdk/pauses.mjs checkpoint   a checkpoint of PAUSES_MIB (350) MiB; the binary must have debug assertions
//
// One socket writes a document again and again, each write after the answer to the one before. Printed are the longest
// waits of a quiet second, and of the time in which it happens.

import assert from 'node:assert/strict';
import { Airlock, path } from './support.mjs';
import { until } from './waiting.mjs';

const ITEMS = Number(process.env.PAUSES_ITEMS ?? 10_000);
const MIB = Number(process.env.PAUSES_MIB ?? 350);

/** Writes until it is stopped; gives how long each write took, in milliseconds, the longest first. */
function probe(socket, sid) {
  const waits = [];
  let stopped = false;
  const running = (async () => {
    for (let n = 0; !stopped; n += 1) {
      const began = performance.now();
      assert.equal((await socket.request('POST', path('Documents', sid), { data: { n } })).status, 200);
      waits.push(performance.now() - began);
      if (256 < socket.frames.length) socket.frames.length = 0;
      await new Promise((done) => setTimeout(done, 1));
    }
  })();
  return async () => {
    stopped = true;
    await running;
    return waits.sort((a, b) => b - a);
  };
}

const shown = (waits) => `${waits.slice(0, 5).map((it) => it.toFixed(1)).join(', ')} ms of ${waits.length} writes, median ${waits[waits.length >> 1].toFixed(1)}`;

/** Sends many requests, some at a time. */
async function many(count, at, send) {
  let next = 0;
  await Promise.all(Array.from({ length: at }, async () => {
    while (next < count) await send(next++);
  }));
}

const what = process.argv[2];
const args = ['--requests-per-second', '0', '--bytes-per-identity', String(2 ** 40), '--objects-per-identity', '1000000', '--disk-min-free-mb', '0'];
const airlock = await Airlock.start({ args, log: 'error,airlock::relay::store=info' });
try {
  const open = (await airlock.backend('POST', '/v1/Services', { FriendlyName: 'open', AclEnabled: 'false' })).body.sid;
  const socketOf = (name) => airlock.socket(name, { service: open });
  let prober = await socketOf('prober');
  const { body: { sid } } = await prober.request('POST', path('Documents'), { data: {} });
  const filler = await socketOf('filler');
  let happening;
  if (what === 'removal') {
    assert.equal((await filler.request('POST', path('Maps'), { unique_name: 'pins/filler' })).status, 201);
    await many(ITEMS, 64, async (n) => {
      const { status, text } = await filler.request('POST', path('Maps', 'pins/filler', 'Items'), { key: `k${n}`, data: { title: `pin ${n}` } });
      assert.equal(status, 201, text);
      if (1024 < filler.frames.length) filler.frames.splice(0, 512);
    });
    happening = async () => assert.equal((await filler.request('DELETE', path('Maps', 'pins/filler'))).status, 204);
  } else {
    const text = 'x'.repeat(16_000);
    await many(Math.ceil(MIB * 1024 * 1024 / 16_000), 64, async (n) => {
      const { status } = await filler.request('POST', path('Documents'), { data: { n, text } });
      assert.equal(status, 201);
      if (1024 < filler.frames.length) filler.frames.splice(0, 512);
    });
    airlock.env = { AIRLOCK_CHECKPOINT_BATCHES: '300' };
    await airlock.restart();
    prober = await socketOf('prober');
    const written = () => airlock.lines().filter((it) => /checkpoint written/.test(it.message ?? '')).length;
    const before = written();
    happening = () => until(() => before < written(), 'a checkpoint is written', 300_000);
  }
  if (what === 'removal') {
    const quiet = probe(prober, sid);
    await new Promise((done) => setTimeout(done, 1_000));
    console.log(`quiet: ${shown(await quiet())}`);
  }
  const during = probe(prober, sid);
  await new Promise((done) => setTimeout(done, 100));
  const began = performance.now();
  await happening();
  const took = performance.now() - began;
  await new Promise((done) => setTimeout(done, 300));
  console.log(`${what}, ${took.toFixed(0)} ms: ${shown(await during())}`);
} finally {
  await airlock.stop();
}

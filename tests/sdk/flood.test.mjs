// Floods: who speaks too fast waits; nobody else notices, and nothing that was taken is lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Airlock, fresh, path } from './support.mjs';

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

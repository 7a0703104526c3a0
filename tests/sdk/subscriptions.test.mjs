// Requests for many subscriptions: each entry is charged, refusals are one line, a thousand come in slices, and an identity
// has a total.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Airlock, fresh, path } from './support.mjs';
import { Socket, listed } from './socket.mjs';
import { until } from './waiting.mjs';

const serving = async (args, run) => {
  const airlock = await Airlock.start({ args, service: { FriendlyName: 'tests', AclEnabled: 'false' } });
  try {
    await run(airlock);
  } finally {
    await airlock.stop();
  }
};

/** SIDs of documents that exist, or, without a maker, of none. */
async function documents(count, maker) {
  if (!maker) return Array.from({ length: count }, (_, n) => `ET${n.toString(16).padStart(32, '0')}`);
  const ids = Array.from({ length: count }, () => maker.start('POST', path('Documents'), { data: { n: 0 } }));
  const sids = [];
  for (const id of ids) sids.push((await maker.finish(id, 30_000)).body.sid);
  return sids;
}

/** Sends one request without waiting; gives its id and its correlation. */
function start(socket, action, sids, last = null) {
  const correlation = ++Socket.correlations;
  const entries = sids.map((sid) => ({ object_sid: sid, object_type: 'document', last_event_id: last }));
  const body = { event_protocol_version: 4, action, correlation_id: correlation, retried_requests: 0, ttl_in_s: -1, requests: entries };
  return { id: socket.start('POST', '/v4/Subscriptions', body), correlation };
}

/** What a request was answered entry by entry, as [type, SID, code] in the order of arrival. */
const notices = (socket, correlation) => socket.notifications()
  .filter((it) => it.correlation_id === correlation && /^subscription_/.test(it.event_type))
  .flatMap((it) => listed(it).map((event) => [it.event_type, event.object_sid, event.error?.code]));

async function ask(socket, action, sids, last) {
  const { id, correlation } = start(socket, action, sids, last);
  const { status, body } = await socket.finish(id, 30_000);
  if (status === 202) await until(() => sids.length <= notices(socket, correlation).length, `${sids.length} notices`, 30_000);
  return { status, body, notices: notices(socket, correlation) };
}

test('each entry of a subscription request is charged like a request, and another socket goes on', async () => {
  const [rate, entries] = [200, 1_000];
  await serving(['--requests-per-second', `${rate}`], async (airlock) => {
    const eve = await airlock.socket(fresh('eve'));
    const ada = await airlock.socket(fresh('ada'));
    const { body } = await ada.request('POST', path('Documents'), { data: { n: 0 } });
    const [sids, from] = [await documents(entries), Date.now()];
    const batch = start(eve, 'establish', sids);
    const behind = eve.start('GET', path('Documents', fresh('none')));
    for (let n = 1; n <= 50; n += 1) assert.equal((await ada.request('POST', path('Documents', body.sid), { data: { n } })).status, 200);
    assert.ok(!eve.frames.some((it) => it.header.id === behind && it.header.method === 'reply'), 'what comes behind it is not read yet');
    assert.equal((await eve.finish(behind, 30_000)).status, 404, 'and is not lost');
    const [seconds, least] = [(Date.now() - from) / 1_000, (entries - 2 * rate - 5) / rate];
    assert.ok(least <= seconds, `read again after ${seconds} s, ${least} at the least`);
    await until(() => entries <= notices(eve, batch.correlation).length, 'all notices');
  });
});

test('the refusals of one request are one line of the log, with their count and one decision', async () => {
  await serving([], async (airlock) => {
    const name = fresh('eve');
    const eve = await airlock.socket(name);
    const lines = () => airlock.lines().filter((it) => it.message === 'watch refused' && it['caller.identity'] === name);
    for (const [n, count] of [100, 1_000, 1].entries()) {
      const { notices: told } = await ask(eve, 'establish', await documents(count));
      assert.deepEqual([told.length, told[0][0], told[0][2]], [count, 'subscription_failed', 54100]);
      await until(() => n < lines().length, 'the line');
      assert.equal(Number(lines()[n]['refusal.count']), count);
      assert.match(lines()[n]['decision.id'], /^DE[0-9a-f]{16}$/);
    }
    // Whoever leaves before the end of its request is logged, too.
    const left = await airlock.socket(name);
    start(left, 'establish', await documents(1_000));
    await until(() => 0 < left.notifications('subscription_failed').length, 'a first slice');
    await left.close();
    await until(() => lines().length === 4, 'its line');
    assert.equal(lines().length, 4, 'and no more');
  });
});

test('a request has 1,000 objects, and 1,001 are refused whole; all of them hear', async () => {
  await serving([], async (airlock) => {
    const ada = await airlock.socket(fresh('ada'));
    const sids = await documents(1_001, ada);
    const kotlin = await airlock.socket(fresh('kotlin'));
    const much = await ask(kotlin, 'establish', sids);
    assert.deepEqual([much.status, much.notices.length], [400, 0]);
    const { status, body, notices: told } = await ask(kotlin, 'establish', sids.slice(0, 1_000), 0);
    assert.deepEqual([status, body.max_batch_size], [202, 100]);
    assert.ok(told.every(([type]) => type === 'subscription_established'), JSON.stringify(told.find(([type]) => type !== 'subscription_established')));
    assert.deepEqual(told.map(([, sid]) => sid), sids.slice(0, 1_000), 'in the order of the request');
    const heard = () => kotlin.notifications('document_updated').flatMap(listed);
    const replayed = heard().length;
    for (const sid of [sids[0], sids[999], sids[1_000]]) await ada.request('POST', path('Documents', sid), { data: { n: 1 } });
    const last = await ask(kotlin, 'establish', [sids[1_000]], 0);
    assert.equal(last.notices[0][0], 'subscription_established');
    const live = heard().slice(replayed).map((it) => it.document_sid);
    assert.deepEqual(live, [sids[0], sids[999], sids[1_000]], 'two live, and what the last one missed');
    const canceled = await ask(kotlin, 'cancel', sids.slice(0, 1_000));
    assert.ok(canceled.notices.every(([type]) => type === 'subscription_canceled'));
    for (const sid of [sids[0], sids[1_000]]) await ada.request('POST', path('Documents', sid), { data: { n: 2 } });
    await until(() => heard().some((it) => it.document_sid === sids[1_000] && it.document_data.n === 2), 'what is still subscribed');
    assert.ok(!heard().some((it) => it.document_sid === sids[0] && it.document_data.n === 2), 'what was canceled is silent');
  });
});

test('while a request\'s worth of entries waits, no further request is read', async () => {
  await serving(['--requests-per-second', '0'], async (airlock) => {
    const eve = await airlock.socket(fresh('eve'));
    const all = Array.from({ length: 10_000 }, (_, n) => `ET${n.toString(16).padStart(32, '0')}`);
    const batches = Array.from({ length: 10 }, (_, n) => start(eve, 'establish', all.slice(n * 1_000, (n + 1) * 1_000)));
    await until(() => notices(eve, batches.at(-1).correlation).length === 1_000, 'the last of all', 30_000);
    let told = 0;
    for (const { header, body } of eve.frames) {
      if (body?.event_type === 'subscription_failed') told += 1;
      const nth = header.method === 'reply' ? batches.findIndex(({ id }) => id === header.id) : -1;
      // Of those before it, fewer than 1,000 waited when it was read.
      assert.ok(told + 1_000 > nth * 1_000, `request ${nth} was read after ${told} notices`);
    }
    assert.equal(told, 10_000);
  });
});

test('an identity has 20,000 subscriptions over all its connections (54419), and nobody else is concerned', async () => {
  await serving(['--requests-per-second', '0'], async (airlock) => {
    const ada = await airlock.socket(fresh('ada'));
    const sids = await documents(2_000, ada);
    const eve = fresh('eve');
    const full = [];
    for (let n = 0; n < 10; n += 1) {
      const socket = await airlock.socket(eve);
      for (const part of [sids.slice(0, 1_000), sids.slice(1_000)]) {
        const { notices: told } = await ask(socket, 'establish', part);
        assert.ok(told.every(([type]) => type === 'subscription_established'));
      }
      assert.equal((await ask(socket, 'establish', await documents(1))).notices[0][2], 54419, 'the connection is full');
      socket.frames.length = 0;
      full.push(socket);
    }
    const more = await airlock.socket(eve);
    assert.deepEqual((await ask(more, 'establish', [sids[0]])).notices, [['subscription_failed', sids[0], 54419]]);
    const bob = await airlock.socket(fresh('bob'));
    assert.equal((await ask(bob, 'establish', [sids[0]])).notices[0][0], 'subscription_established');
    await ask(full[0], 'cancel', [sids[0]]);
    assert.equal((await ask(more, 'establish', [sids[0]])).notices[0][0], 'subscription_established');
    assert.equal((await ask(more, 'establish', [sids[1]])).notices[0][2], 54419);
    await full[1].close();
    await until(async () => (await ask(more, 'establish', [sids[1]])).notices[0][0] === 'subscription_established', 'room again');
  });
});

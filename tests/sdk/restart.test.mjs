// Death and return: kill -9 at any moment loses nothing that was acknowledged, and clients come back by themselves.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Airlock, connected, fresh, long, path, pathOf, run, subscribed } from './support.mjs';
import { listed } from './socket.mjs';
import { next, until, watch, within } from './waiting.mjs';

let airlock;
before(async () => { airlock = await Airlock.start(); });
after(() => airlock?.stop());

const named = (name) => ({ claims: { name } });

test('kill -9 during writes: every acknowledged write stands, its shared side too, and the SDK comes back by itself', async () => {
  for (let round = 0; round < (long ? 10 : 2); round += 1) {
    const number = fresh('room');
    const watcher = await airlock.client(fresh('bob'), named('Bob'));
    const map = await subscribed(await watcher.map(`rooms/${number}/cursors`));
    const seen = watch(map);
    const players = await Promise.all(Array.from({ length: 4 }, async () => {
      const identity = fresh('player');
      const client = await airlock.client(identity, named('P'));
      const cursor = await client.document(`cursors/${number}/${identity}`);
      return { identity, client, cursor, acknowledged: -1, sent: -1 };
    }));
    let dying = false;
    const writers = players.map(async (it) => {
      for (let n = 0; n < 1_000 && !dying; n += 1) {
        it.sent = n;
        try {
          await it.cursor.set({ x: n, y: n });
          it.acknowledged = n;
        } catch (error) {
          if (error.status === 429) { it.sent = it.acknowledged; n -= 1; await new Promise((resolve) => setTimeout(resolve, 50)); continue; }
          assert.equal(error.status, 0, `in flight when the socket went: ${error.message}`);
          return;
        }
      }
    });
    await until(() => players.every((it) => 5 + round * 3 <= it.acknowledged), 'some writes are acknowledged');
    await airlock.kill9();
    dying = true;
    await airlock.restart();
    await within(Promise.all(writers), 'the writers notice', 40_000);
    await Promise.all([watcher, ...players.map((it) => it.client)].map((client) => connected(client, 30_000)));

    const entries = await airlock.entries(`rooms/${number}/cursors`);
    for (const it of players) {
      const stands = await airlock.document(`cursors/${number}/${it.identity}`);
      assert.ok(stands, `the document of ${it.identity} stands`);
      assert.ok(it.acknowledged <= stands.x, `acknowledged ${it.acknowledged}, stands ${stands.x}`);
      assert.ok(stands.x <= it.sent, `never sent: ${stands.x}`);
      assert.deepEqual([entries[it.identity].left, entries[it.identity].top], [stands.x, stands.y], 'private and shared side together or not at all');
    }
    // And on it goes: the objects opened before the death still write, and the old subscription still hears.
    for (const it of players) await it.cursor.set({ x: 1_000, y: 1_000 });
    for (const it of players) {
      await seen.until((event) => event.key === it.identity && event.data?.left === 1_000, `${it.identity} is heard after the restart`, 20_000);
      const ids = seen.seen.filter((event) => event.key === it.identity).map((event) => event.id);
      assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b), 'in order, none twice, over the death');
    }
    for (const client of [watcher, ...players.map((it) => it.client)]) {
      await client.shutdown();
      airlock.clients.delete(client);
    }
  }
});

test('an SDK watcher misses nothing of what happened while it was away', async () => {
  const number = fresh('room');
  const [ada, bob, cyd, eve] = ['ada', 'bob', 'cyd', 'eve'].map(fresh);
  const post = async (identity, data) => {
    const socket = await airlock.socket(identity, named(identity));
    const name = `cursors/${number}/${identity}`;
    const had = await socket.request('GET', path('Documents', name));
    const answer = had.status === 200
      ? await socket.request('POST', pathOf(had.body.url), { data })
      : await socket.request('POST', path('Documents'), { unique_name: name, data });
    assert.ok(answer.status < 300, answer.text);
    await socket.close();
  };
  await post(ada, { x: 1, y: 1 });
  await post(cyd, { x: 3, y: 3 });
  const client = await airlock.client(fresh('watcher'));
  const map = await subscribed(await client.map(`rooms/${number}/cursors`));
  await map.getItems();
  const seen = watch(map);
  const away = next(client, 'connectionStateChanged', { test: (state) => state !== 'connected', ms: 15_000, what: 'away' });
  await airlock.kill9();
  await away;
  await airlock.restart();
  // The SDK waits about a second before it comes back: in that time others write.
  await Promise.all([post(ada, { x: 2, y: 2 }), post(bob, { x: 4, y: 4 }), post(cyd, {}), post(eve, { x: 5, y: 5 })]);
  await connected(client, 30_000);
  await seen.until((it) => it.key === ada && it.data?.left === 2, 'the change');
  await seen.until((it) => it.key === bob && it.data?.left === 4, 'the newcomer');
  await seen.until((it) => it.name === 'itemRemoved' && it.key === cyd, 'the withdrawal');
  await seen.until((it) => it.key === eve && it.data?.left === 5, 'the other newcomer');
  assert.equal(seen.seen.filter((it) => it.name === 'itemRemoved').length, 1, 'a removal comes exactly once');
  assert.equal(seen.seen.length, 4, JSON.stringify(seen.seen));
});

test('last_event_id resumes exactly: nothing old, nothing missing, ascending, then `established` (over kill -9 too)', async () => {
  const [number, ada, bob, cyd, dan] = ['room', 'ada', 'bob', 'cyd', 'dan'].map(fresh);
  const shared = `rooms/${number}/cursors`;
  const owners = {};
  const enter = async () => {
    for (const identity of [ada, bob, cyd, dan]) owners[identity] = await airlock.socket(identity, named(identity));
  };
  const urls = {};
  const write = async (identity, data) => {
    const answer = urls[identity]
      ? await owners[identity].request('POST', urls[identity], { data })
      : await owners[identity].request('POST', path('Documents'), { unique_name: `cursors/${number}/${identity}`, data });
    assert.ok(answer.status < 300, answer.text);
    urls[identity] ??= pathOf(answer.body.url);
  };
  await enter();
  for (const identity of [ada, bob, cyd]) await write(identity, { x: 1, y: 1 });
  const reader = await airlock.socket(fresh('reader'));
  const root = (await reader.request('GET', path('Maps', shared))).body;
  const current = await reader.subscribe(root.sid, 'map', root.last_event_id);
  assert.deepEqual([current.kind, current.replayed], ['subscription_established', []], 'nothing to replay at the current id');
  assert.equal(current.answer.replay_status, 'completed');
  await reader.close();

  await write(ada, { x: 2, y: 2 });
  await write(ada, { x: 3, y: 3 });
  await write(dan, { x: 4, y: 4 });
  await write(bob, {});

  const check = async (what) => {
    const back = await airlock.socket(fresh('reader'));
    const { kind, answer, replayed } = await back.subscribe(root.sid, 'map', root.last_event_id);
    assert.equal(kind, 'subscription_established', what);
    assert.equal(answer.replay_status, 'completed', what);
    const ids = replayed.map((it) => it.id);
    assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b), `${what}: ascending, none twice`);
    assert.ok(ids.every((id) => root.last_event_id < id), `${what}: nothing old`);
    const last = {};
    for (const it of replayed) last[it.item_key] = it;
    assert.deepEqual(Object.keys(last).sort(), [ada, bob, dan].sort(), `${what}: what changed, and only that`);
    assert.deepEqual([last[ada].type, last[ada].item_data.left, last[ada].item_data.name], ['map_item_updated', 3, ada], what);
    assert.deepEqual([last[dan].type, last[dan].item_data.left], ['map_item_added', 4], what);
    assert.equal(last[bob].type, 'map_item_removed', what);
    assert.equal(replayed.filter((it) => it.type === 'map_item_removed').length, 1, `${what}: a removal exactly once`);
    assert.ok(replayed.every((it) => it.map_sid === root.sid && it.date_created), what);
    assert.ok(ids.at(-1) <= answer.last_event_id, `${what}: established behind the last event`);
    // From the id it was told, there is nothing left.
    const again = await (await airlock.socket(fresh('reader'))).subscribe(root.sid, 'map', answer.last_event_id);
    assert.deepEqual(again.replayed, [], what);
    // And the live event comes next, with a greater id.
    await write(cyd, { x: 7, y: 7 });
    const live = await back.frame((it) => it.header.method === 'notification' && listed(it.body).some((event) => event.item_key === cyd && event.item_data?.left === 7), 'the live event');
    assert.ok(answer.last_event_id < listed(live.body)[0].id);
    await write(cyd, { x: 1, y: 1 });
    return answer.last_event_id;
  };
  const before = await check('alive');
  await airlock.kill9();
  await airlock.restart();
  await enter();
  const after = await airlock.socket(fresh('reader'));
  const resumed = await after.subscribe(root.sid, 'map', before);
  assert.equal(resumed.kind, 'subscription_established');
  assert.deepEqual([...new Set(resumed.replayed.map((it) => it.item_key))], [cyd], 'after the death: only what came behind the id');
  assert.equal(resumed.replayed.at(-1).item_data.left, 1);
  assert.equal((await after.request('GET', path('Maps', shared))).body.sid, root.sid, 'the SID is the same after the death');
});

test('an id from the future is answered by a full replay, never by silence (decision 6)', async () => {
  const ada = fresh('ada');
  const number = fresh('room');
  const socket = await airlock.socket(ada, named('Ada'));
  await socket.request('POST', path('Documents'), { unique_name: `cursors/${number}/${ada}`, data: { x: 1, y: 1 } });
  const root = (await socket.request('GET', path('Maps', `rooms/${number}/cursors`))).body;
  const { kind, replayed } = await socket.subscribe(root.sid, 'map', root.last_event_id + 1_000_000);
  assert.equal(kind, 'subscription_established');
  assert.deepEqual(replayed.map((it) => it.item_key), [ada]);
});

test('a document resumes with its newest state alone', async () => {
  const ada = fresh('ada');
  const socket = await airlock.socket(ada);
  const made = (await socket.request('POST', path('Documents'), { unique_name: fresh('doc'), data: { n: 0 } })).body;
  for (let n = 1; n <= 5; n += 1) await socket.request('POST', pathOf(made.url), { data: { n } });
  const { kind, replayed } = await (await airlock.socket(ada)).subscribe(made.sid, 'document', made.last_event_id);
  assert.equal(kind, 'subscription_established');
  assert.deepEqual(replayed.map((it) => [it.type, it.document_data]), [['document_updated', { n: 5 }]]);
  await socket.request('DELETE', pathOf(made.url));
  const gone = await (await airlock.socket(ada)).subscribe(made.sid, 'document', made.last_event_id);
  assert.deepEqual([gone.kind, gone.answer.error.status, gone.answer.error.code], ['subscription_failed', 404, 54100]);
});

test('everything stands after a restart: services, plain and private objects, items, revisions, TTLs, SIDs', async () => {
  const ada = fresh('ada');
  const client = await airlock.client(ada, named('Ada'));
  const document = await client.document({ id: fresh('doc'), data: { n: 1, text: 'é😀', big: 12345678901 }, ttl: 3_600 });
  await document.update({ n: 2 });
  const map = await client.map(fresh('map'));
  await map.set('k/1', { v: 1 });
  await map.set('k/1', { v: 2 });
  const look = async () => {
    const socket = await airlock.socket(ada, named('Ada'));
    const found = {
      document: (await socket.request('GET', path('Documents', document.sid))).body,
      map: (await socket.request('GET', path('Maps', map.sid), undefined, { params: { Include: 'items' } })).body,
      service: (await airlock.backend('GET', `/v1/Services/${airlock.service}`)).body,
    };
    await socket.close();
    return found;
  };
  const before = await look();
  assert.deepEqual(before.document.data, { n: 2, text: 'é😀', big: 12345678901 });
  assert.ok(before.document.date_expires);
  await airlock.kill9();
  await airlock.restart();
  assert.deepEqual(await look(), before);
  const ended = await airlock.terminate();
  assert.deepEqual([ended.code, ended.signal], [0, null], 'SIGTERM ends it cleanly');
  await airlock.restart();
  assert.deepEqual(await look(), before);
});

test('event ids go on ascending after a death (one counter per service)', async () => {
  const socket = await airlock.socket(fresh('ada'));
  const before = (await socket.request('POST', path('Documents'), { unique_name: fresh('doc') })).body;
  const first = (await socket.request('POST', pathOf(before.url), { data: { n: 1 } })).body;
  await airlock.kill9();
  await airlock.restart();
  const again = await airlock.socket(fresh('bob'));
  const made = (await again.request('POST', path('Documents'), { unique_name: fresh('doc') })).body;
  const second = (await again.request('POST', pathOf(made.url), { data: { n: 1 } })).body;
  assert.ok(first.last_event_id < second.last_event_id);
});

test('`/health` and `/ready` answer 200, and production has no token endpoint', async () => {
  assert.equal((await fetch(`${airlock.url}/health`)).status, 200);
  assert.equal((await fetch(`${airlock.url}/ready`)).status, 200);
  const token = await fetch(`${airlock.url}/token?identity=ada`);
  assert.equal(token.status, 404);
});

test('`serve` refuses to start without credentials and says what is missing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-none-'));
  const args = ['serve', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--data', join(folder, 'data'), '--policies', airlock.policies];
  try {
    const bare = await run(args);
    assert.notEqual(bare.code, 0);
    assert.match(bare.stderr + bare.stdout, /AIRLOCK_ACCOUNT_SID|AIRLOCK_AUTH_TOKEN/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('two servers cannot hold one data directory', async () => {
  const env = { AIRLOCK_ACCOUNT_SID: airlock.account.sid, AIRLOCK_AUTH_TOKEN: airlock.account.token, AIRLOCK_API_KEYS: `${airlock.account.key}:${airlock.account.secret}` };
  const second = await run(['serve', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--data', join(airlock.folder, 'data'), '--policies', airlock.policies], env);
  assert.notEqual(second.code, 0);
  assert.ok(second.stderr.length + second.stdout.length > 0, 'it says why');
  assert.ok(await airlock.healthy());
});

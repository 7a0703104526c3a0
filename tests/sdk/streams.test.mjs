// Streams: messages pass, in order, to whoever listens now, and leave nothing.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Airlock, canary, connected, fresh, path, pathOf, refused, subscribed } from './support.mjs';
import { listed } from './socket.mjs';
import { next, until, watch } from './waiting.mjs';

let airlock;
let open; // a service with ACL off: there identities share a stream
before(async () => {
  airlock = await Airlock.start();
  open = (await airlock.backend('POST', '/v1/Services', { FriendlyName: 'open', AclEnabled: 'false' })).body.sid;
});
after(() => airlock?.stop());

/** A stream, open and subscribed in two clients: of one identity, or of two in the open service. */
async function pair(two = false) {
  const ada = fresh('ada');
  const options = two ? { service: open } : {};
  const clients = [await airlock.client(ada, options), await airlock.client(two ? fresh('bob') : ada, options)];
  const name = fresh('stream');
  const streams = [await clients[0].stream(name), await clients[1].stream(name)];
  await Promise.all(streams.map(subscribed));
  return { ada, name, clients, mine: streams[0], yours: streams[1], here: watch(streams[0]), there: watch(streams[1]) };
}

async function raw() {
  const ada = fresh('ada');
  const socket = await airlock.socket(ada);
  const stream = (await socket.request('POST', path('Streams'), { unique_name: fresh('stream') })).body;
  return { ada, socket, stream, messages: pathOf(stream.links.messages) };
}

const sized = (bytes) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) });
const heard = (socket) => socket.notifications('stream_message_published').flatMap(listed);

test('streams open in every mode', async (t) => {
  const ada = fresh('ada');
  const [client, other] = [await airlock.client(ada), await airlock.client(ada)];
  const name = fresh('stream');
  await t.test('open_existing of what does not exist is 404/54300', async () => {
    const error = await refused(client.stream({ id: name, mode: 'open_existing' }));
    assert.deepEqual([error.status, error.code], [404, 54300]);
  });
  const made = await client.stream(name);
  await t.test('open_or_create makes it, with a SID of its kind', async () => {
    assert.match(made.sid, /^TO[0-9a-f]{32}$/);
    assert.deepEqual([made.uniqueName, made.dateExpires, made.lastEventId], [name, null, null]);
  });
  await t.test('open_or_create of what exists opens the same', async () => assert.equal((await other.stream(name)).sid, made.sid));
  await t.test('create_new of what exists is 409/54301', async () => {
    const error = await refused(other.stream({ id: name, mode: 'create_new' }));
    assert.deepEqual([error.status, error.code], [409, 54301]);
  });
  await t.test('a SID opens it as well as its name', async () => {
    const third = await (await airlock.client(ada)).stream({ id: made.sid, mode: 'open_existing' });
    assert.deepEqual([third.sid, third.uniqueName], [made.sid, name]);
  });
  await t.test('streams without a name are each their own', async () => {
    const [one, two] = [await client.stream(), await client.stream()];
    assert.equal(one.uniqueName, null);
    assert.notEqual(one.sid, two.sid);
  });
  await t.test('create_new takes a TTL', async () => {
    const brief = await client.stream({ id: fresh('stream'), mode: 'create_new', ttl: 600 });
    assert.ok(Math.abs(Date.parse(brief.dateExpires) - Date.now() - 600_000) < 5_000, brief.dateExpires);
  });
  await t.test('its root has absolute urls and a link for messages, and no data', async () => {
    const { body } = await (await airlock.socket(ada)).request('GET', path('Streams', name));
    for (const url of [body.url, body.links.messages]) assert.match(url, /^https?:\/\/[^/?]+\/v3\/[^?]+$/);
    assert.ok(!('data' in body));
  });
});

test('a message reaches the others once, with its SID, and its publisher hears of it once, from itself', async () => {
  const { mine, yours, here, there } = await pair(true);
  const sent = await mine.publishMessage({ hi: 1, text: 'é😀', deep: [null, { a: 1 }] });
  assert.match(sent.sid, /^TZ[0-9a-f]{32}$/);
  const got = await there.until((it) => it.name === 'messagePublished', 'the message');
  assert.deepEqual([got.sid, got.data, got.isLocal], [sent.sid, { hi: 1, text: 'é😀', deep: [null, { a: 1 }] }, false]);
  await yours.publishMessage({ back: 1 });
  await here.until((it) => it.data?.back === 1, 'the answer, which comes behind any echo');
  assert.deepEqual(here.seen.map((it) => [it.data, it.isLocal]), [[sent.data, true], [{ back: 1 }, false]], 'no echo on the publisher\'s connection');
  assert.equal(there.seen.length, 2, JSON.stringify(there.seen));
});

test('the second connection of the publisher\'s identity does hear (the echo is left out for a connection, not for a person)', async () => {
  const { mine, here, there } = await pair();
  for (let n = 0; n < 3; n += 1) await mine.publishMessage({ n });
  await there.until((it) => it.data?.n === 2, 'the last');
  assert.deepEqual(there.seen.map((it) => [it.data.n, it.isLocal]), [[0, false], [1, false], [2, false]]);
  assert.deepEqual(here.seen.map((it) => it.isLocal), [true, true, true]);
});

test('a hundred messages arrive in the order in which they were answered, each once, each with a SID of its own', async () => {
  const { ada, socket, stream, messages } = await raw();
  const ear = await airlock.socket(ada);
  await ear.subscribe(stream.sid, 'stream', null);
  const ids = Array.from({ length: 100 }, (_, n) => socket.start('POST', messages, { data: { n } }));
  const sids = [];
  for (const id of ids) {
    const { status, body } = await socket.finish(id);
    assert.equal(status, 201);
    sids.push(body.sid);
  }
  await until(() => 100 <= heard(ear).length, 'all are heard');
  assert.deepEqual(heard(ear).map((it) => [it.message_sid, it.message_data.n]), sids.map((sid, n) => [sid, n]));
  assert.equal(new Set(sids).size, 100);
  assert.deepEqual(heard(socket), [], 'nothing on the publisher\'s connection');
});

test('the publisher hears nothing of its own even where it subscribed, and everything of others', async () => {
  const { ada, socket, stream, messages } = await raw();
  const second = await airlock.socket(ada);
  for (const it of [socket, second]) await it.subscribe(stream.sid, 'stream', null);
  await socket.request('POST', messages, { data: { from: 'one' } });
  await second.request('POST', messages, { data: { from: 'two' } });
  await socket.frame((it) => it.body?.event_type === 'stream_message_published', 'the other\'s');
  assert.deepEqual(heard(socket).map((it) => it.message_data.from), ['two']);
  assert.deepEqual(heard(second).map((it) => it.message_data.from), ['one']);
});

test('who has not subscribed hears nothing, and who cancelled hears nothing more', async () => {
  const { ada, socket, stream, messages } = await raw();
  const [deaf, ear] = [await airlock.socket(ada), await airlock.socket(ada)];
  await deaf.request('GET', path('Streams', stream.sid));
  await ear.subscribe(stream.sid, 'stream', null);
  await socket.request('POST', messages, { data: { n: 1 } });
  await until(() => heard(ear).length === 1, 'heard');
  await ear.request('POST', '/v4/Subscriptions', { event_protocol_version: 4, action: 'cancel', correlation_id: 1, retried_requests: 0, ttl_in_s: -1, requests: [{ object_sid: stream.sid, object_type: 'stream' }] });
  await socket.request('POST', messages, { data: { n: 2 } });
  for (const it of [deaf, ear]) await it.request('GET', path('Streams', stream.sid)); // an answer behind it
  assert.deepEqual([heard(deaf).length, heard(ear).length], [0, 1]);
});

test('messages missed while away are lost, by design, and the next one is heard (no replay)', async () => {
  const { ada, socket, stream, messages } = await raw();
  const cable = await airlock.cable();
  const away = await airlock.client(ada, { cable });
  const opened = await subscribed(await away.stream(stream.unique_name));
  const seen = watch(opened);
  await socket.request('POST', messages, { data: { n: 'before' } });
  await seen.until((it) => it.data?.n === 'before', 'heard');
  const gone = next(away, 'connectionStateChanged', { test: (state) => state !== 'connected' });
  cable.cut();
  await gone;
  await socket.request('POST', messages, { data: { n: 'missed' } });
  cable.mend();
  await connected(away, 30_000);
  await until(() => opened.syncStreamImpl.subscriptionState === 'established', 'subscribed again', 20_000);
  await socket.request('POST', messages, { data: { n: 'after' } });
  await seen.until((it) => it.data?.n === 'after', 'heard again');
  assert.deepEqual(seen.seen.map((it) => it.data.n), ['before', 'after']);
});

test('a subscription to a stream stands with null and replays nothing', async () => {
  const { ada, socket, stream, messages } = await raw();
  await socket.request('POST', messages, { data: { n: 1 } });
  const { kind, answer, replayed } = await (await airlock.socket(ada)).subscribe(stream.sid, 'stream', null);
  assert.deepEqual([kind, answer.replay_status, replayed], ['subscription_established', 'completed', []]);
});

test('a live message has its fields', async () => {
  const { ada, socket, stream, messages } = await raw();
  const ear = await airlock.socket(ada);
  await ear.subscribe(stream.sid, 'stream', null);
  const { body } = await socket.request('POST', messages, { data: { v: 1 } });
  await until(() => heard(ear).length === 1, 'heard');
  const [event] = heard(ear);
  assert.deepEqual([event.stream_sid, event.message_sid, event.message_data], [stream.sid, body.sid, { v: 1 }]);
  assert.ok(!Number.isNaN(Date.parse(event.date_created)));
});

test('a message over plain HTTP has no connection to leave out: all hear it', async () => {
  const { ada, socket, stream, messages } = await raw();
  await socket.subscribe(stream.sid, 'stream', null);
  const answer = await fetch(airlock.url + messages, {
    method: 'POST', headers: { Authorization: `Bearer ${airlock.token(ada)}`, 'Content-Type': 'application/json' }, body: JSON.stringify({ data: { n: 1 } }),
  });
  assert.equal(answer.status, 201);
  await until(() => heard(socket).length, 'heard');
  assert.deepEqual(heard(socket).map((it) => it.message_data), [{ n: 1 }]);
});

test('one that does not read what it subscribed to harms nobody: the others hear all, in order', async () => {
  const { ada, socket, stream, messages } = await raw();
  const [ear, slow] = [await airlock.socket(ada), await airlock.socket(ada)];
  for (const it of [ear, slow]) await it.subscribe(stream.sid, 'stream', null);
  slow.ws.pause();
  const [waves, pad] = [30, 'x'.repeat(4_000)];
  for (let wave = 0; wave < waves; wave += 1) {
    const ids = Array.from({ length: 100 }, (_, n) => socket.start('POST', messages, { data: { n: wave * 100 + n, pad } }));
    for (const id of ids) assert.equal((await socket.finish(id, 20_000)).status, 201);
    socket.frames.length = 0;
  }
  await until(() => waves * 100 <= heard(ear).length, 'all are heard', 20_000);
  assert.deepEqual(heard(ear).map((it) => it.message_data.n), Array.from({ length: waves * 100 }, (_, n) => n));
  slow.ws.resume();
  await Promise.race([slow.closed, slow.request('GET', path('Streams', stream.sid)).catch(() => {})]);
  const late = heard(slow).map((it) => it.message_data.n);
  assert.deepEqual(late, [...new Set(late)].sort((a, b) => a - b), 'what it gets is in order, none twice');
  assert.ok(await airlock.healthy());
});

// ---- nothing is kept

test('nothing of a message stands in the data directory: not live, not after kill -9, not after a checkpoint', async () => {
  const { ada, socket, stream, messages } = await raw();
  const [spoken, kept] = [canary('message'), canary('document')];
  const ear = await airlock.socket(ada);
  await ear.subscribe(stream.sid, 'stream', null);
  for (let n = 0; n < 20; n += 1) await socket.request('POST', messages, { data: { n, spoken } });
  // A control in the same groups: what is stored is found by the same search.
  const ids = [socket.start('POST', messages, { data: { spoken } }), socket.start('POST', path('Documents'), { unique_name: fresh('doc'), data: { kept } })];
  for (const id of ids) await socket.finish(id);
  await airlock.backend('POST', airlock.at('Streams', stream.sid, 'Messages'), { Data: JSON.stringify({ spoken }) });
  await until(() => heard(ear).length === 22, 'all are heard');
  const files = () => readdirSync(join(airlock.folder, 'data'), { recursive: true, withFileTypes: true })
    .filter((it) => it.isFile()).map((it) => [it.name, readFileSync(join(it.parentPath ?? it.path, it.name))]);
  const look = (what) => {
    const all = files();
    assert.ok(all.some(([name]) => name.startsWith('log-')), all.map(([name]) => name).join());
    for (const [name, bytes] of all) assert.ok(!bytes.includes(spoken), `${what}: in ${name}`);
    assert.ok(all.some(([, bytes]) => bytes.includes(kept)), `${what}: the control is found`);
  };
  look('live');
  await airlock.kill9();
  look('dead');
  await airlock.restart();
  await airlock.terminate();
  look('after a clean end');
  await airlock.restart();
  look('started again');
  const again = (await (await airlock.socket(ada)).request('GET', path('Streams', stream.sid))).body;
  assert.deepEqual(again, stream, 'the stream itself stands, as it was made');
});

test('a message takes no event id and changes nothing that can be read (ADR 4)', async () => {
  const { socket, stream, messages } = await raw();
  const document = (await socket.request('POST', path('Documents'), { unique_name: fresh('doc') })).body;
  const set = async (n) => (await socket.request('POST', pathOf(document.url), { data: { n } })).body.last_event_id;
  const [one, two] = [await set(1), await set(2)];
  for (let n = 0; n < 10; n += 1) await socket.request('POST', messages, { data: { n } });
  assert.equal(await set(3) - two, two - one, 'ten messages, no id');
  assert.deepEqual((await socket.request('GET', path('Streams', stream.sid))).body, stream);
});

// ---- bounds

test('data: one byte too many, no object, nothing', async (t) => {
  const { ada, socket, stream, messages } = await raw();
  const ear = await airlock.socket(ada);
  await ear.subscribe(stream.sid, 'stream', null);
  const rows = {
    '4,097 bytes': [{ data: sized(4_097) }, 413, [54006]],
    '4,097 bytes in characters of two': [{ data: { a: `x${'é'.repeat(2_044)}` } }, 413, [54006]],
    '16 KiB': [{ data: sized(16_384) }, 413, [54006]],
    'an array': [{ data: [1] }, 400, [54008, 54251]],
    'a string': [{ data: 'x' }, 400, [54008, 54251]],
    'a number': [{ data: 1 }, 400, [54008, 54251]],
    'true': [{ data: true }, 400, [54008, 54251]],
    'null': [{ data: null }, 400, [54101, 54251]],
    'no data': [{}, 400, [54010, 54101, 54251]],
    'a TTL alone': [{ ttl: 5 }, 400, [54010, 54101, 54251]],
    'no JSON': ['{"data":', 400, [54008]],
    'a key twice': ['{"data":{"a":1,"a":2}}', 400, undefined],
    '__proto__': ['{"data":{"__proto__":{}}}', 400, undefined],
    'too deep': [`{"data":{"a":${'['.repeat(40)}${']'.repeat(40)}}}`, 400, undefined],
  };
  for (const [what, [body, status, codes]] of Object.entries(rows)) {
    await t.test(`${what} is ${status}`, async () => {
      const answer = await socket.request('POST', messages, body);
      assert.equal(answer.status, status, answer.text);
      if (codes) assert.ok(codes.includes(answer.body.code), answer.text);
    });
  }
  await t.test('4,096 bytes are the last that fit, and none of the others was heard', async () => {
    assert.equal((await socket.request('POST', messages, { data: sized(4_096) })).status, 201);
    await until(() => heard(ear).length, 'heard');
    assert.deepEqual(heard(ear).map((it) => it.message_data), [sized(4_096)]);
  });
  await t.test('{} is a message', async () => {
    assert.equal((await socket.request('POST', messages, { data: {} })).status, 201);
    await until(() => heard(ear).length === 2, 'heard');
  });
});

test('the SDK hears why: 413/54006 for too much, and the stream goes on', async () => {
  const { mine, there } = await pair();
  const error = await refused(mine.publishMessage(sized(4_097)));
  assert.deepEqual([error.status, error.code], [413, 54006]);
  for (const value of [[1], 'x', null]) await refused(mine.publishMessage(value));
  await mine.publishMessage({ n: 1 });
  await there.until((it) => it.data?.n === 1, 'heard');
  assert.equal(there.seen.length, 1);
});

test('messages are published, never read, changed or removed', async () => {
  const { socket, messages } = await raw();
  const { body } = await socket.request('POST', messages, { data: { n: 1 } });
  for (const [method, where] of [['GET', messages], ['DELETE', messages], ['PUT', messages], ['GET', `${messages}/${body.sid}`], ['DELETE', `${messages}/${body.sid}`], ['POST', `${messages}/${body.sid}`]]) {
    const { status, text } = await socket.request(method, where, method === 'GET' ? undefined : { data: { n: 2 } });
    assert.ok(400 <= status && status < 500, `${method} ${where}: ${status} ${text}`);
  }
});

// ---- life

test('setTtl shows its expiry, 0 is never, and nobody hears of it', async () => {
  const { mine, there } = await pair();
  await mine.setTtl(600);
  assert.ok(Math.abs(Date.parse(mine.dateExpires) - Date.now() - 600_000) < 5_000, mine.dateExpires);
  await mine.setTtl(0);
  assert.equal(mine.dateExpires, null);
  await mine.publishMessage({ n: 1 });
  await there.until((it) => it.data?.n === 1, 'the mark');
  assert.equal(there.seen.length, 1);
});

test('an expired stream is removed for its watchers, and its name is free', async () => {
  const { mine, here, there, name, clients } = await pair();
  await mine.setTtl(1);
  for (const seen of [here, there]) assert.equal((await seen.until((it) => it.name === 'removed', 'expired', 15_000)).isLocal, false);
  assert.notEqual((await clients[1].stream(name)).sid, mine.sid);
});

test('removeStream: heard once by each, its name is free, and nobody publishes to what is gone', async () => {
  const { ada, mine, yours, here, there, name, clients } = await pair();
  const messages = pathOf(mine.links.messages);
  await mine.removeStream();
  assert.equal((await there.until((it) => it.name === 'removed', 'removed')).isLocal, false);
  assert.deepEqual(here.seen.filter((it) => it.name === 'removed').map((it) => it.isLocal), [true]);
  const socket = await airlock.socket(ada);
  const late = await socket.request('POST', messages, { data: { n: 1 } });
  assert.deepEqual([late.status, late.body.code], [404, 54250]);
  const gone = await socket.subscribe(mine.sid, 'stream', null);
  assert.deepEqual([gone.kind, gone.answer.error.status, gone.answer.error.code], ['subscription_failed', 404, 54250]);
  assert.equal((await refused(yours.publishMessage({ n: 2 }))).status, 404);
  assert.notEqual((await clients[0].stream(name)).sid, mine.sid, 'a SID is never used again');
});

test('a stream stands over kill -9 with its TTL, and is heard again by an SDK client that comes back by itself', async () => {
  const { mine, yours, there, name, clients } = await pair();
  await mine.setTtl(3_600);
  const expires = mine.dateExpires;
  const away = clients.map((client) => next(client, 'connectionStateChanged', { test: (state) => state !== 'connected', ms: 15_000 }));
  await airlock.kill9();
  await Promise.all(away);
  await airlock.restart();
  await Promise.all(clients.map((client) => connected(client, 30_000)));
  await until(() => yours.syncStreamImpl.subscriptionState === 'established', 'subscribed again', 20_000);
  await mine.publishMessage({ n: 'after' });
  await there.until((it) => it.data?.n === 'after', 'heard');
  const { body } = await airlock.backend('GET', airlock.at('Streams', name));
  assert.deepEqual([body.sid, Date.parse(body.date_expires)], [mine.sid, Math.floor(Date.parse(expires) / 1_000) * 1_000]);
});

test('a backend publishes too: 201 with `sid` and `data`, heard by all, and its bounds are the same', async () => {
  const { name, here, there } = await pair();
  const answer = await airlock.backend('POST', airlock.at('Streams', name, 'Messages'), { Data: '{"n":1}' });
  assert.equal(answer.status, 201, answer.text);
  assert.deepEqual([Object.keys(answer.body).sort(), answer.body.data], [['data', 'sid'], { n: 1 }]);
  for (const seen of [here, there]) {
    const got = await seen.until((it) => it.name === 'messagePublished', 'heard');
    assert.deepEqual([got.sid, got.isLocal], [answer.body.sid, false]);
  }
  const large = await airlock.backend('POST', airlock.at('Streams', name, 'Messages'), { Data: JSON.stringify(sized(4_097)) });
  assert.deepEqual([large.status, large.body.code], [413, 54006]);
  const none = await airlock.backend('POST', airlock.at('Streams', name, 'Messages'), {});
  assert.deepEqual([none.status, none.body.code], [400, 54251], none.text);
  const absent = await airlock.backend('POST', airlock.at('Streams', 'none', 'Messages'), { Data: '{}' });
  assert.deepEqual([absent.status, absent.body.code], [404, 20404]);
});

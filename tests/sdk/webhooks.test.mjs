// Webhooks: each event with its fields, signed for the official validator, in order per object, tried again, and in nobody's way.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import twilio from 'twilio';
import { Airlock, fresh, path, pathOf } from './support.mjs';
import { until, within } from './waiting.mjs';

const PRIVATE = { AIRLOCK_WEBHOOK_ALLOW_PRIVATE: 'true', AIRLOCK_WEBHOOK_PAUSE_MS: '100' };
const QUERY = '?a=1&b=%20x';

let airlock;
before(async () => { airlock = await Airlock.start({ log: 'info,airlock=debug', env: PRIVATE, service: null }); });
after(() => airlock?.stop());

/** A receiver that keeps what it was sent; `answer` says what it does with each: a status, headers, nothing. */
class Receiver {
  static async start({ answer = () => 200, secure, port = 0, host = '127.0.0.1' } = {}) {
    const receiver = new Receiver();
    Object.assign(receiver, { seen: [], answer, host, open: new Set() });
    const take = (request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (text) => { body += text; });
      request.on('end', async () => {
        const hook = { method: request.method, url: request.url, headers: request.headers, fields: Object.fromEntries(new URLSearchParams(body)), body, at: Date.now() };
        receiver.seen.push(hook);
        const how = await receiver.answer(hook, receiver.seen.length);
        if (how === null) return; // the answer never comes
        const { status = how, headers = {}, text = '' } = typeof how === 'object' ? how : {};
        response.writeHead(status, headers);
        response.end(text);
      });
    };
    receiver.server = secure ? createSecure(secure, take) : createServer(take);
    receiver.server.on('connection', (socket) => {
      receiver.open.add(socket);
      socket.on('close', () => receiver.open.delete(socket));
    });
    await new Promise((resolve, reject) => receiver.server.once('error', reject).listen(port, host, resolve));
    receiver.port = receiver.server.address().port;
    receiver.url = `${secure ? 'https' : 'http'}://${secure ? 'localhost' : host}:${receiver.port}/hooks${QUERY}`;
    return receiver;
  }

  /** The hooks so far, once there are as many. */
  async has(count, what, ms) {
    await until(() => count <= this.seen.length, what, ms).catch((error) => {
      throw new Error(`${error.message} (${what}; ${this.seen.length} of ${count}: ${this.seen.map((it) => it.fields.EventType)})`);
    });
    return this.seen.slice(0, count);
  }

  stop() {
    for (const socket of this.open) socket.destroy();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

/** A service of its own with a webhook, and everything that is addressed to it. */
async function service(url, settings = {}, on = airlock) {
  const made = await on.backend('POST', '/v1/Services', { FriendlyName: fresh('service'), WebhookUrl: url, ...settings });
  assert.equal(made.status, 201, made.text);
  const sid = made.body.sid;
  return {
    sid,
    at: (...segments) => `/v1/Services/${sid}/${segments.map(encodeURIComponent).join('/')}`,
    socket: async (identity, { endpoint } = {}) => {
      const socket = await on.anySocket();
      const change = (_, payload) => { if (endpoint) payload.grants.data_sync.endpoint_id = endpoint; };
      const reply = await socket.init(on.token(identity, { service: sid, claims: { name: 'Ada' }, change }));
      assert.equal(reply.status.code, 200, JSON.stringify(reply));
      return socket;
    },
    update: (form) => on.backend('POST', `/v1/Services/${sid}`, form),
  };
}

const fieldsOf = (hook) => hook.fields;
const typesOf = (hooks) => hooks.map((it) => it.fields.EventType);

test('every event has its fields, is signed, and says who did it', async () => {
  const receiver = await Receiver.start();
  const own = await service(receiver.url);
  const ada = fresh('ada');
  const socket = await own.socket(ada, { endpoint: 'ada-tab 1' });
  const names = Object.fromEntries(['doc', 'list', 'map', 'stream'].map((word) => [word, fresh(word)]));
  const made = async (collection, body) => (await socket.request('POST', path(collection), body)).body;
  const common = (type) => ({ AccountSid: airlock.account.sid, ServiceSid: own.sid, EventType: type, Identity: ada, EndpointId: 'ada-tab 1' });

  const doc = await made('Documents', { unique_name: names.doc, data: { text: 'é & = +', n: 1 } });
  const docSet = (await socket.request('POST', pathOf(doc.url), { data: { n: 2 } })).body;
  await socket.request('DELETE', pathOf(doc.url));
  const D = { DocumentSid: doc.sid, DocumentUniqueName: names.doc };

  const list = await made('Lists', { unique_name: names.list });
  const pushed = (await socket.request('POST', `${pathOf(list.url)}/Items`, { data: { v: 1 } })).body;
  const item = `${pathOf(list.url)}/Items/${pushed.index}`;
  const pushedSet = (await socket.request('POST', item, { data: { v: 2 } })).body;
  await socket.request('DELETE', item);
  const listNow = (await socket.request('GET', pathOf(list.url))).body;
  await socket.request('DELETE', pathOf(list.url));
  const L = { ListSid: list.sid, ListUniqueName: names.list };

  const map = await made('Maps', {});
  const put = (await socket.request('POST', `${pathOf(map.url)}/Items`, { key: 'k/1', data: { v: 1 } })).body;
  const entry = `${pathOf(map.url)}/Items/${encodeURIComponent('k/1')}`;
  const putSet = (await socket.request('POST', entry, { data: { v: 2 } })).body;
  await socket.request('DELETE', entry);
  const mapNow = (await socket.request('GET', pathOf(map.url))).body;
  await socket.request('DELETE', pathOf(map.url));
  const M = { MapSid: map.sid }; // it has no name, so none is told

  const stream = await made('Streams', { unique_name: names.stream });
  const message = (await socket.request('POST', `${pathOf(stream.url)}/Messages`, { data: { hi: 1 } })).body;
  await socket.request('DELETE', pathOf(stream.url));
  const S = { StreamSid: stream.sid, StreamUniqueName: names.stream };

  const hooks = await receiver.has(16, 'all events');
  const of = (type) => {
    const found = hooks.filter((it) => it.fields.EventType === type);
    assert.equal(found.length, 1, `${type} of ${typesOf(hooks)}`);
    return fieldsOf(found[0]);
  };
  const exactly = (type, fields) => assert.deepEqual(of(type), { ...common(type), ...fields }, type);
  exactly('document_created', { ...D, DocumentRevision: doc.revision, DocumentData: '{"text":"é & = +","n":1}' });
  exactly('document_updated', { ...D, DocumentRevision: docSet.revision, DocumentData: '{"n":2}' });
  exactly('document_removed', { ...D, DocumentRevision: docSet.revision });
  exactly('list_created', { ...L, ListRevision: list.revision });
  const item1 = { ...L, ItemIndex: String(pushed.index) };
  exactly('list_item_added', { ...item1, ListRevision: '1', ItemRevision: pushed.revision, ItemData: '{"v":1}', EventId: String(pushed.last_event_id) });
  exactly('list_item_updated', { ...item1, ListRevision: '2', ItemRevision: pushedSet.revision, ItemData: '{"v":2}', EventId: String(pushedSet.last_event_id) });
  exactly('list_item_removed', { ...item1, ListRevision: '3', ItemRevision: pushedSet.revision, EventId: String(listNow.last_event_id) });
  exactly('list_removed', { ...L, ListRevision: listNow.revision });
  exactly('map_created', { ...M, MapRevision: map.revision });
  exactly('map_item_added', { ...M, MapRevision: '1', ItemKey: 'k/1', ItemRevision: put.revision, ItemData: '{"v":1}', EventId: String(put.last_event_id) });
  exactly('map_item_updated', { ...M, MapRevision: '2', ItemKey: 'k/1', ItemRevision: putSet.revision, ItemData: '{"v":2}', EventId: String(putSet.last_event_id) });
  exactly('map_item_removed', { ...M, MapRevision: '3', ItemKey: 'k/1', ItemRevision: putSet.revision, EventId: String(mapNow.last_event_id) });
  exactly('map_removed', { ...M, MapRevision: mapNow.revision });
  exactly('stream_created', S);
  assert.deepEqual(typesOf(hooks.filter((it) => it.fields.StreamSid)), ['stream_created', 'stream_message_published', 'stream_removed'], 'in order');
  const published = hooks.find((it) => it.fields.EventType === 'stream_message_published');
  assert.deepEqual(published.fields, { ...common('stream_message_published'), ...S, MessageSid: message.sid, MessageData: '{"hi":1}' });

  for (const { method, url, headers, fields } of hooks) {
    assert.equal(method, 'POST');
    assert.equal(url, `/hooks${QUERY}`);
    assert.match(headers['content-type'], /^application\/x-www-form-urlencoded/);
    const signature = headers['x-twilio-signature'];
    assert.ok(twilio.validateRequest(airlock.account.token, signature, receiver.url, fields), fields.EventType);
    assert.ok(!twilio.validateRequest(airlock.account.token, signature, receiver.url, { ...fields, Identity: 'eve' }), 'it covers the fields');
    assert.ok(!twilio.validateRequest(airlock.account.secret, signature, receiver.url, fields), 'the key is the auth token');
  }
  assert.equal(new Set(hooks.map((it) => it.headers['i-twilio-idempotency-token'])).size, hooks.length);
  await receiver.stop();
});

test('what a policy publishes is told as the system\'s', async () => {
  const receiver = await Receiver.start();
  const own = await service(receiver.url);
  const [ada, room] = [fresh('ada'), fresh('room')];
  const socket = await own.socket(ada);
  await socket.request('POST', path('Documents'), { unique_name: `cursors/${room}/${ada}`, data: { x: 1, y: 2 } });
  const hooks = await receiver.has(3, 'private and shared side');
  const told = hooks.map(({ fields }) => [fields.EventType, fields.DocumentUniqueName ?? fields.MapUniqueName, fields.Identity, fields.EndpointId]).sort();
  assert.deepEqual(told, [
    ['document_created', `cursors/${room}/${ada}`, ada, undefined],
    ['map_created', `rooms/${room}/cursors`, 'system', undefined],
    ['map_item_added', `rooms/${room}/cursors`, 'system', undefined],
  ]);
  const added = hooks.find((it) => it.fields.ItemKey);
  assert.deepEqual(Object.keys(JSON.parse(added.fields.ItemData)).sort(), ['at', 'left', 'name', 'top'], 'the shared side only');
  await receiver.stop();
});

test('REST is silent unless it is asked for, and an expiry is a removal', async () => {
  const receiver = await Receiver.start();
  const own = await service(receiver.url);
  await airlock.backend('POST', own.at('Documents'), { UniqueName: fresh('silent'), Data: '{"n":1}' });
  assert.equal((await own.update({ WebhooksFromRestEnabled: 'true' })).status, 200);
  const name = fresh('loud');
  const loud = await airlock.backend('POST', own.at('Documents'), { UniqueName: name, Data: '{"n":1}', Ttl: '1' });
  assert.equal(loud.status, 201, loud.text);
  const hooks = await receiver.has(2, 'made and expired');
  assert.deepEqual(hooks.map(({ fields }) => [fields.EventType, fields.DocumentUniqueName, fields.Identity, fields.EndpointId]), [
    ['document_created', name, 'system', undefined],
    ['document_removed', name, 'system', undefined],
  ]);
  await receiver.stop();
});

test('hooks of one object stay in order under load, those of others go beside them', async () => {
  const receiver = await Receiver.start({ answer: async (_, nth) => {
    await new Promise((resolve) => setTimeout(resolve, (nth * 7) % 13));
    return nth % 17 === 0 ? 503 : 200;
  } });
  const own = await service(receiver.url);
  const writers = 12;
  const each = 25;
  await Promise.all(Array.from({ length: writers }, async (_, at) => {
    const socket = await own.socket(fresh(`w${at}`));
    const doc = (await socket.request('POST', path('Documents'), { unique_name: fresh('doc'), data: { n: 0 } })).body;
    for (let n = 1; n <= each; n += 1) assert.equal((await socket.request('POST', pathOf(doc.url), { data: { n } })).status, 200);
  }));
  const delivered = () => {
    const by = new Map();
    for (const { fields } of receiver.seen) {
      const numbers = by.get(fields.DocumentSid) ?? by.set(fields.DocumentSid, []).get(fields.DocumentSid);
      const { n } = JSON.parse(fields.DocumentData);
      if (numbers.at(-1) !== n) numbers.push(n); // a second attempt follows its first at once
    }
    return [...by.values()];
  };
  await until(() => delivered().length === writers && delivered().every((it) => it.at(-1) === each), 'all are told', 60_000);
  for (const numbers of delivered()) assert.deepEqual(numbers, Array.from({ length: each + 1 }, (_, n) => n));
  await receiver.stop();
});

test('a receiver that is down, slow or failing is tried again, with growing pauses, and delays no write', async () => {
  const times = new Map();
  const receiver = await Receiver.start({ answer: ({ fields, at }) => {
    const tries = times.get(fields.DocumentUniqueName) ?? times.set(fields.DocumentUniqueName, []).get(fields.DocumentUniqueName);
    tries.push(at);
    if (fields.DocumentUniqueName.startsWith('slow')) return tries.length === 1 ? null : 200;
    return fields.DocumentUniqueName.startsWith('never') || tries.length < 4 ? 500 : 200;
  } });
  const own = await service(receiver.url);
  const socket = await own.socket(fresh('ada'));
  const names = ['never', 'later', 'slow'].map(fresh);
  const began = Date.now();
  for (const unique_name of names) assert.equal((await socket.request('POST', path('Documents'), { unique_name, data: {} })).status, 201);
  assert.ok(Date.now() - began < 3_000, `three writes took ${Date.now() - began} ms`);
  await until(() => times.get(names[0])?.length === 5 && times.get(names[1])?.length === 4 && times.get(names[2])?.length === 2, 'all attempts', 60_000);
  const pauses = (name) => times.get(name).slice(1).map((at, n) => at - times.get(name)[n]);
  for (const name of names.slice(0, 2)) {
    pauses(name).forEach((pause, n) => assert.ok(75 * 4 ** n <= pause + 5, `pause ${n} of ${name}: ${pauses(name)}`));
  }
  const given = await airlock.logged((it) => it.message === 'webhook given up' && it['service.sid'] === own.sid, 'given up');
  assert.equal(given.level, 'WARN');
  assert.deepEqual([given['event.type'], Number(given.attempts), Number(given.status)], ['document_created', 5, 500]);
  const delivered = await airlock.logged((it) => it.message === 'webhook delivered' && it['service.sid'] === own.sid && Number(it.attempts) === 4, 'delivered');
  assert.deepEqual([delivered.level, Number(delivered.status)], ['DEBUG', 200]);
  const tokens = receiver.seen.filter((it) => it.fields.DocumentUniqueName === names[0]).map((it) => it.headers['i-twilio-idempotency-token']);
  assert.equal(new Set(tokens).size, 1, 'a repetition can be told');
  await receiver.stop();

  const closed = await service(receiver.url); // nobody listens there now
  const late = await closed.socket(fresh('bob'));
  const name = fresh('patient');
  assert.equal((await late.request('POST', path('Documents'), { unique_name: name, data: {} })).status, 201);
  await airlock.logged((it) => it.message === 'webhook attempt failed' && it['service.sid'] === closed.sid && Number(it.attempts) === 1, 'refused once');
  const back = await Receiver.start({ port: receiver.port });
  await back.has(1, 'it comes when the receiver is back');
  assert.equal(back.seen[0].fields.DocumentUniqueName, name);
  await back.stop();
});

test('a receiver that never answers holds up no write', async () => {
  const receiver = await Receiver.start({ answer: () => null });
  const own = await service(receiver.url);
  const socket = await own.socket(fresh('ada'));
  const doc = (await socket.request('POST', path('Documents'), { unique_name: fresh('doc'), data: {} })).body;
  await receiver.has(1, 'it was asked');
  const began = Date.now();
  for (let n = 0; n < 50; n += 1) assert.equal((await socket.request('POST', pathOf(doc.url), { data: { n } })).status, 200);
  const took = Date.now() - began;
  assert.ok(took < 4_500, `one attempt lasts 5,000 ms, fifty writes took ${took}`);
  assert.equal(receiver.seen.length, 1, 'and the object keeps its order meanwhile');
  await own.update({ WebhookUrl: '' });
  await receiver.stop();
});

test('kill -9 with hooks that wait loses none of them', async () => {
  let up = false;
  const receiver = await Receiver.start({ answer: () => (up ? 200 : 503) });
  const env = { ...PRIVATE, AIRLOCK_WEBHOOK_PAUSE_MS: '600000', AIRLOCK_CHECKPOINT_BATCHES: '7' };
  const own = await Airlock.start({ env, service: null });
  try {
    const { sid, socket: open, at } = await service(receiver.url, { WebhooksFromRestEnabled: 'true' }, own);
    const socket = await open(fresh('ada'));
    const names = Array.from({ length: 30 }, () => fresh('doc'));
    for (const unique_name of names) assert.equal((await socket.request('POST', path('Documents'), { unique_name, data: {} })).status, 201);
    await receiver.has(2, 'some were tried');
    await own.kill9();
    up = true;
    const from = receiver.seen.length;
    await own.spawn();
    const after_ = () => receiver.seen.slice(from).map((it) => it.fields.DocumentUniqueName);
    await until(() => names.every((name) => after_().includes(name)), 'all come after the restart', 20_000);
    for (const { fields, headers } of receiver.seen) assert.ok(twilio.validateRequest(own.account.token, headers['x-twilio-signature'], receiver.url, fields));

    // What was delivered and marked does not come again.
    await until(() => after_().length === names.length, 'each once');
    await own.backend('POST', at('Documents'), { UniqueName: 'last', Data: '{}' });
    await until(() => after_().includes('last'), 'one more');
    await new Promise((resolve) => setTimeout(resolve, 500)); // the marks are gathered for 200 ms
    const before_ = receiver.seen.length;
    await own.kill9();
    await own.spawn();
    await own.backend('POST', at('Documents'), { UniqueName: 'newest', Data: '{}' });
    await until(() => receiver.seen.slice(before_).some((it) => it.fields.DocumentUniqueName === 'newest'), 'it goes on');
    assert.deepEqual(receiver.seen.slice(before_).map((it) => it.fields.DocumentUniqueName), ['newest'], `nothing twice in ${sid}`);
  } finally {
    await own.stop();
    await receiver.stop();
  }
});

test('a redirect is not followed', async () => {
  const target = await Receiver.start();
  const receiver = await Receiver.start({ answer: () => ({ status: 307, headers: { Location: target.url } }) });
  const own = await service(receiver.url);
  const socket = await own.socket(fresh('ada'));
  await socket.request('POST', path('Documents'), { unique_name: fresh('doc'), data: {} });
  const failed = await airlock.logged((it) => it.message === 'webhook attempt failed' && it['service.sid'] === own.sid, 'the attempt');
  assert.equal(Number(failed.status), 307);
  assert.match(failed.error, /redirect/);
  await receiver.has(2, 'it is tried again, at the same place');
  assert.deepEqual(target.seen, []);
  await own.update({ WebhookUrl: '' });
  await Promise.all([receiver.stop(), target.stop()]);
});

test('private addresses are refused unless they are allowed, however they are written', async () => {
  const receiver = await Receiver.start({ host: '0.0.0.0' });
  const strict = await Airlock.start({ log: 'info,airlock=debug', env: { AIRLOCK_WEBHOOK_PAUSE_MS: '10' }, service: null });
  try {
    for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '127.1', '0.0.0.0', '[::1]', '[::ffff:127.0.0.1]', '[::]', '169.254.169.254', 'secret:word@127.0.0.1']) {
      const own = await service(`http://${host}:${receiver.port}/hooks?token=canary-in-a-query`, {}, strict);
      const socket = await own.socket(fresh('ada'));
      await socket.request('POST', path('Documents'), { unique_name: fresh('doc'), data: { text: 'canary-in-data' } });
      const given = await strict.logged((it) => it.message === 'webhook given up' && it['service.sid'] === own.sid, `${host} is given up`);
      // Some systems do not read a number as an address; then there is no such name.
      assert.match(given.error, /the address is private|the name cannot be looked up/, host);
      if (!/^(2130|0x7f|127\.1$)/.test(host)) assert.match(given.error, /the address is private/, host);
      socket.close();
    }
    assert.deepEqual(receiver.seen, []);
    for (const secret of ['canary-in-a-query', 'canary-in-data', 'secret:word']) {
      assert.ok(!(strict.raw.stdout + strict.raw.stderr).includes(secret), `${secret} in the log`);
    }
  } finally {
    await strict.stop();
    await receiver.stop();
  }
});

test('https is spoken with those whom the system trusts, and with nobody else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-tls-'));
  const file = (name) => join(folder, name);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const certificate = (name) => {
    openssl('req', '-x509', ...curve, '-days', '2', '-subj', `/CN=${name}`, '-keyout', file(`${name}-root.key`), '-out', file(`${name}.pem`));
    openssl('req', '-new', ...curve, '-subj', '/CN=localhost', '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`));
    writeFileSync(file('names'), 'subjectAltName=DNS:localhost\n');
    openssl('x509', '-req', '-in', file(`${name}.csr`), '-CA', file(`${name}.pem`), '-CAkey', file(`${name}-root.key`), '-set_serial', '2', '-days', '2',
      '-extfile', file('names'), '-out', file(`${name}-leaf.pem`));
    return { key: readFileSync(file(`${name}.key`)), cert: readFileSync(file(`${name}-leaf.pem`)) };
  };
  const known = await Receiver.start({ secure: certificate('known') });
  const stranger = await Receiver.start({ secure: certificate('stranger') });
  const own = await Airlock.start({ log: 'info,airlock=debug', env: { ...PRIVATE, AIRLOCK_WEBHOOK_PAUSE_MS: '10', SSL_CERT_FILE: file('known.pem') }, service: null });
  try {
    const good = await service(known.url.replace('://', '://user:p%40ss@'), {}, own);
    const socket = await good.socket(fresh('ada'));
    await socket.request('POST', path('Documents'), { unique_name: fresh('doc'), data: {} });
    const [hook] = await known.has(1, 'over TLS');
    assert.equal(hook.headers.authorization, `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
    const bad = await service(stranger.url, {}, own);
    const other = await bad.socket(fresh('bob'));
    await other.request('POST', path('Documents'), { unique_name: fresh('doc'), data: {} });
    const given = await own.logged((it) => it.message === 'webhook given up' && it['service.sid'] === bad.sid, 'given up');
    assert.match(given.error, /no TLS with the receiver/);
    assert.deepEqual(stranger.seen, []);
  } finally {
    await own.stop();
    await Promise.all([known.stop(), stranger.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a service that loses its URL has nothing more to tell', async () => {
  const receiver = await Receiver.start({ answer: () => 500 });
  const own = await service(receiver.url);
  const socket = await own.socket(fresh('ada'));
  await socket.request('POST', path('Documents'), { unique_name: fresh('doc'), data: {} });
  await receiver.has(1, 'the first attempt');
  assert.equal((await own.update({ WebhookUrl: '' })).status, 200);
  const still = receiver.seen.length;
  await within(new Promise((resolve) => setTimeout(resolve, 1_000)), 'a while');
  assert.ok(receiver.seen.length <= still + 1, 'at most what was on its way');
  await receiver.stop();
});

test('endpoints are told when they connect and disconnect, and only to who asked for it', async () => {
  const receiver = await Receiver.start();
  const [quiet, own] = [await service(receiver.url), await service(receiver.url, { ReachabilityWebhooksEnabled: 'true' })];
  await quiet.socket(fresh('bob'), { endpoint: 'tab' });
  const ada = fresh('ada');
  const socket = await own.socket(ada, { endpoint: 'ada-tab 1' });
  socket.close();
  const hooks = await receiver.has(2, 'both');
  const fields = (type) => ({ AccountSid: airlock.account.sid, ServiceSid: own.sid, EventType: type, Identity: ada, EndpointId: 'ada-tab 1' });
  assert.deepEqual(hooks.map(fieldsOf), [fields('endpoint_connected'), fields('endpoint_disconnected')], 'in this order, and nothing of the quiet service');
  assert.ok(twilio.validateRequest(airlock.account.token, hooks[0].headers['x-twilio-signature'], receiver.url, hooks[0].fields));
  await receiver.stop();
});

test('with debouncing only an identity whose last endpoint stays away has disconnected', async () => {
  const receiver = await Receiver.start();
  const own = await service(receiver.url, { ReachabilityWebhooksEnabled: 'true', ReachabilityDebouncingEnabled: 'true', ReachabilityDebouncingWindow: '1000' });
  const [ada, carl] = [fresh('ada'), fresh('carl')];
  const [one, two, other] = [await own.socket(ada, { endpoint: 'one' }), await own.socket(ada, { endpoint: 'two' }), await own.socket(carl)];
  one.close(); // another of hers is open
  two.close();
  await receiver.has(3, 'three have connected');
  await own.socket(ada, { endpoint: 'three' }); // back within the window
  other.close();
  const away = () => receiver.seen.filter((it) => it.fields.EventType === 'endpoint_disconnected');
  await until(() => away().length, 'somebody is away');
  // His window ended after hers would have: of her nothing was told.
  assert.deepEqual(away().map((it) => it.fields.Identity), [carl]);
  await receiver.stop();
});

test('the cause of failures is a warning, once a service and minute', async () => {
  const receiver = await Receiver.start({ answer: () => 500 });
  const own = await service(receiver.url, { WebhooksFromRestEnabled: 'true' });
  for (let n = 0; n < 3; n += 1) await airlock.backend('POST', own.at('Documents'), { UniqueName: fresh('doc') });
  const told = () => airlock.lines().filter((it) => it['service.sid'] === own.sid && it.message === 'webhook attempt failed');
  await until(() => told().length >= 6, 'attempts, and attempts again');
  const warned = told().filter((it) => it.level === 'WARN');
  assert.deepEqual(warned.map((it) => it.status), [500], 'the first is told, with its cause');
  assert.ok(told().filter((it) => it.level === 'DEBUG').length >= 5);
  await receiver.stop();
});

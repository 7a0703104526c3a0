// Server-sent events over plain fetch: what an SDK hears, without an SDK; and which pages may use the clients' plane.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { Airlock, binary, fresh, path } from './support.mjs';
import { Parser, Stream, closeAll } from './stream.mjs';
import { seconds } from './tokens.mjs';
import { until, within } from './waiting.mjs';

const PAGE = 'https://app.example';
const FOREIGN = 'https://evil.example';

let airlock;
let idle; // opened first, looked at last: a heartbeat takes 15 seconds
before(async () => {
  airlock = await Airlock.start({
    log: 'info,airlock=debug',
    args: ['--allow-origin', `${PAGE},capacitor://localhost`],
  });
  const { token } = await player();
  idle = await Stream.open(url('Maps', `rooms/${fresh('idle')}/cursors`), { token });
});
after(() => {
  closeAll();
  return airlock?.stop();
});

const url = (...segments) => `${airlock.url}${path(...segments)}/events`;
const query = (pairs) => `${airlock.url}/v3/events?${new URLSearchParams(pairs)}`;
async function player(word = 'ada') {
  const identity = fresh(word);
  const token = airlock.token(identity, { claims: { name: word } });
  return { identity, token };
}
/** A request of a client over HTTP. */
async function client(token, method, where, body, headers = {}) {
  const response = await fetch(`${airlock.url}${where}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...headers },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : undefined };
}
const rest = (...args) => airlock.backend(...args);
const at = (...segments) => airlock.at(...segments);
async function made(kind, form = {}) {
  const { status, body } = await rest('POST', at(kind), { UniqueName: fresh(kind), ...form });
  assert.equal(status, 201);
  return body;
}
// Plain objects of a service with permissions on are nobody's to read but their maker's: here clients make them.
async function own(token, kind, name = fresh(kind)) {
  const { status, body } = await client(token, 'POST', path(kind), { unique_name: name });
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}
async function filled(token, count) {
  const map = await own(token, 'Maps');
  for (let n = 0; n < count; n += 20) {
    await Promise.all(Array.from({ length: Math.min(20, count - n) }, (_, k) => rest('POST', at('Maps', map.sid, 'Items'), { Key: `k${n + k}`, Data: `{"n":${n + k}}` })));
  }
  return map;
}
const ids = (stream) => stream.seen.filter((it) => it.data.id).map((it) => it.data.id);
function ascending(numbers, what) {
  numbers.forEach((id, n) => assert.ok(n === 0 || numbers[n - 1] < id, `${what}: ids ascend, ${numbers[n - 1]} before ${id}`));
}

test('the head of a stream, its opening, and an object that stands: state, established, live', async () => {
  const { token } = await player();
  const document = await own(token, 'Documents');
  await client(token, 'POST', path('Documents', document.sid), { data: { text: 'a\nb\r\n "ü" \u2028' } });
  const stream = await Stream.open(url('Documents', document.unique_name), { token });
  assert.equal(stream.status, 200);
  const { headers } = stream.response;
  assert.equal(headers.get('content-type'), 'text/event-stream');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(headers.get('x-accel-buffering'), 'no');
  assert.equal(headers.get('content-length'), null);
  const established = await stream.established();
  assert.ok(stream.retry >= 1_000 && stream.retry <= 10_000, `retry: ${stream.retry}`);
  const [state] = stream.seen;
  assert.equal(state.event, 'document_updated');
  assert.equal(state.lines, 1, 'one line of data');
  assert.deepEqual(state.data.document_data, { text: 'a\nb\r\n "ü" \u2028' });
  assert.deepEqual([state.data.document_sid, state.data.document_unique_name], [document.sid, document.unique_name]);
  assert.equal(state.lastEventId, String(state.data.id), 'the id of the block is that of the event');
  assert.deepEqual(established.data, { objects: [{ object_sid: document.sid, object_type: 'document', unique_name: document.unique_name, last_event_id: state.data.id }] });
  assert.equal(established.lastEventId, state.lastEventId);

  await rest('POST', at('Documents', document.sid), { Data: '{"n":2}' });
  const live = await stream.until((it) => it.data.document_data?.n === 2, 'the live update');
  assert.equal(live.event, 'document_updated');
  await rest('DELETE', at('Documents', document.sid));
  const gone = await stream.until((it) => it.event === 'document_removed', 'removed');
  ascending(ids(stream), 'one document');
  assert.equal(gone.data.document_sid, document.sid);
  stream.close();
});

test('a shared map: it waits for its birth, and has the fields that the socket has', async () => {
  const [{ identity, token }, bob] = [await player(), await player('bob')];
  const number = fresh('room');
  const map = `rooms/${number}/cursors`;
  const stream = await Stream.open(url('Maps', map), { token: bob.token });
  const established = await stream.established();
  assert.equal(established.data.objects[0].last_event_id, 0);
  const sid = established.data.objects[0].object_sid;
  const socket = await airlock.socket(fresh('eve'));
  await socket.subscribe(sid, 'map', 0);
  const [x, y] = [1, 2];
  assert.equal((await client(token, 'POST', path('Documents'), { unique_name: `cursors/${number}/${identity}`, data: { x, y } })).status, 201);
  const added = await stream.until((it) => it.event === 'map_item_added', 'added');
  assert.deepEqual([added.data.item_key, added.data.item_data.left, added.data.map_unique_name], [identity, 1, map]);
  const frame = await socket.frame((it) => it.body?.event_type === 'map_item_added', 'the same on the socket');
  assert.deepEqual(added.data, frame.body.event, 'the same fields');
  await client(token, 'POST', path('Documents', `cursors/${number}/${identity}`), { data: { x: 3, y } });
  assert.equal((await stream.until((it) => it.event === 'map_item_updated', 'updated')).data.item_data.left, 3);
  await client(token, 'POST', path('Documents', `cursors/${number}/${identity}`), { data: {} });
  assert.equal((await stream.until((it) => it.event === 'map_item_removed', 'removed')).data.item_key, identity);
  ascending(ids(stream), 'a shared map');
  stream.close();
});

test('resume after a cut: exactly what was missed, by header or parameter, and nothing when nothing was', async () => {
  const { token } = await player();
  const map = await own(token, 'Maps');
  const item = (key, n) => rest('POST', at('Maps', map.sid, 'Items', key), { Data: `{"n":${n}}` });
  for (const key of ['a', 'b', 'c']) await rest('POST', at('Maps', map.sid, 'Items'), { Key: key, Data: '{"n":0}' });
  const first = await Stream.open(url('Maps', map.sid), { token });
  await first.established();
  assert.deepEqual(first.seen.map((it) => it.data.item_key).slice(0, 3), ['a', 'b', 'c']);
  const last = first.lastEventId;
  await first.close();
  await item('b', 1);
  await item('b', 2);
  await rest('DELETE', at('Maps', map.sid, 'Items', 'c'));
  await rest('POST', at('Maps', map.sid, 'Items'), { Key: 'd', Data: '{"n":0}' });
  const missed = [['map_item_updated', 'b'], ['map_item_removed', 'c'], ['map_item_added', 'd'], ['established', undefined]];
  const kinds = (stream) => stream.seen.map((it) => [it.event, it.data.item_key]);
  const second = await Stream.open(url('Maps', map.sid), { token, last });
  await second.established();
  assert.deepEqual(kinds(second), missed);
  assert.equal(second.seen[0].data.item_data.n, 2, 'the newest state only');
  const third = await Stream.open(`${url('Maps', map.sid)}?last_event_id=${last}`, { token });
  await third.established();
  assert.deepEqual(kinds(third), missed, 'the parameter says the same');
  const fourth = await Stream.open(`${url('Maps', map.sid)}?last_event_id=${last}`, { token, last: second.lastEventId });
  await fourth.established();
  assert.deepEqual(kinds(fourth), [['established', undefined]], 'the header counts before the parameter');
  await item('a', 7);
  for (const stream of [second, third, fourth]) {
    assert.equal((await stream.until((it) => it.data.item_data?.n === 7, 'live')).data.item_key, 'a');
    stream.close();
  }
  const future = await Stream.open(url('Maps', map.sid), { token, last: '9000000000000' });
  await future.established();
  assert.deepEqual(future.seen.map((it) => it.data.item_key), ['b', 'd', 'a', undefined], 'from another history: everything');
  assert.ok(Number(future.lastEventId) < 9000000000000);
  future.close();
});

test('several objects are one stream in one order, and a cut anywhere in a long replay loses nothing', async () => {
  const { token } = await player();
  const [one, two] = await Promise.all([filled(token, 230), filled(token, 260)]);
  const document = await own(token, 'Documents');
  await rest('POST', at('Documents', document.sid), { Data: '{"n":1}' });
  const where = query([['map', one.sid], ['map', two.unique_name], ['document', document.sid], ['map', one.unique_name]]);
  const found = new Map();
  let last;
  let cuts = 0;
  for (const patience of [37, 150, 120, Infinity]) {
    const stream = await Stream.open(where, { token, last });
    const done = await stream.until((it) => it.event === 'established' || stream.seen.length >= patience, `${patience} events`);
    const taken = stream.seen.slice(0, patience);
    if (patience === Infinity) {
      const names = done.data.objects.map((it) => it.object_sid).sort();
      assert.deepEqual(names, [one.sid, two.sid, document.sid].sort(), 'each once, however it was named');
    } else {
      cuts += 1;
    }
    const events = taken.filter((it) => it.data.id);
    ascending([Number(last ?? 0), ...events.map((it) => it.data.id)], 'across objects and cuts');
    for (const { data } of events) found.set(`${data.map_sid ?? data.document_sid} ${data.item_key}`, data.item_data ?? data.document_data);
    last = taken.at(-1).lastEventId;
    await stream.close();
    // Meanwhile something changes that was told, and something that was not.
    await rest('POST', at('Maps', one.sid, 'Items', 'k0'), { Data: `{"n":${1_000 + cuts}}` });
    await rest('POST', at('Maps', two.sid, 'Items', 'k259'), { Data: `{"n":${2_000 + cuts}}` });
  }
  assert.equal(found.size, 230 + 260 + 1);
  assert.deepEqual(found.get(`${one.sid} k0`), { n: 1_003 });
  assert.deepEqual(found.get(`${two.sid} k259`), { n: 2_003 });
});

test('who may not read: 401, 403, 404 for one object; an event among several', async () => {
  const [{ identity, token }, bob] = [await player(), await player('bob')];
  const number = fresh('room');
  const name = `cursors/${number}/${identity}`;
  await client(token, 'POST', path('Documents'), { unique_name: name, data: { x: 1, y: 1 } });
  const refusal = async (where, options, status, code) => {
    const stream = await Stream.open(where, options);
    assert.deepEqual([stream.status, stream.problem?.code], [status, code], `${where}: ${JSON.stringify(stream.problem)}`);
    assert.equal(stream.problem.status, status);
    return stream;
  };
  await refusal(url('Documents', name), { token: bob.token }, 403, 54007);
  await refusal(url('Documents', `cursors/${number}/nobody`), { token: bob.token }, 403, 54007);
  await refusal(url('Documents', 'none'), { token }, 404, 54300);
  await refusal(url('Maps', `MP${'0'.repeat(32)}`), { token }, 404, 54200);
  await refusal(query([['document', name], ['map', 'none']]), { token: bob.token }, 403, 54007);
  await refusal(`${airlock.url}/v3/events`, { token }, 400, 20001);
  await refusal(query(Array.from({ length: 101 }, (_, n) => ['map', `m${n}`])), { token }, 429, 54419);
  await refusal(url('Documents', name), { token, last: 'x' }, 400, 20001);
  await refusal(`${airlock.url}/v3/Services/IS${'0'.repeat(32)}/Documents/x/events`, { token }, 403, 54007);
  const anonymous = await refusal(url('Documents', name), {}, 401, 20101);
  assert.equal(anonymous.response.headers.get('www-authenticate'), 'Bearer');
  const old = airlock.token(identity, { change: (_, payload) => { payload.iat -= 7200; payload.exp = seconds() - 3600; } });
  await refusal(url('Documents', name), { token: old }, 401, 20104);
  assert.equal((await client(token, 'POST', `${path('Documents', name)}/events`)).status, 405);

  const stream = await Stream.open(query([['document', name], ['map', `rooms/${number}/cursors`], ['document', 'none']]), { token: bob.token });
  const established = await stream.established();
  assert.deepEqual(stream.seen.slice(0, 2).map(({ event, data }) => [event, data.object_type, data.object, data.status, data.code]), [
    ['failed', 'document', name, 403, 54007], ['failed', 'document', 'none', 404, 54300],
  ]);
  assert.deepEqual(established.data.objects.map((it) => it.unique_name), [`rooms/${number}/cursors`]);
  await client(token, 'POST', path('Documents', name), { data: { x: 9, y: 9 } });
  await stream.until((it) => it.data.item_data?.left === 9, 'the rest goes on');
  stream.close();
  const mine = await Stream.open(`${airlock.url}/v3/Services/${airlock.service}${path('Documents', name).slice(3)}/events`, { token });
  await mine.established();
  mine.close();
});

test('a stream ends with its token, with a last word', async () => {
  const number = fresh('room');
  const token = airlock.token(fresh('ada'), { ttl: 2 });
  const stream = await Stream.open(url('Maps', `rooms/${number}/cursors`), { token });
  await stream.established();
  const expired = await stream.until((it) => it.event === 'expired', 'expired');
  assert.deepEqual([expired.data.status, expired.data.code], [401, 20104]);
  assert.equal(await stream.end(), 'end');
  assert.equal(stream.seen.at(-1), expired, 'nothing after it');
});

test('when permissions begin to count, the streams that lack them end with 403, and no others', async () => {
  const service = (await rest('POST', '/v1/Services', { FriendlyName: 'other', AclEnabled: 'false' })).body.sid;
  const [ada, bob] = [fresh('ada'), fresh('bob')].map((identity) => airlock.token(identity, { service }));
  const document = await own(ada, 'Documents');
  const streams = await Promise.all([ada, bob].map((token) => Stream.open(url('Documents', document.sid), { token })));
  await Promise.all(streams.map((it) => it.established()));
  await rest('POST', `/v1/Services/${service}`, { AclEnabled: 'true' });
  assert.equal(await streams[1].end(), 'end');
  assert.equal(streams[0].gone, undefined, 'whose it is, hears on');
  streams[0].close();
});

test('a reader that does not read is cut, and resumes without loss', async () => {
  const { token } = await player();
  const document = await own(token, 'Documents');
  const pad = 'x'.repeat(15_000);
  const socket = connect(airlock.port, '127.0.0.1');
  socket.on('error', () => {});
  await within(new Promise((done) => socket.once('connect', done)), 'connected');
  socket.write(`GET ${path('Documents', document.sid)}/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await within(new Promise((done) => socket.once('data', done)), 'the head');
  socket.pause();
  const cut = () => airlock.lines().some((it) => /subscriber too slow, event stream cut/.test(it.message ?? ''));
  let n = 0;
  while (!cut() && n < 4_000) {
    await Promise.all(Array.from({ length: 20 }, () => rest('POST', at('Documents', document.sid), { Data: JSON.stringify({ n: ++n, pad }) })));
  }
  assert.ok(cut(), `cut after ${n} events of 15 kB`);
  const seen = [];
  const parser = new Parser({ onEvent: (it) => seen.push(it) });
  let raw = '';
  socket.on('data', (data) => { raw += data; });
  socket.resume();
  await until(() => /\r\n0\r\n\r\n$/.test(raw) || socket.destroyed, 'the end of the stream');
  socket.destroy();
  parser.write(raw.replace(/\r\n[0-9A-F]+\r\n/gi, ''));
  ascending(seen.filter((it) => it.data.id).map((it) => it.data.id), 'what a slow reader got');
  const last = parser.lastEventId;
  assert.ok(Number(last) > 0);
  const resumed = await Stream.open(url('Documents', document.sid), { token, last: Number(last) || undefined });
  await resumed.established();
  assert.equal(resumed.seen[0].data.document_data.pad, pad);
  assert.equal(resumed.seen[0].data.document_data.n, (await rest('GET', at('Documents', document.sid))).body.data.n);
  resumed.close();
});

test('curl shows a shared object live', { skip: process.env.CI !== 'true' && spawnSync('curl', ['--version']).error ? 'no curl' : false }, async () => {
  const { identity, token } = await player();
  const number = fresh('7');
  const curl = spawn('curl', ['-sN', '-H', `Authorization: Bearer ${token}`, `${airlock.url}/v3/Maps/rooms%2F${number}%2Fcursors/events`]);
  let out = '';
  curl.stdout.on('data', (data) => { out += data; });
  await until(() => /event: established\ndata: \{.*\}\n\n/.test(out), 'established');
  await client(token, 'POST', path('Documents'), { unique_name: `cursors/${number}/${identity}`, data: { x: 5, y: 1 } });
  await until(() => /id: \d+\nevent: map_item_added\ndata: \{.*"left":5.*\}\n\n/.test(out), 'live');
  curl.kill();
});

test('a stop of the server ends the streams, and is not held up by them', async () => {
  const other = await Airlock.start();
  try {
    const stream = await Stream.open(`${other.url}${path('Maps', `rooms/${fresh('room')}/cursors`)}/events`, { token: other.token(fresh('ada')) });
    await stream.established();
    const begin = Date.now();
    const { code } = await other.terminate();
    assert.equal(code, 0);
    assert.ok(Date.now() - begin < 3_000, `${Date.now() - begin} ms`);
    assert.equal(await stream.end(), 'end');
  } finally {
    await other.stop();
  }
});

// ---- pages

/** One request as a browser sends it, origin and all. */
function asked(base, method, where, headers = {}) {
  return within(new Promise((resolve, reject) => {
    const sent = request(`${base}${where}`, { method, headers }, (response) => {
      response.destroy();
      resolve({ status: response.statusCode, headers: response.headers });
    });
    sent.on('error', reject);
    sent.end();
  }), `${method} ${where}`);
}
const PREFLIGHT = { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization, if-match' };
const cors = (headers) => Object.keys(headers).filter((it) => it.startsWith('access-control-')).sort();

test('listed pages may use the clients\' plane, foreign ones and the backends\' plane get nothing', async () => {
  const { token } = await player();
  const Authorization = `Bearer ${token}`;
  const document = await own(token, 'Documents');
  const places = [path('Documents', document.sid), `${path('Documents', document.sid)}/events`, `/v3/events?document=${document.sid}`, '/v3/nowhere', path('Documents', 'none')];
  for (const origin of [PAGE, 'capacitor://localhost']) {
    for (const where of places) {
      const preflight = await asked(airlock.url, 'OPTIONS', where, { Origin: origin, ...PREFLIGHT });
      assert.equal(preflight.status, 204, where);
      assert.equal(preflight.headers['access-control-allow-origin'], origin);
      for (const word of ['GET', 'POST', 'PUT', 'DELETE']) assert.match(preflight.headers['access-control-allow-methods'], new RegExp(word));
      for (const word of ['authorization', 'content-type', 'if-match', 'last-event-id', 'twilio-request-id', 'idempotency-key']) {
        assert.match(preflight.headers['access-control-allow-headers'], new RegExp(`(^|, )${word}(,|$)`));
      }
      assert.ok(Number(preflight.headers['access-control-max-age']) > 0);
      assert.equal(preflight.headers.vary, 'Origin');
      const answer = await asked(airlock.url, 'GET', where, { Origin: origin, Authorization });
      assert.equal(answer.headers['access-control-allow-origin'], origin, where);
      assert.equal(answer.headers['access-control-expose-headers'], 'ETag, Retry-After, Twilio-Request-Id');
      assert.equal(answer.headers.vary, 'Origin');
      assert.equal(answer.headers['access-control-allow-credentials'], undefined, 'no cookies');
    }
    const denied = await asked(airlock.url, 'GET', places[0], { Origin: origin });
    assert.deepEqual([denied.status, denied.headers['access-control-allow-origin']], [401, origin], 'a page may read why');
  }
  for (const origin of [FOREIGN, 'null', 'https://app.example.evil.example', 'http://app.example', undefined]) {
    const from = origin ? { Origin: origin } : {};
    for (const where of places) {
      const preflight = await asked(airlock.url, 'OPTIONS', where, { ...from, ...PREFLIGHT });
      assert.deepEqual([preflight.status, cors(preflight.headers), preflight.headers.vary], [204, [], 'Origin'], `${origin} ${where}`);
      const answer = await asked(airlock.url, 'GET', where, { ...from, Authorization });
      assert.deepEqual([cors(answer.headers), answer.headers.vary], [[], 'Origin'], `${origin} ${where}`);
    }
  }
  for (const method of ['OPTIONS', 'GET']) {
    const { headers } = await asked(airlock.url, method, at('Documents', document.sid), { Origin: PAGE, ...PREFLIGHT });
    assert.deepEqual(cors(headers), [], `${method} /v1`);
  }
  assert.deepEqual(cors((await asked(airlock.url, 'GET', '/health', { Origin: PAGE })).headers), []);
});

test('the same list admits pages to the socket', async () => {
  const enter = (origin) => within(new Promise((resolve) => {
    const socket = new WebSocket(airlock.ws, { origin, perMessageDeflate: false });
    socket.once('open', () => { socket.terminate(); resolve(101); });
    socket.once('unexpected-response', (_, response) => resolve(response.statusCode));
    socket.on('error', () => {});
  }), `the socket for ${origin}`);
  assert.deepEqual(await Promise.all([enter(PAGE), enter(undefined), enter(FOREIGN), enter('null')]), [101, 101, 403, 403]);
});

test('`*` admits all pages, and what is no origin is refused at the start', async () => {
  const open = await Airlock.start({ env: { AIRLOCK_ALLOW_ORIGINS: '*' } });
  try {
    const preflight = await asked(open.url, 'OPTIONS', path('Documents', 'x'), { Origin: FOREIGN, ...PREFLIGHT });
    assert.deepEqual([preflight.status, preflight.headers['access-control-allow-origin']], [204, '*']);
  } finally {
    await open.stop();
  }
  const { status, stderr } = spawnSync(binary, ['serve', '--allow-origin', 'https://app.example/path'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /not an origin/);
});

test('a quiet stream gets a comment now and then', async () => {
  await idle.established();
  await until(() => idle.comments.length > 0, 'a heartbeat', 20_000);
  assert.deepEqual([...new Set(idle.comments)], [':']);
  assert.equal(idle.seen.length, 1, 'which is no event');
  assert.equal(idle.gone, undefined);
  idle.close();
});

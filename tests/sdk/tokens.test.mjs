// The life of a token on a live connection: update, warning, expiry, return.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, connected, fresh, path, pathOf, refused, run, subscribed } from './support.mjs';
import { next, until, watch, within } from './waiting.mjs';

let airlock;
before(async () => { airlock = await Airlock.start(); });
after(() => airlock?.stop());

const named = (name) => ({ claims: { name } });

test('updateToken with a good token keeps the connection and its subscriptions', async () => {
  const ada = fresh('ada');
  const [client, other] = [await airlock.client(ada), await airlock.client(ada)];
  const document = await subscribed(await client.document(fresh('doc')));
  const seen = watch(document);
  const states = client.states.length;
  await client.updateToken(airlock.token(ada, { ttl: 7_200 }));
  assert.equal(client.connectionState, 'connected');
  assert.equal(client.states.length, states, 'no state event');
  await (await other.document(document.sid)).set({ n: 1 });
  await seen.until((it) => it.data?.n === 1, 'still subscribed');
});

test('the claims of the newest token count from the next write on', async () => {
  const [number, ada] = [fresh('room'), fresh('ada')];
  const client = await airlock.client(ada, named('Ada'));
  const cursor = await client.document(`cursors/${number}/${ada}`);
  await cursor.set({ x: 1, y: 1 });
  assert.equal((await airlock.entries(`rooms/${number}/cursors`))[ada].name, 'Ada');
  await client.updateToken(airlock.token(ada, { ttl: 7_200, ...named('Lovelace') }));
  await cursor.set({ x: 2, y: 2 });
  assert.equal((await airlock.entries(`rooms/${number}/cursors`))[ada].name, 'Lovelace');
});

test('updateToken with a token of another identity or service is rejected and ends in `denied` (51130, 51215)', async () => {
  const other = (await airlock.backend('POST', '/v1/Services', { FriendlyName: 'other' })).body.sid;
  for (const [what, make] of [
    ['another identity', () => airlock.token(fresh('eve'))],
    ['another service', (ada) => airlock.token(ada, { service: other })],
    ['a forged one', (ada) => airlock.token(ada, { secret: 'x'.repeat(48) })],
  ]) {
    const ada = fresh('ada');
    const client = await airlock.client(ada);
    const error = await refused(client.updateToken(make(ada)), what);
    assert.deepEqual([error.status, error.code], [400, 51130], `${what}: ${error.message}`);
    await until(() => client.connectionState === 'denied', `${what}: denied`);
    await client.updateToken(airlock.token(ada, { ttl: 3_601 }));
    await connected(client);
  }
  const socket = await airlock.socket(fresh('ada'));
  const reply = await socket.update(airlock.token(fresh('eve')));
  assert.deepEqual([reply.status.code, reply.status.status, reply.status.errorCode], [401, 'UNAUTHORIZED', 51215]);
});

test('an update with an expired token says 20104', async () => {
  const ada = fresh('ada');
  const socket = await airlock.socket(ada);
  const reply = await socket.update(airlock.token(ada, { change: (_, payload) => { payload.iat -= 7_200; payload.exp -= 7_200; } }));
  assert.deepEqual([reply.status.code, reply.status.status, reply.status.errorCode], [401, 'UNAUTHORIZED', 20104]);
});

test('tokenAboutToExpire comes at once for a token with less than three minutes left', async () => {
  const client = airlock.anyClient(airlock.token(fresh('ada'), { ttl: 60 }));
  await next(client, 'tokenAboutToExpire', { ms: 8_000 });
  assert.equal(client.connectionState, 'connected');
  const socket = await airlock.socket(fresh('ada'), { ttl: 60 });
  const told = await socket.frame((it) => it.header.method === 'client_update', 'client_update', 8_000);
  assert.equal(told.header.client_update_type, 'token_about_to_expire');
});

test('a token that is long good is not announced, and a warned client renews in time', async () => {
  const ada = fresh('ada');
  const steady = await airlock.client(ada);
  const brief = airlock.anyClient(airlock.token(ada, { ttl: 60 }));
  let warned = 0;
  steady.on('tokenAboutToExpire', () => { warned += 1; });
  await next(brief, 'tokenAboutToExpire', { ms: 8_000 });
  await brief.updateToken(airlock.token(ada));
  assert.equal(brief.connectionState, 'connected');
  await steady.document(fresh('doc'));
  assert.equal(warned, 0);
});

test('at expiry the socket is closed without a close message, the SDK hears tokenExpired, and updateToken resumes everything', async () => {
  const ada = fresh('ada');
  const writer = await airlock.client(ada);
  const client = airlock.anyClient(airlock.token(ada, { ttl: 3 }));
  await connected(client);
  const document = await subscribed(await client.document({ id: fresh('doc'), data: { n: 0 } }));
  const map = await subscribed(await client.map(fresh('map')));
  const [seen, items] = [watch(document), watch(map)];
  await next(client, 'tokenExpired', { ms: 60_000 }); // the leeway of the clock stands between
  await until(() => client.connectionState === 'denied', 'denied');
  await (await writer.document(document.sid)).set({ n: 1 });
  await (await writer.map(map.sid)).set('k', { v: 1 });
  assert.equal(seen.seen.length, 0, 'nothing is delivered to an expired token');
  await client.updateToken(airlock.token(ada));
  await connected(client);
  await seen.until((it) => it.data?.n === 1, 'what it missed: the document');
  await items.until((it) => it.key === 'k', 'what it missed: the item');
  await (await writer.document(document.sid)).set({ n: 2 });
  await seen.until((it) => it.data?.n === 2, 'what comes now');
});

test('a raw socket is closed at expiry, with no `close` frame, and refused afterwards', async () => {
  const ada = fresh('ada');
  const socket = await airlock.socket(ada, { ttl: 2 });
  const made = await socket.request('POST', path('Documents'), { unique_name: fresh('doc') });
  assert.equal(made.status, 201);
  await within(socket.closed, 'the server closes the socket', 45_000);
  assert.ok(!socket.frames.some((it) => it.header.method === 'close'), 'a close message would leave the SDK hanging');
});

test('a renewed token moves the deadline: the connection outlives the first one', async () => {
  const ada = fresh('ada');
  const socket = await airlock.socket(ada, { ttl: 2 });
  const short = await airlock.socket(ada, { ttl: 2 });
  assert.equal((await socket.update(airlock.token(ada))).status.code, 200);
  await within(short.closed, 'the one without a renewal is closed', 45_000);
  const made = await socket.request('POST', path('Documents'), { unique_name: fresh('doc') });
  assert.equal(made.status, 201);
  assert.equal(pathOf(made.body.url).startsWith('/v3/'), true);
});

test('`airlock token` makes a token that the SDK connects with, claims included', async () => {
  const [number, ada] = [fresh('room'), fresh('ada')];
  const env = { AIRLOCK_ACCOUNT_SID: airlock.account.sid, AIRLOCK_AUTH_TOKEN: airlock.account.token, AIRLOCK_API_KEYS: `${airlock.account.key}:${airlock.account.secret}` };
  const made = await run(['token', '--identity', ada, '--service', airlock.service, '--ttl', '1h', '--claims', '{"name":"Ada"}'], env);
  assert.equal(made.code, 0, made.stderr);
  const jwt = made.stdout.trim();
  const [header, payload] = jwt.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  assert.deepEqual([header.alg, header.cty], ['HS256', 'twilio-fpa;v=1']);
  assert.deepEqual(payload.grants, { identity: ada, data_sync: { service_sid: airlock.service }, airlock: { name: 'Ada' } });
  assert.deepEqual([payload.iss, payload.sub], [airlock.account.key, airlock.account.sid]);
  const client = airlock.anyClient(jwt);
  await connected(client);
  await (await client.document(`cursors/${number}/${ada}`)).set({ x: 1, y: 1 });
  assert.equal((await airlock.entries(`rooms/${number}/cursors`))[ada].name, 'Ada');
});

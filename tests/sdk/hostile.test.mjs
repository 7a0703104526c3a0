// The hostile client: each attempt is refused with the right status and code, changes nothing, and nobody notices.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Airlock, connected, fresh, ownCode, path, pathOf, refused, subscribed, tail } from './support.mjs';
import { encode } from './socket.mjs';
import { seconds, sign, token } from './tokens.mjs';
import { next, until, watch, within } from './waiting.mjs';

let airlock;
before(async () => { airlock = await Airlock.start(); });
after(() => airlock?.stop());

const named = (name) => ({ claims: { name } });

/** An honest player with a published cursor and status, a watcher of both, and the proof that nothing reached them. */
async function honest() {
  const [number, ada, bob] = [fresh('room'), fresh('ada'), fresh('bob')];
  const player = await airlock.client(ada, named('Ada'));
  const watcher = await airlock.client(bob, named('Bob'));
  const cursor = await player.document(`cursors/${number}/${ada}`);
  await cursor.set({ x: 1, y: 1 });
  const status = await player.document(`status/${ada}`);
  await status.set({ text: 'here' });
  const map = await subscribed(await watcher.map(`rooms/${number}/cursors`));
  const shared = await subscribed(await watcher.document(`people/${ada}/status`));
  const [seen, read] = [watch(map), watch(shared)];
  const names = { cursor: `cursors/${number}/${ada}`, status: `status/${ada}`, map: `rooms/${number}/cursors`, shared: `people/${ada}/status` };
  const standing = async () => ({
    cursor: await airlock.document(names.cursor),
    status: await airlock.document(names.status),
    map: await airlock.entries(names.map),
    shared: await airlock.document(names.shared),
  });
  const before = await standing();
  return {
    number, ada, bob, player, watcher, cursor, status, map, shared, names, standing,
    /** Nothing changed; and the next events that the watcher gets are the player's own. */
    async unharmed() {
      assert.deepEqual(await standing(), before, 'what stands is what stood');
      await cursor.set({ x: 900, y: 900 });
      await status.set({ text: 'still here' });
      await seen.until((it) => it.data?.left === 900, 'the mark on the map');
      await read.until((it) => it.data?.status === 'still here', 'the mark on the document');
      assert.equal(seen.seen.length, 1, `only the honest write on the map: ${JSON.stringify(seen.seen)}`);
      assert.equal(read.seen.length, 1, `only the honest write on the document: ${JSON.stringify(read.seen)}`);
      assert.equal(player.connectionState, 'connected');
      assert.equal(watcher.connectionState, 'connected');
    },
  };
}

function forbidden({ status, body }, what) {
  assert.deepEqual([status, body?.code], [403, 54007], `${what}: ${status} ${JSON.stringify(body)}`);
  assert.equal(typeof body.message, 'string', what);
}

// ---- tokens

/** What init answers to a token, over a raw socket. */
async function init(jwt) {
  const socket = await airlock.anySocket();
  const reply = await socket.init(jwt);
  await socket.close();
  return reply.status;
}

const forged = {
  'another secret': { code: 20107, make: (eve) => airlock.token(eve, { secret: 'not the secret of this key, but long enough' }) },
  'the payload changed behind the signature': {
    code: 20107,
    make: (eve) => {
      const [header, payload, signature] = airlock.token(eve).split('.');
      const changed = JSON.parse(Buffer.from(payload, 'base64url'));
      changed.grants.identity = 'somebody-else';
      return [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.');
    },
  },
  'algorithm none, no signature': { make: (eve) => airlock.token(eve, { change: (header) => { header.alg = 'none'; } }) },
  'algorithm None, spelt otherwise': { make: (eve) => airlock.token(eve, { change: (header) => { header.alg = 'nOnE'; } }) },
  'algorithm none with the signature of HS256': {
    make: (eve) => {
      const [, payload, signature] = airlock.token(eve).split('.');
      return [Buffer.from('{"alg":"none","typ":"JWT","cty":"twilio-fpa;v=1"}').toString('base64url'), payload, signature].join('.');
    },
  },
  'algorithm RS256, signed with the secret': {
    make: (eve) => {
      const [, payload, signature] = airlock.token(eve).split('.');
      return [Buffer.from('{"alg":"RS256","typ":"JWT","cty":"twilio-fpa;v=1"}').toString('base64url'), payload, signature].join('.');
    },
  },
  'no signature at all': { make: (eve) => airlock.token(eve).split('.').slice(0, 2).join('.') },
  'an empty signature': { make: (eve) => `${airlock.token(eve).split('.').slice(0, 2).join('.')}.` },
  'a critical header': { make: (eve) => airlock.token(eve, { change: (header) => { header.crit = ['exp']; } }) },
  'the content type of something else': { code: 20102, make: (eve) => airlock.token(eve, { change: (header) => { header.cty = 'something'; } }) },
  'expired': { code: 20104, make: (eve) => airlock.token(eve, { change: (_, payload) => { payload.iat -= 7200; payload.exp = seconds() - 3600; } }) },
  'not yet valid': { code: 20105, make: (eve) => airlock.token(eve, { change: (_, payload) => { payload.nbf = seconds() + 1800; } }) },
  'no expiry': { make: (eve) => airlock.token(eve, { change: (_, payload) => { delete payload.exp; } }) },
  'longer than a day': { code: 20157, make: (eve) => airlock.token(eve, { change: (_, payload) => { payload.exp = payload.iat + 2 * 86_400; } }) },
  'an unknown key': { code: 20103, make: (eve) => airlock.token(eve, { change: (_, payload) => { payload.iss = `SK${'0'.repeat(32)}`; } }) },
  'an array as issuer': { make: (eve) => airlock.token(eve, { change: (_, payload) => { payload.iss = [payload.iss]; } }) },
  'another account': { code: 20103, make: (eve) => airlock.token(eve, { change: (_, payload) => { payload.sub = `AC${'0'.repeat(32)}`; } }) },
  'no identity': { code: 20106, make: (eve) => airlock.token(eve, { change: (_, payload) => { delete payload.grants.identity; } }) },
  'no Sync grant': { code: 20106, make: (eve) => airlock.token(eve, { change: (_, payload) => { delete payload.grants.data_sync; } }) },
  'no grants': { code: 20106, make: (eve) => airlock.token(eve, { change: (_, payload) => { delete payload.grants; } }) },
  'a service that does not exist': { make: (eve) => airlock.token(eve, { service: `IS${'0'.repeat(32)}` }) },
  'no token': { make: () => '' },
  'not a token': { make: () => 'a.b.c' },
  'a token of 9 KB': { make: (eve) => airlock.token(eve, { change: (_, payload) => { payload.pad = 'x'.repeat(6_000); } }) },
};

test('a forged token is denied: 401 UNAUTHORIZED, and 20104 for the expired one alone', async (t) => {
  for (const [what, { code, make }] of Object.entries(forged)) {
    await t.test(what, async () => {
      const status = await init(make(fresh('eve')));
      assert.equal(status.code, 401, JSON.stringify(status));
      assert.equal(status.status, 'UNAUTHORIZED');
      assert.equal(typeof status.errorCode, 'number', 'the SDK compares numbers');
      if (code) assert.equal(status.errorCode, code, JSON.stringify(status));
      else assert.notEqual(status.errorCode, 20104, 'only an expired token may say so');
    });
  }
});

test('the SDK ends in `denied` with a forged token, and does not come back', async () => {
  const client = airlock.anyClient(forged['another secret'].make(fresh('eve')));
  let expired = false;
  client.on('tokenExpired', () => { expired = true; });
  const error = await next(client, 'connectionError');
  assert.deepEqual([error.terminal, error.httpStatusCode, error.errorCode], [true, 401, 20107]);
  await until(() => client.connectionState === 'denied', 'denied');
  await refused(client.document('anything'), 'a request of a denied client');
  assert.equal(expired, false);
});

test('the SDK hears tokenExpired for an expired token, and a good one brings it in', async () => {
  const eve = fresh('eve');
  const client = airlock.anyClient(forged.expired.make(eve));
  await next(client, 'tokenExpired');
  await until(() => client.connectionState === 'denied', 'denied');
  await client.updateToken(airlock.token(eve));
  await connected(client);
});

test('HS384 and HS512 are as good as HS256, and a token signed for the wrong length is not', async () => {
  for (const alg of ['HS384', 'HS512']) {
    const socket = await airlock.socket(fresh('ada'), { change: (header) => { header.alg = alg; } });
    await socket.close();
    const [, payload, signature] = airlock.token(fresh('eve')).split('.');
    const header = Buffer.from(JSON.stringify({ alg, typ: 'JWT', cty: 'twilio-fpa;v=1' })).toString('base64url');
    assert.equal((await init([header, payload, signature].join('.'))).code, 401, `HS256 signature under ${alg}`);
  }
});

test('a token of another service opens nothing of this one', async () => {
  const other = (await airlock.backend('POST', '/v1/Services', { FriendlyName: 'other', AclEnabled: 'true' })).body.sid;
  const eye = await honest();
  const socket = await airlock.socket(eye.ada, { service: other, ...named('Ada') });
  const own = await airlock.socket(eye.ada, named('Ada'));
  const mine = (await own.request('GET', path('Documents', eye.names.cursor))).body;
  const byName = await socket.request('GET', path('Documents', eye.names.cursor));
  assert.equal(byName.status, 404, 'in its own service the same name is free');
  for (const [what, answer] of [
    ['a read by the foreign url', await socket.request('GET', pathOf(mine.url))],
    ['a write by the foreign url', await socket.request('POST', pathOf(mine.url), { data: { x: 6, y: 6 } })],
    ['a removal by the foreign url', await socket.request('DELETE', pathOf(mine.url))],
  ]) {
    assert.equal(answer.status, 403, `${what}: ${answer.status} ${answer.text}`);
    assert.ok([54007, 54056].includes(answer.body.code), `${what}: ${answer.text}`);
  }
  const subscription = await socket.subscribe(mine.sid, 'document', 0);
  assert.equal(subscription.kind, 'subscription_failed', 'SIDs of one service mean nothing in another');
  await eye.unharmed();
});

test('nothing is answered before a successful init', async () => {
  const eye = await honest();
  const socket = await airlock.anySocket();
  const id = socket.start('POST', path('Documents'), { unique_name: eye.names.cursor, data: { x: 5, y: 5 } });
  const early = await Promise.race([socket.closed.then(() => null), within(socket.reply(id), 'an answer', 1_500).catch(() => null)]);
  if (early) assert.ok(early.header.status.code < 200 || 300 <= early.header.status.code, `refused: ${JSON.stringify(early.header)}`);
  const denied = await airlock.anySocket();
  assert.equal((await denied.init('a.b.c')).status.code, 401);
  if (!denied.gone) {
    const late = denied.start('GET', path('Documents', eye.names.cursor));
    const answer = await Promise.race([denied.closed.then(() => null), within(denied.reply(late), 'an answer', 1_500).catch(() => null)]);
    if (answer) assert.ok(answer.header.status.code < 200 || 300 <= answer.header.status.code);
  }
  await eye.unharmed();
});

// ---- other people's private objects

test('a foreign private object is closed: read, write, remove, TTL, subscribe, by name and by SID (403/54007)', async () => {
  const eye = await honest();
  const owner = await airlock.socket(eye.ada, named('Ada'));
  const socket = await airlock.socket(fresh('eve'), named('Eve'));
  for (const name of [eye.names.cursor, eye.names.status]) {
    const own = (await owner.request('GET', path('Documents', name))).body;
    const byUrl = pathOf(own.url);
    forbidden(await socket.request('GET', path('Documents', name)), `GET ${name}`);
    forbidden(await socket.request('GET', path('Documents', own.sid)), `GET by SID ${name}`);
    forbidden(await socket.request('GET', byUrl), `GET by url ${name}`);
    forbidden(await socket.request('POST', byUrl, { data: { x: 2, y: 2 } }), `set ${name}`);
    forbidden(await socket.request('POST', byUrl, { data: {} }), `withdraw ${name}`);
    forbidden(await socket.request('POST', byUrl, { data: { x: 2, y: 2 } }, { match: own.revision }), `set with If-Match ${name}`);
    forbidden(await socket.request('POST', byUrl, { data: { x: 2, y: 2 } }, { match: 'ffff' }), `a wrong If-Match is not told (never 412) ${name}`);
    forbidden(await socket.request('POST', byUrl, { ttl: 1 }), `ttl ${name}`);
    forbidden(await socket.request('DELETE', byUrl), `remove ${name}`);
    forbidden(await socket.request('POST', path('Documents'), { unique_name: name, data: {} }), `create ${name} (never 409)`);
    const { kind, answer } = await socket.subscribe(own.sid, 'document', 0);
    assert.deepEqual([kind, answer.error.status, answer.error.code], ['subscription_failed', 403, 54007]);
  }
  assert.deepEqual(socket.notifications('document_updated'), []);
  await eye.unharmed();
});

test('the SDK gets 403 from a foreign private document, at once and without a loop (never 404 with 409)', async () => {
  const eye = await honest();
  const client = await airlock.client(fresh('eve'), named('Eve'));
  for (const mode of ['open_or_create', 'open_existing', 'create_new']) {
    const error = await refused(client.document({ id: eye.names.cursor, mode }), mode);
    assert.deepEqual([error.status, error.code], [403, 54007], `${mode}: ${error.message}`);
  }
  const nobody = await refused(client.document(`cursors/${eye.number}/${fresh('nobody')}`), 'a private document that does not exist');
  assert.deepEqual([nobody.status, nobody.code], [403, 54007]);
  await eye.unharmed();
});

test('a foreign private object answers byte for byte the same whether it exists or not (invariant 11)', async () => {
  const [number, ada] = [fresh('room'), fresh('ada')];
  const name = `cursors/${number}/${ada}`;
  const socket = await airlock.socket(fresh('eve'), named('Eve'));
  // The id of a decision differs by nature; its place and length may not.
  const plain = ({ status, text, header }) => ({
    status,
    reason: header.http_status,
    text: text.replace(/decision=[^\s\]"]+/g, (it) => `decision=${'·'.repeat(it.length)}`).replace(/"decision":"[^"]+"/g, (it) => '·'.repeat(it.length)),
  });
  const attempts = async () => {
    const answers = {};
    answers.read = plain(await socket.request('GET', path('Documents', name)));
    answers.create = plain(await socket.request('POST', path('Documents'), { unique_name: name, data: { x: 1, y: 1 } }));
    answers.bad = plain(await socket.request('POST', path('Documents'), { unique_name: name, data: { x: 'broken' } }));
    answers.map = plain(await socket.request('GET', path('Maps', `pins/${ada}`)));
    answers.items = plain(await socket.request('GET', path('Maps', `pins/${ada}`, 'Items'), undefined, { params: { Key: 'home' } }));
    answers.item = plain(await socket.request('PUT', path('Maps', `pins/${ada}`, 'Items', 'home'), { data: { title: 'x' } }));
    return answers;
  };
  const absent = await attempts();
  const owner = await airlock.socket(ada, named('Ada'));
  assert.equal((await owner.request('POST', path('Documents'), { unique_name: name, data: { x: 1, y: 1 } })).status, 201);
  const pins = (await owner.request('POST', path('Maps'), { unique_name: `pins/${ada}` })).body;
  assert.equal((await owner.request('PUT', `${pathOf(pins.links.items)}/home`, { data: { title: 'mine' } })).status, 201);
  assert.deepEqual(await attempts(), absent);
  for (const [what, answer] of Object.entries(absent)) {
    assert.equal(answer.status, 403, `${what}: ${answer.text}`);
    assert.equal(JSON.parse(answer.text).code, 54007, what);
  }
});

test('a plain object of another identity is closed, and its taken name says 403, not 404 (ACL)', async () => {
  const ada = await airlock.client(fresh('ada'));
  const [document, map] = [fresh('mine'), fresh('mine')];
  const own = await ada.document({ id: document, data: { secret: 1 } });
  const things = await ada.map(map);
  await things.set('k', { v: 1 });
  const socket = await airlock.socket(fresh('eve'));
  forbidden(await socket.request('GET', path('Documents', document)), 'read');
  forbidden(await socket.request('POST', pathOf(own.uri), { data: { secret: 2 } }), 'write');
  forbidden(await socket.request('DELETE', pathOf(own.uri)), 'remove');
  forbidden(await socket.request('GET', path('Maps', map), undefined, { params: { Include: 'items' } }), 'read the map');
  forbidden(await socket.request('GET', pathOf(things.links.items), undefined, { params: { HideExpired: 'true', Key: 'k' } }), 'read an item');
  forbidden(await socket.request('GET', pathOf(things.links.items), undefined, { params: { HideExpired: 'true', Key: 'none' } }), 'a missing item is not told from a present one');
  forbidden(await socket.request('PUT', `${pathOf(things.links.items)}/k`, { data: { v: 2 } }), 'set an item');
  forbidden(await socket.request('PUT', `${pathOf(things.links.items)}/new`, { data: { v: 2 } }, { match: '-1' }), 'add an item');
  forbidden(await socket.request('DELETE', `${pathOf(things.links.items)}/k`), 'remove an item');
  forbidden(await socket.request('DELETE', pathOf(things.uri)), 'remove the map');
  for (const [sid, type] of [[own.sid, 'document'], [things.sid, 'map']]) {
    const { kind, answer } = await socket.subscribe(sid, type, 0);
    assert.deepEqual([kind, answer.error.status, answer.error.code], ['subscription_failed', 403, 54007]);
  }
  const rest = await airlock.backend('POST', airlock.at('Documents'), { UniqueName: fresh('rest'), Data: '{"n":1}' });
  forbidden(await socket.request('GET', path('Documents', rest.body.unique_name)), 'what a backend made is nobody\'s');
  assert.deepEqual(await airlock.document(document), { secret: 1 });
  assert.deepEqual(await airlock.entries(map), { k: { v: 1 } });
});

// ---- shared objects

test('no client writes a shared object: document set, map set, item set, item remove, object remove, TTL', async () => {
  const eye = await honest();
  for (const identity of [fresh('eve'), eye.ada]) { // the author of an entry has no more right to it than a stranger
    const socket = await airlock.socket(identity, named('Eve'));
    const map = (await socket.request('GET', path('Maps', eye.names.map))).body;
    const shared = (await socket.request('GET', path('Documents', eye.names.shared))).body;
    const entry = (await socket.request('GET', pathOf(map.links.items), undefined, { params: { HideExpired: 'true', Key: eye.ada } })).body.items[0];
    const items = pathOf(map.links.items);
    const lie = { data: { left: 666, top: 666, name: 'Eve', at: '2026-01-01T00:00:00Z' } };
    forbidden(await socket.request('POST', pathOf(shared.url), { data: { status: 'owned' } }), 'document set');
    forbidden(await socket.request('POST', pathOf(shared.url), { data: { status: 'owned' } }, { match: shared.revision }), 'document mutate');
    forbidden(await socket.request('POST', pathOf(shared.url), { data: { status: 'owned' } }, { match: 'ffff' }), 'document mutate with a wrong revision (never 412)');
    forbidden(await socket.request('POST', pathOf(shared.url), { data: {} }), 'document empty');
    forbidden(await socket.request('POST', pathOf(shared.url), { ttl: 1 }), 'document TTL');
    forbidden(await socket.request('DELETE', pathOf(shared.url)), 'document remove');
    forbidden(await socket.request('PUT', `${items}/${encodeURIComponent(identity)}`, lie), 'map set, own key');
    forbidden(await socket.request('PUT', `${items}/${encodeURIComponent(fresh('new'))}`, lie, { match: '-1' }), 'map put if absent');
    forbidden(await socket.request('PUT', pathOf(entry.url), lie), 'map set, a standing key');
    forbidden(await socket.request('PUT', pathOf(entry.url), lie, { match: entry.revision }), 'map mutate');
    forbidden(await socket.request('PUT', pathOf(entry.url), lie, { match: 'ffff' }), 'map mutate with a wrong revision (never 412)');
    forbidden(await socket.request('POST', pathOf(entry.url), { ttl: 1 }), 'item TTL');
    forbidden(await socket.request('DELETE', pathOf(entry.url)), 'item remove');
    forbidden(await socket.request('DELETE', `${items}/none`), 'item remove, a missing key (never 404)');
    forbidden(await socket.request('POST', pathOf(map.url), { ttl: 1 }), 'map TTL');
    forbidden(await socket.request('DELETE', pathOf(map.url)), 'map remove');
    await socket.close();
  }
  await eye.unharmed();
});

test('the SDK is refused on a shared object with 403, and the object stays open and alive for it', async () => {
  const eye = await honest();
  const client = await airlock.client(fresh('eve'), named('Eve'));
  const map = await client.map(eye.names.map);
  const shared = await client.document(eye.names.shared);
  const seen = watch(shared);
  for (const [what, attempt] of [
    ['map.set', () => map.set('eve', { left: 1 })],
    ['map.mutate', () => map.mutate(eye.ada, (data) => ({ ...data, left: 2 }))],
    ['map.remove', () => map.remove(eye.ada)],
    ['map.setTtl', () => map.setTtl(1)],
    ['map.setItemTtl', () => map.setItemTtl(eye.ada, 1)],
    ['map.removeMap', () => map.removeMap()],
    ['document.set', () => shared.set({ status: 'owned' })],
    ['document.update', () => shared.update({ status: 'owned' })],
    ['document.setTtl', () => shared.setTtl(1)],
    ['document.removeDocument', () => shared.removeDocument()],
  ]) {
    const error = await refused(attempt(), what);
    assert.deepEqual([error.status, error.code], [403, 54007], `${what}: ${error.message}`);
  }
  assert.ok(!seen.seen.some((it) => it.name === 'removed'), 'a refusal is not taken for a removal');
  await eye.unharmed();
  await seen.until((it) => it.data?.status === 'still here', 'it goes on watching');
});

test('no client creates anything under a governed name, in any kind (decision 16)', async () => {
  const eye = await honest();
  const eve = fresh('eve');
  const socket = await airlock.socket(eve, named('Eve'));
  const privates = [eye.names.cursor, eye.names.status, `pins/${eye.ada}`, `drafts/${eye.ada}`, `sealed/${eye.ada}`];
  const shareds = [eye.names.map, eye.names.shared, `rooms/${fresh('room')}/cursors`, `people/${eve}/status`, 'directory/status', 'walls/pins', `vault/${eve}/sealed`, `press/${eve}/draft`];
  for (const name of [...privates, ...shareds]) {
    for (const [kind, body] of [['Documents', { data: { x: 1, y: 1 } }], ['Maps', {}], ['Lists', {}], ['Streams', {}]]) {
      const answer = await socket.request('POST', path(kind), { unique_name: name, ...body });
      if (['Lists', 'Streams'].includes(kind) && answer.status === 501) continue; // not built yet, so not created either
      forbidden(answer, `POST ${kind} ${name}`);
    }
  }
  // Its own private name, in another kind than the policy's.
  forbidden(await socket.request('POST', path('Maps'), { unique_name: `cursors/${eye.number}/${eve}` }), 'a map under an own document name');
  forbidden(await socket.request('POST', path('Documents'), { unique_name: `pins/${eve}`, data: {} }), 'a document under an own map name');
  for (const name of [eye.names.cursor, eye.names.map, eye.names.shared]) {
    for (const kind of ['Maps', 'Lists', 'Streams']) {
      if (name === eye.names.map && kind === 'Maps') continue;
      assert.equal((await airlock.backend('GET', airlock.at(kind, name))).status === 200, false, `${kind} ${name} does not stand`);
    }
  }
  await eye.unharmed();
});

test('a policy that is off refuses writes and keeps its names closed', async () => {
  const eve = fresh('eve');
  const socket = await airlock.socket(eve);
  forbidden(await socket.request('POST', path('Documents'), { unique_name: `drafts/${eve}`, data: { n: 1 } }), 'the private name');
  forbidden(await socket.request('POST', path('Documents'), { unique_name: `press/${eve}/draft`, data: { n: 1 } }), 'the shared name');
  assert.equal(await airlock.document(`drafts/${eve}`), null);
});

test('`read = "permission"` hides the shared object from everybody without one, its author included', async () => {
  const ada = fresh('ada');
  const socket = await airlock.socket(ada);
  assert.equal((await socket.request('POST', path('Documents'), { unique_name: `sealed/${ada}`, data: { n: 1 } })).status, 201);
  assert.deepEqual(await airlock.document(`vault/${ada}/sealed`), { n: 1 }, 'it is published');
  const sid = (await airlock.backend('GET', airlock.at('Documents', `vault/${ada}/sealed`))).body.sid;
  for (const identity of [ada, fresh('eve')]) {
    const reader = await airlock.socket(identity);
    forbidden(await reader.request('GET', path('Documents', `vault/${ada}/sealed`)), 'by name');
    forbidden(await reader.request('GET', path('Documents', sid)), 'by SID');
    forbidden(await reader.request('GET', path('Documents', `vault/${fresh('nobody')}/sealed`)), 'one that does not stand');
    const { kind, answer } = await reader.subscribe(sid, 'document', 0);
    assert.deepEqual([kind, answer.error.status, answer.error.code], ['subscription_failed', 403, 54007]);
    assert.deepEqual(reader.notifications('document_updated'), []);
  }
});

// ---- what is said

test('data that breaks the schema is refused: 400, an own code, and the pointer of the first violation', async (t) => {
  const eye = await honest();
  const eve = fresh('eve');
  const socket = await airlock.socket(eve, named('Eve'));
  const name = `cursors/${eye.number}/${eve}`;
  const made = (await socket.request('POST', path('Documents'), { unique_name: name, data: {} })).body;
  const cases = {
    'a number too great': [{ x: 1001, y: 1 }, '/x'],
    'a number too small': [{ x: 1, y: -0.5 }, '/y'],
    'a string for a number': [{ x: '1', y: 1 }, '/x'],
    'null for a number': [{ x: null, y: 1 }, '/x'],
    'a missing property': [{ x: 1 }, ''],
    'a property too many': [{ x: 1, y: 1, z: 1 }, undefined],
  };
  for (const [what, [data, at]] of Object.entries(cases)) {
    await t.test(what, async () => {
      const { status, body } = await socket.request('POST', pathOf(made.url), { data });
      assert.equal(status, 400, JSON.stringify(body));
      assert.ok(ownCode(body.code), `an own code: ${body.code}`);
      const told = tail(body.message);
      assert.ok(told, `the fixed tail: ${body.message}`);
      assert.deepEqual([told.policy, told.rule], ['cursors', 'schema']);
      if (at !== undefined) assert.equal(told.at ?? '', at, body.message);
      assert.ok(told.decision, 'full detail names the decision');
      assert.equal(told.retry_ms, undefined, 'coming back does not help');
    });
  }
  assert.deepEqual(await airlock.document(name), {});
  const created = await socket.request('POST', path('Documents'), { unique_name: `cursors/${fresh('room')}/${eve}`, data: { x: 'no' } });
  assert.equal(created.status, 400, 'creating with bad data is refused too');
  await eye.unharmed();
});

test('the SDK rejects with status, code and the tail, and keeps the data it had', async () => {
  const [number, eve] = [fresh('room'), fresh('eve')];
  const client = await airlock.client(eve, named('Eve'));
  const cursor = await client.document(`cursors/${number}/${eve}`);
  await cursor.set({ x: 1, y: 1 });
  const error = await refused(cursor.set({ x: 5_000, y: 1 }), 'out of bounds');
  assert.equal(error.status, 400);
  assert.ok(ownCode(error.code));
  assert.deepEqual([tail(error.message).policy, tail(error.message).rule, tail(error.message).at], ['cursors', 'schema', '/x'], error.message);
  assert.deepEqual(cursor.data, { x: 1, y: 1 });
  const mutated = await refused(cursor.mutate((data) => ({ ...data, y: 'no' })), 'a mutation that breaks the schema');
  assert.equal(mutated.status, 400);
  await cursor.set({ x: 2, y: 2 });
  assert.deepEqual(await airlock.document(`cursors/${number}/${eve}`), { x: 2, y: 2 });
});

test('the tail is cut by `detail`: all of it, the place, or nothing but the code (decision 23)', async () => {
  const eve = fresh('eve');
  const socket = await airlock.socket(eve, named('Eve'));
  const attempt = async (name, data) => (await socket.request('POST', path('Documents'), { unique_name: name, data })).body;
  const full = await attempt(`cursors/${fresh('room')}/${eve}`, { x: 'no', y: 1 });
  assert.deepEqual(Object.keys(tail(full.message)), ['policy', 'rule', 'at', 'decision'], full.message);
  assert.ok(Buffer.byteLength(full.message) <= 512);
  const pointer = await attempt(`status/${eve}`, { text: 'x', mood: 'merry' });
  assert.ok(ownCode(pointer.code));
  assert.equal(tail(pointer.message)?.at, '/mood', pointer.message);
  assert.ok(!pointer.message.includes('merry'), 'the offending value is not repeated');
  const code = await attempt(`terse/${eve}`, { n: 'no' });
  assert.equal(code.status ?? 400, 400);
  assert.ok(ownCode(code.code));
  for (const word of ['policy=', 'rule=', 'at=', 'decision=']) assert.ok(!code.message.includes(word), `${word} in: ${code.message}`);
  const details = JSON.stringify(code.details ?? {});
  for (const word of ['policy', 'rule', 'pointer', 'violations', 'decision']) assert.ok(!details.includes(word), `${word} in: ${details}`);
});

test('a rewrite that lacks a claim is refused and names the place, not half done (claims have no schema)', async () => {
  const [number, eve] = [fresh('room'), fresh('eve')];
  const socket = await airlock.socket(eve); // no claims at all
  const answer = await socket.request('POST', path('Documents'), { unique_name: `cursors/${number}/${eve}`, data: { x: 1, y: 1 } });
  assert.equal(answer.status, 400, answer.text);
  assert.ok(ownCode(answer.body.code));
  assert.equal(tail(answer.body.message).rule, 'rewrite', answer.body.message);
  assert.equal(await airlock.document(`cursors/${number}/${eve}`), null, 'the private side is not written either');
  assert.deepEqual(await airlock.entries(`rooms/${number}/cursors`), {});
});

test('a result that breaks the contract of the shared side is refused (schema of the shared side)', async () => {
  const [number, eve] = [fresh('room'), fresh('eve')];
  for (const name of ['', 'x'.repeat(41), 7]) {
    const socket = await airlock.socket(eve, { claims: { name } });
    const answer = await socket.request('POST', path('Documents'), { unique_name: `cursors/${number}/${eve}`, data: { x: 1, y: 1 } });
    assert.equal(answer.status, 400, `${JSON.stringify(name)}: ${answer.text}`);
    assert.equal(tail(answer.body.message).rule, 'shared-schema', answer.body.message);
    await socket.close();
  }
  assert.deepEqual(await airlock.entries(`rooms/${number}/cursors`), {});
});

test('values that JSON allows and Airlock does not: 400, and nothing is written', async (t) => {
  const eve = fresh('eve');
  const socket = await airlock.socket(eve, named('Eve'));
  const made = (await socket.request('POST', path('Documents'), { unique_name: fresh('plain'), data: { n: 1 } })).body;
  const cases = {
    'not JSON': ['{"data":', 54008],
    'an array': ['{"data":[1]}', [54008, 54101]],
    'a string': ['{"data":"x"}', [54008, 54101]],
    'a number': ['{"data":1}', [54008, 54101]],
    'null': ['{"data":null}', 54101],
    'nothing to do': ['{}', 54010],
    'a key twice': ['{"data":{"a":1,"a":2}}'],
    '__proto__': ['{"data":{"__proto__":{"a":1}}}'],
    'too deep': [`{"data":{"a":${'['.repeat(40)}${']'.repeat(40)}}}`],
    'too many nodes': [`{"data":{"a":[${Array(2_100).fill(0)}]}}`],
    'a negative TTL': ['{"ttl":-1}', 54011],
    'a TTL of two years': ['{"ttl":63072000}', 54011],
    'a TTL of text': ['{"ttl":"soon"}', 54011],
    'invalid UTF-8': [Buffer.from([...Buffer.from('{"data":{"a":"'), 0xff, 0xfe, ...Buffer.from('"}}')])],
  };
  for (const [what, [payload, code]] of Object.entries(cases)) {
    await t.test(what, async () => {
      const id = `TM${what}`;
      socket.send({
        id, method: 'message', active_grant: 'data_sync', payload_type: 'application/json',
        http_request: { host: 'x', path: pathOf(made.url), method: 'POST', params: {}, headers: {} },
      }, payload);
      const answer = await socket.finish(id);
      assert.equal(answer.status, 400, answer.text);
      if (code) assert.ok([code].flat().includes(answer.body.code), answer.text);
    });
  }
  assert.deepEqual(await airlock.document(made.unique_name), { n: 1 });
});

test('bad names are refused: 400/54302', async () => {
  const socket = await airlock.socket(fresh('eve'));
  for (const name of ['', 'x'.repeat(321), `ET${'a'.repeat(32)}`]) {
    const answer = await socket.request('POST', path('Documents'), { unique_name: name, data: {} });
    assert.deepEqual([answer.status, answer.body.code], [400, 54302], `${name.slice(0, 40)}: ${answer.text}`);
  }
  assert.equal((await socket.request('POST', path('Documents'), { unique_name: fresh('x').padEnd(320, 'x'), data: {} })).status, 201, '320 is the last that fits');
});

test('oversized data is refused with 413/54006, at the policy\'s bound and at the system\'s', async () => {
  const eye = await honest();
  const eve = fresh('eve');
  const socket = await airlock.socket(eve, named('Eve'));
  const sized = (bytes) => {
    const bare = Buffer.byteLength(JSON.stringify({ x: 1, y: 1, note: '' }));
    return { x: 1, y: 1, note: 'é'.repeat(Math.floor((bytes - bare) / 2)) + 'e'.repeat((bytes - bare) % 2) };
  };
  const name = `cursors/${eye.number}/${eve}`;
  assert.equal(Buffer.byteLength(JSON.stringify(sized(512))), 512);
  const over = await socket.request('POST', path('Documents'), { unique_name: name, data: sized(513) });
  assert.deepEqual([over.status, over.body.code], [413, 54006], over.text);
  assert.deepEqual([tail(over.body.message).policy, tail(over.body.message).rule], ['cursors', 'size'], over.body.message);
  assert.equal(await airlock.document(name), null);
  assert.deepEqual(await airlock.entries(eye.names.map).then(Object.keys), [eye.ada]);
  assert.equal((await socket.request('POST', path('Documents'), { unique_name: `cursors/${fresh('room')}/${eve}`, data: sized(512) })).status, 201, '512 bytes are the last that fit');

  const plain = (bytes) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) });
  const large = await socket.request('POST', path('Documents'), { unique_name: fresh('large'), data: plain(16_385) });
  assert.deepEqual([large.status, large.body.code], [413, 54006], large.text);
  assert.equal((await socket.request('POST', path('Documents'), { unique_name: fresh('large'), data: plain(16_384) })).status, 201, '16,384 bytes are the last that fit');
  await eye.unharmed();
});

test('a frame beyond all bounds ends its own connection and no other', async () => {
  const eye = await honest();
  for (const bytes of [200_000, 2_000_000]) {
    const socket = await airlock.socket(fresh('eve'), named('Eve'));
    socket.sendRaw(encode({ id: 'TMhuge', method: 'message', active_grant: 'data_sync', payload_type: 'application/json', http_request: { host: 'x', path: '/v3/Documents', method: 'POST', params: {}, headers: {} } }, JSON.stringify({ data: { a: 'x'.repeat(bytes) } })));
    const answer = await Promise.race([socket.closed.then(() => null), socket.reply('TMhuge').catch(() => null)]);
    if (answer) assert.equal(answer.header.http_status?.code, 413, JSON.stringify(answer.header));
  }
  assert.ok(await airlock.healthy());
  await eye.unharmed();
});

// ---- how often

test('a hundred times the rate: the burst and the rate pass, all else is 429/54009 with the time to come back', async () => {
  const eye = await honest();
  const eve = fresh('eve');
  const socket = await airlock.socket(eve, named('Eve'));
  const made = (await socket.request('POST', path('Documents'), { unique_name: `cursors/${eye.number}/${eve}`, data: {} })).body;
  const began = Date.now();
  const statuses = { 200: 0, 429: 0 };
  let refusal;
  for (let wave = 0; wave < 40; wave += 1) {
    const ids = Array.from({ length: 50 }, (_, n) => socket.start('POST', pathOf(made.url), { data: { x: wave, y: n } }));
    for (const answer of await Promise.all(ids.map((id) => socket.finish(id)))) {
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      if (answer.status === 429) refusal = answer;
    }
  }
  const took = (Date.now() - began) / 1_000;
  assert.deepEqual(Object.keys(statuses), ['200', '429'], JSON.stringify(statuses));
  assert.equal(statuses[200] + statuses[429], 2_000);
  assert.ok(statuses[200] <= 40 + 20 * took + 2, `${statuses[200]} admitted in ${took} s`);
  assert.ok(39 <= statuses[200] + 1, `the burst is granted: ${statuses[200]}`);
  assert.equal(refusal.body.code, 54009);
  const told = tail(refusal.body.message);
  assert.deepEqual([told.policy, told.rule], ['cursors', 'limit'], refusal.body.message);
  assert.match(told.retry_ms, /^[1-9]\d*$/);
  assert.ok(Number(told.retry_ms) <= 3_000, `at 20/s it is never long: ${told.retry_ms}`);
  // The cure works: the promised time later it goes through.
  await new Promise((resolve) => setTimeout(resolve, Number(told.retry_ms) + 20));
  assert.equal((await socket.request('POST', pathOf(made.url), { data: { x: 1, y: 1 } })).status, 200, 'after retry_ms it is admitted');
  assert.equal((await airlock.backend('POST', airlock.at('Documents', made.sid), { Data: '{}' })).status, 200); // off the map again
  const map = await airlock.entries(eye.names.map);
  assert.deepEqual(Object.keys(map), [eye.ada]);
  await eye.cursor.set({ x: 900, y: 900 }); // the honest player of the same room is not limited with her
});

test('refused attempts spend the caller\'s own limit, whatever they are refused for (decision 24)', async () => {
  const eve = fresh('eve');
  const socket = await airlock.socket(eve, named('Eve'));
  const ids = Array.from({ length: 60 }, () => socket.start('POST', path('Documents'), { unique_name: `cursors/x/${eve}`, data: { x: 'bad' } }));
  const statuses = (await Promise.all(ids.map((id) => socket.finish(id)))).map((it) => it.status);
  assert.ok(statuses.includes(400) && statuses.includes(429), JSON.stringify(statuses));
  assert.ok(statuses.filter((it) => it === 400).length <= 45);
  assert.equal(statuses.indexOf(429) < 45, true, 'the limit stands before the schema');
});

test('a limit belongs to its identity: another connection does not renew it, another identity is not hit', async () => {
  const eve = fresh('eve');
  const sockets = [await airlock.socket(eve, named('Eve')), await airlock.socket(eve, named('Eve'))];
  const flood = (socket, n) => Promise.all(Array.from({ length: n }, () => socket.request('POST', path('Documents'), { unique_name: `terse/${eve}`, data: { n: 'x' } })));
  const first = await flood(sockets[0], 3);
  assert.deepEqual(first.map((it) => it.status), [400, 400, 400]);
  const second = await flood(sockets[1], 2);
  assert.deepEqual(second.map((it) => [it.status, it.body.code]), [[429, 54009], [429, 54009]]);
  const told = second[0].body.message;
  assert.match(told, /retry_ms=\d+/, 'even `code` tells when to come back');
  assert.ok(!/policy=|rule=|at=|decision=/.test(told), told);
  const ada = fresh('ada');
  const other = await airlock.socket(ada);
  assert.equal((await other.request('POST', path('Documents'), { unique_name: `terse/${ada}`, data: { n: 1 } })).status, 201);
});

test('a shared limit is charged on admission only, so nobody locks the others out (decision 24)', async () => {
  const number = fresh('room');
  const eve = fresh('eve');
  const socket = await airlock.socket(eve);
  const ids = Array.from({ length: 20 }, () => socket.start('POST', path('Documents'), { unique_name: `seats/${number}/${eve}`, data: { seat: 'none' } }));
  for (const id of ids) assert.equal((await socket.finish(id)).status, 400);
  for (let n = 1; n <= 5; n += 1) {
    const ada = fresh('ada');
    const seat = await (await airlock.socket(ada)).request('POST', path('Documents'), { unique_name: `seats/${number}/${ada}`, data: { seat: n } });
    assert.equal(seat.status, 201, `seat ${n}: ${seat.text}`);
  }
  const late = fresh('late');
  const full = await (await airlock.socket(late)).request('POST', path('Documents'), { unique_name: `seats/${number}/${late}`, data: { seat: 6 } });
  assert.deepEqual([full.status, full.body.code], [429, 54009], full.text);
  assert.ok(0 < Number(tail(full.body.message).retry_ms));
  assert.equal(Object.keys(await airlock.entries(`rooms/${number}/seats`)).length, 5);
  const elsewhere = await (await airlock.socket(late)).request('POST', path('Documents'), { unique_name: `seats/${fresh('room')}/${late}`, data: { seat: 1 } });
  assert.equal(elsewhere.status, 201, 'another room has its own');
});

test('an identity has at most `objects_max` private objects of a policy (64 by default)', async () => {
  const eve = fresh('eve');
  const socket = await airlock.socket(eve);
  let stood = 0;
  let last;
  const number = fresh('room');
  for (let n = 0; n < 70; n += 10) { // within 50/s of the policy: empty documents, ten at a time
    const ids = Array.from({ length: 10 }, (_, k) => socket.start('POST', path('Documents'), { unique_name: `seats/${number}-${n + k}/${eve}`, data: {} }));
    for (const answer of await Promise.all(ids.map((id) => socket.finish(id)))) {
      if (answer.status === 201) stood += 1;
      else last = answer;
    }
    if (n === 30) await new Promise((resolve) => setTimeout(resolve, 1_100)); // the rate, which is not under test here
  }
  assert.equal(stood, 64);
  assert.equal(last.status, 429, last.text);
  assert.ok(last.body.code === 54009 || ownCode(last.body.code), last.text);
  assert.equal(tail(last.body.message)?.rule, 'quota', last.body.message);
});

// ---- who

test('an identity with a slash reaches no name of anybody else (403/54007)', async () => {
  const eye = await honest();
  for (const identity of [`${eye.number}/${eye.ada}`, `x/${eye.ada}`, `${eye.ada}/x`, '/', `../${eye.ada}`]) {
    const socket = await airlock.socket(identity, named('Eve'));
    for (const name of [eye.names.cursor, eye.names.status, `pins/${eye.ada}`]) {
      const kind = name.startsWith('pins') ? 'Maps' : 'Documents';
      forbidden(await socket.request('GET', path(kind, name)), `${identity} reads ${name}`);
      forbidden(await socket.request('POST', path(kind), { unique_name: name, data: { x: 1, y: 1 } }), `${identity} makes ${name}`);
    }
    await socket.request('POST', path('Documents'), { unique_name: `cursors/${eye.number}/${identity}`, data: { x: 1, y: 1 } });
    await socket.request('POST', path('Documents'), { unique_name: `status/${identity}`, data: { text: 'x' } });
    await socket.close();
  }
  assert.deepEqual(Object.keys(await airlock.entries(eye.names.map)), [eye.ada], 'nothing was published under such an identity');
  await eye.unharmed();
});

test('an identity is compared, not folded: case, encoding and blanks make it another', async () => {
  const eye = await honest();
  for (const identity of [eye.ada.toUpperCase(), `${eye.ada} `, ` ${eye.ada}`, encodeURIComponent(`${eye.ada}\u200b`), `${eye.ada}\u0000`, '{identity}', '*']) {
    const socket = await airlock.anySocket();
    const reply = await socket.init(airlock.token(identity, named('Eve')));
    if (reply.status.code !== 200) continue; // refused at the door is as good
    forbidden(await socket.request('GET', path('Documents', eye.names.cursor)), JSON.stringify(identity));
    forbidden(await socket.request('POST', path('Documents'), { unique_name: eye.names.cursor, data: { x: 1, y: 1 } }), JSON.stringify(identity));
  }
  await eye.unharmed();
});

test('the path cannot be bent: encoded slashes, dots and other services lead nowhere', async () => {
  const eye = await honest();
  const socket = await airlock.socket(fresh('eve'), named('Eve'));
  const victim = encodeURIComponent(eye.names.cursor);
  for (const bent of [
    `/v3/Documents/../Documents/${victim}`, `/v3/Documents/x/../${victim}`, `/v3//Documents/${victim}`, `/v3/documents/${victim}`,
    `/v3/Services/${airlock.service}/Documents/${victim}`, `/v3/Services/default/Documents/${victim}`,
    `/v3/Services/IS${'0'.repeat(32)}/Documents/${victim}`, `/v3/Documents/${victim}?x=1`, `/v3/Documents/${eye.names.cursor}`,
    `/v3/Documents/${encodeURIComponent(victim)}`, '/v3/Documents/%', '/v3/Documents/%zz', '/v3/Documents/%ff%fe', '', '/', 'x', '/v1/Services', `/v1/Services/${airlock.service}/Documents/${victim}`,
  ]) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const { status, text } = await socket.request(method, bent, method === 'POST' ? { data: { x: 9, y: 9 } } : undefined);
      assert.ok(400 <= status && status < 500, `${method} ${bent}: ${status} ${text}`);
    }
  }
  await eye.unharmed();
});

test('malformed frames get no success, harm nobody, and the server lives on', async (t) => {
  const eye = await honest();
  const body = JSON.stringify({ id: 'TMbad', method: 'message', active_grant: 'data_sync', payload_type: 'application/json', http_request: { host: 'x', path: `/v3/Documents/${encodeURIComponent(eye.names.cursor)}`, method: 'POST', params: {}, headers: {} }, payload_size: 0 });
  const frame = (length, header, rest = '\r\n') => Buffer.from(`TWILSOCK V3.0 ${length}\r\n${header}${rest}`);
  const cases = {
    'empty': Buffer.alloc(0),
    'noise': randomBytes(512),
    'the wrong magic': Buffer.from(`TWILSOCK V2.0 ${body.length}\r\n${body}\r\n`),
    'a length beyond the message': frame(body.length + 10_000, body),
    'a length too short': frame(5, body),
    'a negative length': frame(-1, body),
    'a length that overflows': frame('99999999999999999999999', body),
    'a length that is no number': frame('NaN', body),
    'no header': frame(0, ''),
    'a header that is no JSON': frame(4, '{{{{'),
    'a header that is an array': frame(2, '[]'),
    'a header that is null': frame(4, 'null'),
    'no id': frame(...((it) => [it.length, it])('{"method":"message","payload_size":0}')),
    'an id that is an object': frame(...((it) => [it.length, it])('{"id":{"a":1},"method":"message","payload_size":0}')),
    'no method': frame(...((it) => [it.length, it])('{"id":"TMx","payload_size":0}')),
    'an unknown method': frame(...((it) => [it.length, it])('{"id":"TMx","method":"sudo","payload_size":0}')),
    'no request': frame(...((it) => [it.length, it])('{"id":"TMx","method":"message","active_grant":"data_sync","payload_size":0}')),
    'a request of wrong types': frame(...((it) => [it.length, it])('{"id":"TMx","method":"message","active_grant":"data_sync","http_request":{"host":1,"path":[],"method":{},"params":7,"headers":"x"},"payload_size":0}')),
    'a payload that is not there': frame(...((it) => [it.length, it])(body.replace('"payload_size":0', '"payload_size":9999'))),
    'a negative payload': frame(...((it) => [it.length, it])(body.replace('"payload_size":0', '"payload_size":-5'))),
    'a deep header': frame(...((it) => [it.length, it])(`{"id":"TMx","method":"message","x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`)),
    'invalid UTF-8 in the header': Buffer.concat([Buffer.from('TWILSOCK V3.0 4\r\n'), Buffer.from([0x22, 0xff, 0xfe, 0x22]), Buffer.from('\r\n')]),
    'no CRLF at all': Buffer.from('TWILSOCK V3.0 10'),
  };
  for (const [what, bytes] of Object.entries(cases)) {
    await t.test(what, async () => {
      const socket = await airlock.socket(fresh('eve'), named('Eve'));
      const from = socket.frames.length;
      socket.sendRaw(bytes);
      // Either the socket ends, or it goes on in order: what follows is answered.
      const after = await Promise.race([
        socket.closed.then(() => 'closed'),
        socket.request('GET', path('Documents', fresh('none'))).then((it) => it.status, () => 'closed'),
      ]);
      assert.ok(after === 'closed' || after === 404, `afterwards: ${after}`);
      for (const { header } of socket.frames.slice(from, -1)) {
        const ok = header.method === 'reply' && header.status.code === 200 && (header.http_status?.code ?? 200) < 300;
        assert.ok(!ok || header.id === undefined, `a success for nonsense: ${JSON.stringify(header)}`);
      }
    });
  }
  await t.test('a text message', async () => {
    const socket = await airlock.socket(fresh('eve'), named('Eve'));
    socket.sendRaw(`TWILSOCK V3.0 ${body.length}\r\n${body}\r\n`, { binary: false });
    await Promise.race([socket.closed, socket.request('GET', path('Documents', fresh('none'))).catch(() => {})]);
  });
  assert.ok(await airlock.healthy());
  await eye.unharmed();
});

test('a second init cannot change who speaks', async () => {
  const eye = await honest();
  const socket = await airlock.socket(fresh('eve'), named('Eve'));
  const second = await socket.init(airlock.token(eye.bob)).catch(() => ({ status: { code: 0 } }));
  if (!socket.gone) {
    const own = await socket.request('GET', path('Documents', `status/${eye.bob}`)).catch(() => null);
    if (own) forbidden(own, `after a second init (${second.status.code})`);
  }
  await eye.unharmed();
});

test('the hosts and headers of a tunnelled request give no rights', async () => {
  const eye = await honest();
  const socket = await airlock.socket(fresh('eve'), named('Eve'));
  const basic = `Basic ${Buffer.from(`${airlock.account.sid}:wrong`).toString('base64')}`;
  const id = 'TMheaders';
  socket.send({
    id, method: 'message', active_grant: 'data_sync', payload_type: 'application/json',
    http_request: {
      host: '127.0.0.1', path: path('Documents', eye.names.cursor), method: 'GET', params: {},
      headers: { Authorization: basic, 'X-Forwarded-For': '127.0.0.1', 'X-Identity': eye.ada, 'X-HTTP-Method-Override': 'DELETE', Cookie: `identity=${eye.ada}` },
    },
  });
  forbidden(await socket.finish(id), 'borrowed headers');
  await eye.unharmed();
});

test('the doors over plain HTTP ask the same (Bearer): no token 401, a foreign object 403', async () => {
  const eye = await honest();
  const get = (jwt) => fetch(airlock.url + path('Documents', eye.names.cursor), { headers: jwt ? { Authorization: `Bearer ${jwt}` } : {} });
  assert.equal((await get()).status, 401);
  assert.equal((await get('a.b.c')).status, 401);
  const foreign = await get(airlock.token(fresh('eve')));
  assert.equal(foreign.status, 403);
  assert.equal((await foreign.json()).code, 54007);
  const own = await get(airlock.token(eye.ada));
  assert.equal(own.status, 200);
  const rest = await fetch(airlock.url + airlock.at('Documents', eye.names.cursor), { headers: { Authorization: `Bearer ${airlock.token(eye.ada)}` } });
  assert.equal(rest.status, 401, 'an access token is no credential of a backend');
  await eye.unharmed();
});

test('an access token signed by a stranger\'s key under this account is denied', async () => {
  const stranger = { ...airlock.account, key: `SK${'1'.repeat(32)}`, secret: 'x'.repeat(48) };
  assert.equal((await init(token(stranger, fresh('eve'), { service: airlock.service }))).code, 401);
  const empty = sign({ alg: 'HS256', typ: 'JWT', cty: 'twilio-fpa;v=1' }, {
    jti: 'x', iat: seconds(), exp: seconds() + 60, iss: airlock.account.key, sub: airlock.account.sid,
    grants: { identity: fresh('eve'), data_sync: { service_sid: airlock.service } },
  }, '\0');
  assert.equal((await init(empty)).code, 401);
});

// Everybody who may not: each operation of both planes, asked by those who must be refused, with the refusal it must be.
//
// The operations of the backends' plane are those of docs/openapi.json: one that is missing here fails the test.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Airlock, fresh } from './support.mjs';
import { seconds, token } from './tokens.mjs';

const description = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
const METHODS = ['get', 'post', 'delete', 'put', 'patch', 'head', 'options', 'trace'];

/** Every described operation: its id, method, path, and the status of its success. */
const described = Object.entries(description.paths).flatMap(([path, item]) => Object.entries(item)
  .filter(([method]) => METHODS.includes(method))
  .map(([method, operation]) => ({
    id: operation.operationId,
    method: method.toUpperCase(),
    path,
    success: Number(Object.keys(operation.responses).find((status) => status < 300)),
  })));

let airlock;
let world;
let other; // the same in another service of the account
before(async () => {
  airlock = await Airlock.start();
  world = await furnished(airlock.service);
  other = await furnished((await airlock.backend('POST', '/v1/Services', { FriendlyName: 'elsewhere', AclEnabled: 'true' })).body.sid);
});
after(() => airlock?.stop());

// ---- backends

const GRANT = { Read: 'true', Write: 'false', Manage: 'false' };

/** A form with which each operation succeeds, when the right caller sends it. `fresh` names are made for each call. */
const FORMS = {
  listServices: null,
  createService: () => ({ FriendlyName: 'new' }),
  readService: null,
  changeService: () => ({ FriendlyName: 'changed' }),
  removeService: null,
  listDocuments: null,
  createDocument: () => ({ UniqueName: fresh('document'), Data: '{"n":1}' }),
  readDocument: null,
  changeDocument: () => ({ Data: '{"n":2}' }),
  removeDocument: null,
  listDocumentPermissions: null,
  readDocumentPermission: null,
  setDocumentPermission: () => GRANT,
  removeDocumentPermission: null,
  listLists: null,
  createList: () => ({ UniqueName: fresh('list') }),
  readList: null,
  changeList: () => ({ Ttl: '3600' }),
  removeList: null,
  listListItems: null,
  createListItem: () => ({ Data: '{"n":1}' }),
  readListItem: null,
  changeListItem: () => ({ Data: '{"n":2}' }),
  removeListItem: null,
  listListPermissions: null,
  readListPermission: null,
  setListPermission: () => GRANT,
  removeListPermission: null,
  listMaps: null,
  createMap: () => ({ UniqueName: fresh('map') }),
  readMap: null,
  changeMap: () => ({ Ttl: '3600' }),
  removeMap: null,
  listMapItems: null,
  createMapItem: () => ({ Key: fresh('key'), Data: '{"n":1}' }),
  readMapItem: null,
  changeMapItem: () => ({ Data: '{"n":2}' }),
  removeMapItem: null,
  listMapPermissions: null,
  readMapPermission: null,
  setMapPermission: () => GRANT,
  removeMapPermission: null,
  listStreams: null,
  createStream: () => ({ UniqueName: fresh('stream') }),
  readStream: null,
  changeStream: () => ({ Ttl: '3600' }),
  removeStream: null,
  sendMessage: () => ({ Data: '{"n":1}' }),
};

/** One object of each kind, with an item and a grant where there can be one; nobody's but the backend's. */
async function furnished(service) {
  const made = { service, names: {}, sids: {} };
  const post = async (path, form) => {
    const { status, body, text } = await airlock.backend('POST', `/v1/Services/${service}/${path}`, form);
    assert.ok(status === 201 || status === 200, `${path}: ${status} ${text}`);
    return body;
  };
  for (const kind of ['Documents', 'Lists', 'Maps', 'Streams']) {
    made.names[kind] = fresh('standing');
    made.sids[kind] = (await post(kind, { UniqueName: made.names[kind] })).sid;
    if (kind !== 'Streams') await post(`${kind}/${made.sids[kind]}/Permissions/ada`, GRANT);
  }
  await post(`Lists/${made.sids.Lists}/Items`, { Data: '{"n":1}' });
  await post(`Maps/${made.sids.Maps}/Items`, { Key: 'k', Data: '{"n":1}' });
  return made;
}

/** The path of an operation in a world; the objects may be another's. */
function filled(path, service, objects) {
  const word = /\/(Documents|Lists|Maps|Streams)\/\{/.exec(path)?.[1];
  return path
    .replace(/\/Services\/\{\w+\}/, `/Services/${service}`)
    .replace(/\/(Documents|Lists|Maps|Streams)\/\{\w+\}/, `/${word}/${encodeURIComponent(objects[word] ?? '')}`)
    .replace('{Index}', '0').replace('{Key}', 'k').replace('{Identity}', 'ada');
}

const basic = (user, password) => ({ Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });

async function ask(method, path, headers, body) {
  const response = await fetch(airlock.url + path, { method, headers, body, redirect: 'manual' });
  const text = await response.text();
  const json = text ? JSON.parse(text) : {};
  return { status: response.status, code: json.code, text, body: json, type: response.headers.get('content-type'), challenge: response.headers.get('www-authenticate') };
}

const backend = (operation, path, headers) => {
  const form = FORMS[operation.id]?.();
  return ask(operation.method, path, headers, form && new URLSearchParams(form));
};

test('every described operation is in the table, and no other', () => {
  assert.deepEqual(described.map(({ id }) => id).sort(), Object.keys(FORMS).sort());
  for (const { id, method } of described) assert.equal(FORMS[id] !== null, method === 'POST', `${id}: POST has a form`);
});

test('backends: without the right credential every operation is 401/20003, whether or not there is something', async () => {
  const { sid, token: secret, key, secret: keySecret } = airlock.account;
  const client = token(airlock.account, 'ada', { service: world.service });
  const strangers = {
    'no credential': {},
    'an empty one': { Authorization: '' },
    'a wrong secret': basic(key, 'x'.repeat(48)),
    'the secret of another kind': basic(key, secret),
    'the account with a key\'s secret': basic(sid, keySecret),
    'another account with our token': basic(`AC${'0'.repeat(32)}`, secret),
    'another key with our secret': basic(`SK${'0'.repeat(32)}`, keySecret),
    'a client\'s access token': { Authorization: `Bearer ${client}` },
    'a client\'s access token as a password': basic(key, client),
  };
  for (const operation of described) {
    const there = filled(operation.path, world.service, world.sids);
    const nowhere = filled(operation.path, `IS${'0'.repeat(32)}`, { Documents: 'none', Lists: 'none', Maps: 'none', Streams: 'none' });
    const answers = [];
    for (const [who, headers] of Object.entries(strangers)) {
      for (const path of [there, nowhere]) {
        const answer = await backend(operation, path, headers);
        assert.deepEqual([answer.status, answer.code], [401, 20003], `${operation.id}, ${who}: ${answer.text}`);
        assert.match(answer.challenge ?? '', /^Basic/, `${operation.id}, ${who}`);
        answers.push(answer.text);
      }
    }
    assert.equal(new Set(answers).size, 1, `${operation.id}: one answer for all of them: ${answers}`);
  }
});

test('backends: an unknown service, an object of another service and one of another kind are 404/20404', async () => {
  const good = basic(airlock.account.key, airlock.account.secret);
  const missing = async (operation, path, what) => {
    const { status, code, text } = await backend(operation, path, good);
    assert.deepEqual([status, code], [404, 20404], `${operation.id}, ${what}: ${status} ${text}`);
  };
  const turned = { Documents: world.sids.Maps, Lists: world.sids.Documents, Maps: world.sids.Lists, Streams: world.sids.Maps };
  for (const operation of described.filter(({ path }) => path !== '/v1/Services')) {
    for (const service of [`IS${'0'.repeat(32)}`, 'nosuch', airlock.account.sid, world.sids.Documents]) {
      await missing(operation, filled(operation.path, service, world.sids), `service ${service}`);
    }
    if (!/\/(Documents|Lists|Maps|Streams)\/\{/.test(operation.path)) continue;
    await missing(operation, filled(operation.path, other.service, world.sids), 'a SID of another service');
    await missing(operation, filled(operation.path, other.service, world.names), 'a name of another service');
    await missing(operation, filled(operation.path, world.service, turned), 'a SID of another kind');
  }
});

test('backends: none of that has changed anything, and the right caller succeeds with the same requests', async () => {
  const good = basic(airlock.account.key, airlock.account.secret);
  const depth = ({ path }) => path.split('/').length;
  const order = [...described].sort((a, b) => (a.method === 'DELETE') - (b.method === 'DELETE') || (a.method === 'DELETE' ? depth(b) - depth(a) : 0));
  const spare = await furnished((await airlock.backend('POST', '/v1/Services', {})).body.sid);
  for (const kind of ['Documents', 'Lists', 'Maps']) {
    for (const { service, sids } of [world, other]) {
      const { body } = await airlock.backend('GET', `/v1/Services/${service}/${kind}/${sids[kind]}`);
      // The item that was made by us is the only change.
      assert.equal(body.revision, kind === 'Documents' ? '0' : '1', `${kind} were not written by strangers`);
      assert.equal(body.date_expires, null);
    }
  }
  for (const operation of order) {
    const { status, text } = await backend(operation, filled(operation.path, spare.service, spare.sids), good);
    assert.equal(status, operation.success, `${operation.id}: ${text}`);
  }
});

// ---- clients

const DATA = { data: { n: 2 } };
const TTL = { ttl: 60 };

/** The clients' plane: what may be asked of an object, by kind. `make` asks for a new one; `read` changes nothing. */
const CLIENTS = [
  ...['Documents', 'Lists', 'Maps', 'Streams'].flatMap((kind) => [
    { id: `make ${kind}`, kind, method: 'POST', make: true, body: (name) => ({ unique_name: name }) },
    { id: `read ${kind}`, kind, method: 'GET', read: true },
    { id: `ttl ${kind}`, kind, method: 'POST', body: () => TTL },
    { id: `remove ${kind}`, kind, method: 'DELETE' },
  ]),
  { id: 'set document', kind: 'Documents', method: 'POST', body: () => DATA },
  { id: 'set document if it is as known', kind: 'Documents', method: 'POST', body: () => DATA, headers: { 'If-Match': '0' } },
  { id: 'set document if it is another', kind: 'Documents', method: 'POST', body: () => DATA, headers: { 'If-Match': 'ffff' } },
  { id: 'list context', kind: 'Lists', method: 'GET', rest: '/Context', read: true },
  { id: 'list items', kind: 'Lists', method: 'GET', rest: '/Items', read: true },
  { id: 'list item by query', kind: 'Lists', method: 'GET', rest: '/Items?Index=0', read: true },
  { id: 'push', kind: 'Lists', method: 'POST', rest: '/Items', body: () => DATA },
  { id: 'read list item', kind: 'Lists', method: 'GET', rest: '/Items/0', read: true },
  { id: 'set list item', kind: 'Lists', method: 'POST', rest: '/Items/0', body: () => DATA },
  { id: 'remove list item', kind: 'Lists', method: 'DELETE', rest: '/Items/0' },
  { id: 'map with items', kind: 'Maps', method: 'GET', rest: '?Include=items', read: true },
  { id: 'map items', kind: 'Maps', method: 'GET', rest: '/Items', read: true },
  { id: 'map item by query', kind: 'Maps', method: 'GET', rest: '/Items?Key=k', read: true },
  { id: 'add map item', kind: 'Maps', method: 'POST', rest: '/Items', body: () => ({ key: 'new', ...DATA }) },
  { id: 'read map item', kind: 'Maps', method: 'GET', rest: '/Items/k', read: true, gone: true },
  { id: 'put map item', kind: 'Maps', method: 'PUT', rest: '/Items/k', body: () => DATA },
  { id: 'put map item if absent', kind: 'Maps', method: 'PUT', rest: '/Items/new', body: () => DATA, headers: { 'If-Match': '-1' } },
  { id: 'set map item', kind: 'Maps', method: 'POST', rest: '/Items/k', body: () => DATA },
  { id: 'remove map item', kind: 'Maps', method: 'DELETE', rest: '/Items/k' },
  { id: 'send', kind: 'Streams', method: 'POST', rest: '/Messages', body: () => DATA },
];

/** What of the backends' plane the clients' plane has too, and under which of the ids above. */
const SHARED_PLANE = {
  createDocument: 'make Documents', readDocument: 'read Documents', changeDocument: 'set document', removeDocument: 'remove Documents',
  createList: 'make Lists', readList: 'read Lists', changeList: 'ttl Lists', removeList: 'remove Lists',
  listListItems: 'list items', createListItem: 'push', readListItem: 'read list item', changeListItem: 'set list item', removeListItem: 'remove list item',
  createMap: 'make Maps', readMap: 'read Maps', changeMap: 'ttl Maps', removeMap: 'remove Maps',
  listMapItems: 'map items', createMapItem: 'add map item', readMapItem: 'read map item', changeMapItem: 'set map item', removeMapItem: 'remove map item',
  createStream: 'make Streams', readStream: 'read Streams', changeStream: 'ttl Streams', removeStream: 'remove Streams', sendMessage: 'send',
};

/** Asks on the clients' plane; `object` is a name or a SID, `service` says it in the path too. */
function call(operation, object, jwt, { service } = {}) {
  const root = service ? `/v3/Services/${service}` : '/v3';
  const place = operation.make ? '' : `/${encodeURIComponent(object)}${operation.rest ?? ''}`;
  const body = operation.body?.(object);
  return ask(operation.method, `${root}/${operation.kind}${place}`, {
    ...(jwt === undefined ? {} : { Authorization: jwt.includes(' ') ? jwt : `Bearer ${jwt}` }),
    ...operation.headers,
    ...(body ? { 'Content-Type': 'application/json' } : {}),
  }, body && JSON.stringify(body));
}

const signed = (identity, options = {}) => token(airlock.account, identity, { service: world.service, claims: { name: 'Somebody' }, ...options });
const is = (answer, expected, what) => assert.deepEqual([answer.status, answer.code], expected, `${what}: ${answer.status} ${answer.text}`);

test('clients: what both planes have is in both tables; the rest of the backends\' plane is nowhere for them', async () => {
  const shared = described.filter(({ id }) => id in SHARED_PLANE);
  assert.deepEqual(shared.map(({ id }) => id).sort(), Object.keys(SHARED_PLANE).sort());
  for (const id of Object.values(SHARED_PLANE)) assert.ok(CLIENTS.some((it) => it.id === id), id);
  for (const operation of described.filter(({ id }) => !(id in SHARED_PLANE))) {
    const path = filled(operation.path, world.service, world.sids).replace('/v1/', '/v3/');
    const answer = await ask(operation.method, path, { Authorization: `Bearer ${signed(fresh('eve'))}`, 'Content-Type': 'application/json' }, operation.method === 'POST' ? '{}' : undefined);
    // A listing of objects is the path at which they are made: there it is the method that is wrong.
    const makes = /\/(Documents|Lists|Maps|Streams)$/.test(operation.path);
    is(answer, makes ? [405, 20004] : [404, 20404], `${operation.id} by a client`);
  }
});

test('clients: with a token that does not hold every operation is 401, before anything else', async () => {
  const past = (_, payload) => { payload.iat = seconds() - 7200; payload.exp = seconds() - 3600; };
  const strangers = {
    'no token': [undefined, 20101],
    'no token at all in the header': ['Bearer ', 20101],
    'the backend\'s own credential': [basic(airlock.account.key, airlock.account.secret).Authorization, 20101],
    expired: [signed('ada', { change: past }), 20104],
    'a wrong signature': [signed('ada', { secret: 'x'.repeat(48) }), 20107],
    'not valid yet': [signed('ada', { change: (_, payload) => { payload.nbf = seconds() + 3600; } }), 20105],
    'another account': [signed('ada', { change: (_, payload) => { payload.sub = `AC${'0'.repeat(32)}`; } }), 20103],
    'no signature': [signed('ada', { change: (header) => { header.alg = 'none'; } }), 20101],
    'no grant for Sync': [signed('ada', { change: (_, payload) => { delete payload.grants.data_sync; } }), 20106],
    'a service that is not here': [signed('ada', { service: `IS${'0'.repeat(32)}` }), 20106],
  };
  for (const operation of CLIENTS) {
    for (const [who, [jwt, code]] of Object.entries(strangers)) {
      const answers = [];
      for (const object of [world.sids[operation.kind], world.names[operation.kind], 'cursors/7/ada', 'none']) {
        const answer = await call(operation, object, jwt, { service: world.service });
        is(answer, [401, code], `${operation.id}, ${who}`);
        assert.match(answer.challenge ?? '', /^Bearer/, `${operation.id}, ${who}`);
        answers.push(answer.text);
      }
      assert.equal(new Set(answers).size, 1, `${operation.id}, ${who}: one answer for all of them`);
    }
  }
});

test('clients: a token of another service opens nothing of this one', async () => {
  const abroad = signed('ada', { service: other.service });
  for (const operation of CLIENTS) {
    for (const object of [world.sids[operation.kind], world.names[operation.kind], 'none', 'cursors/7/ada']) {
      is(await call(operation, object, abroad, { service: world.service }), [403, 54007], `${operation.id} of ${object} by the path`);
    }
    if (operation.make) continue; // it would make one of its own
    const missing = { Documents: 54100, Lists: 54150, Maps: 54200, Streams: 54250 }[operation.kind];
    is(await call(operation, world.sids[operation.kind], abroad), [404, missing], `${operation.id} by SID`);
    is(await call(operation, world.names[operation.kind], abroad), [404, 54300], `${operation.id} by name`);
  }
});

test('clients: with ACL on nothing is open without a grant, and each right opens its own operations only', async () => {
  const eve = fresh('eve');
  const jwt = signed(eve);
  for (const operation of CLIENTS) {
    for (const object of [world.sids[operation.kind], world.names[operation.kind]]) {
      for (const service of [undefined, world.service]) {
        const answer = await call(operation, object, jwt, { service });
        // A name of nobody's policy is taken or free for everybody, as in Sync: no object is opened by that.
        const taken = operation.make && object === world.names[operation.kind];
        if (operation.make && !taken) is(answer, [400, 54302], `${operation.id}: a SID is no name`);
        else is(answer, taken ? [409, 54301] : [403, 54007], `${operation.id} of ${object}`);
      }
    }
  }
  // `ada` may read the things of `world` and do nothing else with them (streams cannot be granted).
  const reader = signed('ada');
  for (const operation of CLIENTS.filter(({ kind, make }) => kind !== 'Streams' && !make)) {
    const answer = await call(operation, world.sids[operation.kind], reader);
    if (operation.read) assert.equal(answer.status, 200, `${operation.id} by a reader: ${answer.text}`);
    else is(answer, [403, 54007], `${operation.id} by a reader`);
  }
});

test('clients: another\'s private object is 403/54007 for every operation, in the same bytes whether it stands or not', async () => {
  const [ada, eve, room] = [fresh('ada'), signed(fresh('eve')), fresh('room')];
  const own = signed(ada);
  const cursor = `cursors/${room}/${ada}`;
  const pins = `pins/${ada}`;
  const attempts = async () => {
    const answers = {};
    for (const operation of CLIENTS) {
      // A governed name is closed in every kind, not only in that of its policy (decision 16).
      for (const name of [cursor, pins]) {
        for (const service of [undefined, world.service]) {
          const answer = await call(operation, name, eve, { service });
          is(answer, [403, 54007], `${operation.id} of ${name}`);
          assert.equal(answer.type, 'application/json');
          answers[`${operation.id} ${name} ${service}`] = answer.text;
        }
      }
    }
    return answers;
  };
  const absent = await attempts();
  const at = (kind, body) => ask('POST', `/v3/${kind}`, { Authorization: `Bearer ${own}` }, JSON.stringify(body));
  const document = (await at('Documents', { unique_name: cursor, data: { x: 1, y: 1 } })).body;
  const map = (await at('Maps', { unique_name: pins })).body;
  assert.ok(document.sid && map.sid, 'the owner makes them');
  const item = await ask('PUT', `/v3/Maps/${map.sid}/Items/k`, { Authorization: `Bearer ${own}` }, JSON.stringify({ data: { title: 'mine' } }));
  assert.equal(item.status, 201, item.text);
  assert.deepEqual(await attempts(), absent);
  for (const operation of CLIENTS.filter(({ kind, make }) => (kind === 'Documents' || kind === 'Maps') && !make)) {
    const sid = operation.kind === 'Documents' ? document.sid : map.sid;
    is(await call(operation, sid, eve), [403, 54007], `${operation.id} by SID`);
  }
  // And the owner still has what it had.
  const mine = await ask('GET', `/v3/Documents/${encodeURIComponent(cursor)}`, { Authorization: `Bearer ${own}` });
  assert.deepEqual([mine.status, mine.body.data], [200, { x: 1, y: 1 }]);
});

test('clients: what a policy shares is read by those whom it names and written by nobody: 403/54007', async () => {
  const [ada, eve, room] = [fresh('ada'), fresh('eve'), fresh('room')];
  const own = signed(ada);
  const write = (name, data) => ask('POST', '/v3/Documents', { Authorization: `Bearer ${own}` }, JSON.stringify({ unique_name: name, data }));
  assert.equal((await write(`cursors/${room}/${ada}`, { x: 1, y: 1 })).status, 201);
  assert.equal((await write(`status/${ada}`, { text: 'here' })).status, 201);
  assert.equal((await write(`sealed/${ada}`, { n: 1 })).status, 201);
  const shared = [
    { kind: 'Maps', name: `rooms/${room}/cursors`, open: true },
    { kind: 'Documents', name: `people/${ada}/status`, open: true },
    { kind: 'Maps', name: `rooms/${fresh('empty')}/cursors`, open: true }, // nothing stands there yet (decision 18)
    { kind: 'Documents', name: `vault/${ada}/sealed`, open: false },
    { kind: 'Documents', name: `vault/${fresh('nobody')}/sealed`, open: false },
  ];
  for (const jwt of [own, signed(eve)]) { // its author is no exception
    for (const { kind, name, open } of shared) {
      const sid = open ? (await ask('GET', `/v3/${kind}/${encodeURIComponent(name)}`, { Authorization: `Bearer ${jwt}` })).body.sid : undefined;
      for (const operation of CLIENTS) {
        for (const object of operation.kind === kind && sid && !operation.make ? [name, sid] : [name]) {
          const answer = await call(operation, object, jwt);
          const what = `${operation.id} of ${object}`;
          if (!open || !operation.read || operation.kind !== kind) is(answer, [403, 54007], what);
          else if (operation.gone) is(answer, [404, 54201], what); // no item has this key
          else assert.equal(answer.status, 200, `${what}: ${answer.text}`);
        }
      }
    }
  }
  assert.deepEqual(Object.keys(await airlock.entries(`rooms/${room}/cursors`)), [ada]);
  assert.equal((await airlock.document(`people/${ada}/status`)).status, 'here');
});

// Who may do what with objects outside any policy, and who may hear what of a shared one: AclEnabled and grants.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, connected, fresh, path, pathOf, refused, subscribed } from './support.mjs';
import { listed, sidOf } from './socket.mjs';
import { until, watch } from './waiting.mjs';

let airlock;
let open; // a service with ACL off
before(async () => {
  airlock = await Airlock.start();
  open = await service('false');
});
after(() => airlock?.stop());

const service = async (acl) => (await airlock.backend('POST', '/v1/Services', { FriendlyName: 'acl', AclEnabled: acl })).body.sid;
const rest = (method, form, ...segments) => airlock.backend(method, airlock.at(...segments), form);

function forbidden({ status, body, text }, what) {
  assert.deepEqual([status, body?.code], [403, 54007], `${what}: ${status} ${text}`);
}
function allowed({ status, text }, what) {
  assert.ok(200 <= status && status < 300, `${what}: ${status} ${text}`);
}

const TYPE = { Documents: 'document', Lists: 'list', Maps: 'map', Streams: 'stream' };
const KINDS = ['Documents', 'Lists', 'Maps'];
const ALL = ['Documents', 'Lists', 'Maps', 'Streams'];

/** An object of this kind with something in it, made by `socket`; or by a backend, without one. */
async function make(kind, socket, name = fresh(TYPE[kind])) {
  let made;
  if (socket) {
    const answer = await socket.request('POST', path(kind), { unique_name: name, ...(kind === 'Documents' ? { data: { n: 0 } } : {}) });
    assert.equal(answer.status, 201, answer.text);
    made = answer.body;
    if (kind === 'Lists') allowed(await socket.request('POST', pathOf(made.links.items), { data: { n: 0 } }), 'push');
    if (kind === 'Maps') allowed(await socket.request('PUT', `${pathOf(made.links.items)}/k`, { data: { n: 0 } }), 'put');
  } else {
    made = (await rest('POST', { UniqueName: name, ...(kind === 'Documents' ? { Data: '{"n":0}' } : {}) }, kind)).body;
    if (kind === 'Lists') await rest('POST', { Data: '{"n":0}' }, kind, name, 'Items');
    if (kind === 'Maps') await rest('POST', { Key: 'k', Data: '{"n":0}' }, kind, name, 'Items');
  }
  const root = `/v3/Services/${airlock.service}/${kind}/${made.sid}`;
  return { kind, name, sid: made.sid, root, items: `${root}/Items` };
}

/** Changes the object so that its watchers hear a `n`. */
const change = (socket, { kind, root, items }, n) => {
  if (kind === 'Documents') return socket.request('POST', root, { data: { n } });
  if (kind === 'Lists') return socket.request('POST', items, { data: { n } });
  if (kind === 'Maps') return socket.request('PUT', `${items}/k`, { data: { n } });
  return socket.request('POST', `${root}/Messages`, { data: { n } });
};
const changeOverRest = (it, n) => {
  const form = { Data: JSON.stringify({ n }) };
  if (it.kind === 'Documents') return rest('POST', form, it.kind, it.sid);
  if (it.kind === 'Lists') return rest('POST', form, it.kind, it.sid, 'Items');
  if (it.kind === 'Streams') return rest('POST', form, it.kind, it.sid, 'Messages');
  return rest('POST', form, it.kind, it.sid, 'Items', 'k');
};

/** The numbers that this socket has heard of the object, in order. */
const heard = (socket, { sid }) => socket.frames
  .filter((it) => it.header.method === 'notification' && !/^subscription_/.test(it.body.event_type))
  .flatMap((it) => listed(it.body)).filter((it) => sidOf(it) === sid)
  .map((it) => (it.document_data ?? it.item_data ?? it.message_data)?.n);
const failures = (socket, { sid }) => socket.frames
  .filter((it) => it.header.method === 'notification' && it.body.event_type === 'subscription_failed')
  .flatMap((it) => listed(it.body).map((event) => ({ ...event, correlation: it.body.correlation_id }))).filter((it) => it.object_sid === sid);

const subscribe = async (socket, it) => {
  const { kind, answer } = await socket.subscribe(it.sid, TYPE[it.kind], it.kind === 'Streams' ? null : 0);
  return kind === 'subscription_established' ? 200 : answer.error.status;
};

// ---- AclEnabled off

test('with ACL off, identities are recorded and not enforced', async (t) => {
  const [ada, bob] = [fresh('ada'), fresh('bob')];
  const [one, two] = [await airlock.socket(ada, { service: open }), await airlock.socket(bob, { service: open })];
  const at = (...segments) => `/v1/Services/${open}/${segments.map(encodeURIComponent).join('/')}`;
  for (const kind of ALL) {
    await t.test(`${kind}: another reads, hears, writes and removes; created_by stays its maker's`, async () => {
      const name = fresh('open');
      const made = (await one.request('POST', path(kind), { unique_name: name, ...(kind === 'Documents' ? { data: { n: 0 } } : {}) })).body;
      const it = { kind, sid: made.sid, root: pathOf(made.url), items: `${pathOf(made.url)}/Items` };
      allowed(await change(one, it, 1), 'its maker writes');
      allowed(await two.request('GET', path(kind, name)), 'another reads');
      const subscription = await two.subscribe(made.sid, TYPE[kind], null);
      assert.equal(subscription.kind, 'subscription_established');
      allowed(await change(two, it, 2), 'another writes');
      allowed(await two.request('POST', it.root, { ttl: 600 }), 'another sets its TTL');
      assert.equal((await airlock.backend('GET', at(kind, name))).body.created_by, ada, 'recorded');
      if (kind === 'Lists') {
        assert.equal((await airlock.backend('GET', at(kind, name, 'Items', '0'))).body.created_by, ada);
        assert.equal((await airlock.backend('GET', at(kind, name, 'Items', '1'))).body.created_by, bob);
      }
      if (kind === 'Maps') assert.equal((await airlock.backend('GET', at(kind, name, 'Items', 'k'))).body.created_by, ada, 'an update does not change the maker');
      allowed(await two.request('DELETE', it.root), 'another removes');
    });
    await t.test(`${kind} made by a backend is anybody's, and says \`system\``, async () => {
      const name = fresh('open');
      const made = await airlock.backend('POST', at(kind), { UniqueName: name });
      assert.equal(made.body.created_by, 'system');
      allowed(await two.request('GET', path(kind, name)), 'read');
      allowed(await two.request('DELETE', path(kind, name)), 'remove');
    });
  }
});

// ---- AclEnabled on: whose it is

test('with ACL on, an object is its maker\'s alone, and a backend\'s is nobody\'s', async (t) => {
  const [ada, bob] = [await airlock.socket(fresh('ada')), await airlock.socket(fresh('bob'))];
  for (const kind of ALL) {
    for (const [whose, maker] of [['a client', ada], ['a backend', undefined]]) {
      await t.test(`${kind} of ${whose}: 403/54007 for each verb of a stranger, by name and by SID`, async () => {
        const it = await make(kind, maker);
        for (const id of [it.name, it.sid]) {
          forbidden(await bob.request('GET', path(kind, id)), 'open');
          forbidden(await bob.request('DELETE', path(kind, id)), 'remove');
          forbidden(await bob.request('POST', path(kind, id), { ttl: 5 }), 'TTL');
        }
        const over = await bob.request('POST', path(kind), { unique_name: it.name });
        assert.deepEqual([over.status, over.body.code], [409, 54301], 'a taken name is taken; opening said 403, not 404, so the SDK does not loop');
        forbidden(await change(bob, it, 9), 'write');
        assert.equal(await subscribe(bob, it), 403);
        if (maker) allowed(await maker.request('GET', path(kind, it.name)), 'its maker');
        else forbidden(await ada.request('GET', path(kind, it.name)), 'anybody');
        assert.equal((await rest('GET', undefined, kind, it.sid)).status, 200, 'a backend has everything');
      });
    }
  }
});

test('its maker has all three rights as a row that is listed, and can lose them', async (t) => {
  for (const kind of KINDS) {
    await t.test(kind, async () => {
      const ada = fresh('ada');
      const socket = await airlock.socket(ada);
      const it = await make(kind, socket);
      const { body } = await rest('GET', undefined, kind, it.sid, 'Permissions');
      assert.deepEqual(body.permissions.map((row) => [row.identity, row.read, row.write, row.manage]), [[ada, true, true, true]]);
      assert.equal(body.meta.key, 'permissions');
      assert.equal((await rest('DELETE', undefined, kind, it.sid, 'Permissions', ada)).status, 204);
      forbidden(await socket.request('GET', it.root), 'its maker reads');
      forbidden(await change(socket, it, 1), 'its maker writes');
      forbidden(await socket.request('DELETE', it.root), 'its maker removes');
    });
  }
});

test('an object made by a backend is listed with no rights at all', async () => {
  const it = await make('Documents');
  assert.deepEqual((await rest('GET', undefined, 'Documents', it.sid, 'Permissions')).body.permissions, []);
});

// ---- the matrix

test('each operation asks for its right and for no other', async (t) => {
  const owner = await airlock.socket(fresh('ada'));
  const operations = {
    Documents: {
      open: ['r', (s, it) => s.request('GET', it.root)],
      subscribe: ['r', async (s, it) => ({ status: await subscribe(s, it), body: { code: 54007 } })],
      set: ['w', (s, it) => s.request('POST', it.root, { data: { n: 1 } })],
      'set with the revision': ['w', (s, it) => s.request('POST', it.root, { data: { n: 1 } }, { match: '*' })],
      TTL: ['w', (s, it) => s.request('POST', it.root, { ttl: 600 })],
      remove: ['m', (s, it) => s.request('DELETE', it.root)],
    },
    Lists: {
      open: ['r', (s, it) => s.request('GET', it.root)],
      subscribe: ['r', async (s, it) => ({ status: await subscribe(s, it), body: { code: 54007 } })],
      'read items': ['r', (s, it) => s.request('GET', it.items, undefined, { params: { Order: 'asc' } })],
      'read one item': ['r', (s, it) => s.request('GET', it.items, undefined, { params: { Index: '0' } })],
      'read a missing item': ['r', (s, it) => s.request('GET', it.items, undefined, { params: { Index: '99' } })],
      'read the context': ['r', (s, it) => s.request('GET', `${it.root}/Context`)],
      push: ['w', (s, it) => s.request('POST', it.items, { data: { n: 1 } })],
      'set an item': ['w', (s, it) => s.request('POST', `${it.items}/0`, { data: { n: 1 } })],
      'TTL of an item': ['w', (s, it) => s.request('POST', `${it.items}/0`, { ttl: 600 })],
      TTL: ['w', (s, it) => s.request('POST', it.root, { ttl: 600 })],
      'remove an item': ['w', (s, it) => s.request('DELETE', `${it.items}/0`)],
      remove: ['m', (s, it) => s.request('DELETE', it.root)],
    },
    Maps: {
      open: ['r', (s, it) => s.request('GET', it.root)],
      'open with items': ['r', (s, it) => s.request('GET', it.root, undefined, { params: { Include: 'items' } })],
      subscribe: ['r', async (s, it) => ({ status: await subscribe(s, it), body: { code: 54007 } })],
      'read items': ['r', (s, it) => s.request('GET', it.items, undefined, { params: { Order: 'asc' } })],
      'read one item': ['r', (s, it) => s.request('GET', it.items, undefined, { params: { Key: 'k' } })],
      'read a missing item': ['r', (s, it) => s.request('GET', it.items, undefined, { params: { Key: 'none' } })],
      'set an item': ['w', (s, it) => s.request('PUT', `${it.items}/k`, { data: { n: 1 } })],
      'add an item': ['w', (s, it) => s.request('PUT', `${it.items}/${fresh('new')}`, { data: { n: 1 } }, { match: '-1' })],
      'TTL of an item': ['w', (s, it) => s.request('POST', `${it.items}/k`, { ttl: 600 })],
      TTL: ['w', (s, it) => s.request('POST', it.root, { ttl: 600 })],
      'remove an item': ['w', (s, it) => s.request('DELETE', `${it.items}/k`)],
      remove: ['m', (s, it) => s.request('DELETE', it.root)],
    },
  };
  for (const kind of KINDS) {
    for (const rights of ['', 'r', 'w', 'm', 'rw', 'rm', 'wm', 'rwm']) {
      await t.test(`${kind} with ${rights || 'nothing'}`, async () => {
        const bob = fresh('bob');
        const socket = await airlock.socket(bob);
        const it = await make(kind, owner);
        if (rights) await airlock.grant(kind, it.sid, bob, rights);
        for (const [what, [right, ask]] of Object.entries(operations[kind])) {
          const answer = await ask(socket, it);
          if (rights.includes(right)) allowed(answer, `${what} with ${rights}`);
          else forbidden(answer, `${what} with ${rights || 'nothing'}`);
        }
        if (!rights.includes('m')) assert.equal((await rest('GET', undefined, kind, it.sid)).status, 200, 'it stands');
        await socket.close();
      });
    }
  }
});

test('without `write` a wrong revision is 403 too, never 412, and a missing item never 404', async () => {
  const bob = fresh('bob');
  const socket = await airlock.socket(bob);
  for (const kind of KINDS) {
    const it = await make(kind);
    await airlock.grant(kind, it.sid, bob, 'rm');
    const where = { Documents: it.root, Lists: `${it.items}/0`, Maps: `${it.items}/k` }[kind];
    const verb = kind === 'Maps' ? 'PUT' : 'POST';
    forbidden(await socket.request(verb, where, { data: { n: 1 } }, { match: 'ffff' }), kind);
    if (kind !== 'Documents') forbidden(await socket.request('DELETE', `${it.items}/77`), kind);
  }
});

test('the SDK with grants: reads, hears, writes, and is refused what it was not given', async () => {
  const [ada, bob] = [fresh('ada'), fresh('bob')];
  const [owner, guest] = [await airlock.client(ada), await airlock.client(bob)];
  const names = [fresh('doc'), fresh('list'), fresh('map')];
  const mine = [await owner.document({ id: names[0], data: { n: 0 } }), await owner.list(names[1]), await owner.map(names[2])];
  await Promise.all(KINDS.map((kind, n) => airlock.grant(kind, names[n], bob, 'r')));
  const yours = [await guest.document(names[0]), await guest.list(names[1]), await guest.map(names[2])];
  assert.deepEqual(yours.map((it) => it.sid), mine.map((it) => it.sid), 'open-or-create opens, it does not make');
  await Promise.all(yours.map(subscribed));
  const seen = yours.map((it) => watch(it));
  await mine[0].set({ n: 1 });
  await mine[1].push({ n: 1 });
  await mine[2].set('k', { n: 1 });
  for (const it of seen) await it.until((event) => event.data?.n === 1, 'heard');
  for (const attempt of [() => yours[0].set({ n: 9 }), () => yours[1].push({ n: 9 }), () => yours[2].set('k', { n: 9 }), () => yours[0].removeDocument(), () => yours[1].removeList(), () => yours[2].removeMap()]) {
    assert.equal((await refused(attempt())).status, 403);
  }
  await Promise.all(KINDS.map((kind, n) => airlock.grant(kind, names[n], bob, 'rw')));
  await yours[0].mutate((it) => ({ n: it.n + 1 }));
  await yours[1].mutate(0, (it) => ({ n: it.n + 1 }));
  await yours[2].mutate('k', (it) => ({ n: it.n + 1 }));
  assert.deepEqual([await airlock.document(names[0]), (await airlock.list(names[1]))[0][1], (await airlock.entries(names[2])).k], [{ n: 2 }, { n: 2 }, { n: 2 }], 'the next operation knows of it');
  assert.ok(!seen.some((it) => it.seen.some((event) => event.name === 'removed')), 'a refusal is not taken for a removal');
});

test('rights are of one object, one identity, spelt exactly', async () => {
  const bob = fresh('bob');
  const [one, two] = [await make('Documents'), await make('Documents')];
  await airlock.grant('Documents', one.sid, bob, 'rwm');
  const guest = await airlock.socket(bob);
  allowed(await guest.request('GET', one.root), 'this one');
  forbidden(await guest.request('GET', two.root), 'another object');
  for (const other of [bob.toUpperCase(), `${bob} `, `${bob}x`, bob.slice(0, -1), '*']) {
    forbidden(await (await airlock.socket(other)).request('GET', one.root), `identity ${JSON.stringify(other)}`);
  }
  const elsewhere = await airlock.socket(bob, { service: await service('true') });
  const foreign = await elsewhere.request('GET', one.root);
  assert.equal(foreign.status, 403, 'a token of another service');
  assert.equal((await elsewhere.request('GET', path('Documents', one.name))).status, 404);
});

test('grants stand over kill -9 and a checkpoint, and revocations too', async () => {
  const [bob, cyd] = [fresh('bob'), fresh('cyd')];
  const it = await make('Documents');
  await airlock.grant('Documents', it.sid, bob, 'r');
  await airlock.grant('Documents', it.sid, cyd, 'r');
  await rest('DELETE', undefined, 'Documents', it.sid, 'Permissions', cyd);
  for (const how of ['kill9', 'terminate']) {
    await airlock[how]();
    await airlock.restart();
    allowed(await (await airlock.socket(bob)).request('GET', it.root), `granted, ${how}`);
    forbidden(await (await airlock.socket(cyd)).request('GET', it.root), `revoked, ${how}`);
  }
});

// ---- revoking

test('revoking cuts a live subscription at once: `failure` 403, and no event though writes go on', async (t) => {
  const ways = {
    'the grant removed': (kind, it, bob) => rest('DELETE', undefined, kind, it.sid, 'Permissions', bob),
    'all false': (kind, it, bob) => airlock.grant(kind, it.sid, bob, ''),
    'read alone taken': (kind, it, bob) => airlock.grant(kind, it.sid, bob, 'wm'),
  };
  for (const kind of KINDS) {
    for (const [what, revoke] of Object.entries(ways)) {
      await t.test(`${kind}, ${what}, in the SDK`, async () => {
        const bob = fresh('bob');
        const it = await make(kind);
        await airlock.grant(kind, it.sid, bob, 'rw');
        const client = await airlock.client(bob);
        const object = await subscribed(await client[TYPE[kind]](it.name));
        const mark = await subscribed(await client.document({ id: fresh('mark'), data: { n: 0 } }));
        const [seen, marks] = [watch(object), watch(mark)];
        await changeOverRest(it, 1);
        await seen.until((event) => event.data?.n === 1, 'heard while it may');
        await revoke(kind, it, bob);
        for (const n of [2, 3, 4]) allowed(await changeOverRest(it, n), 'writes go on');
        const failure = await seen.until((event) => event.name === 'failure', 'told at once');
        assert.deepEqual([failure.status, failure.code], [403, 54007]);
        await rest('POST', { Data: '{"n":"mark"}' }, 'Documents', mark.sid);
        await marks.until((event) => event.data?.n === 'mark', 'a later event of another object on the same connection');
        assert.deepEqual(seen.seen.map((event) => event.data?.n ?? event.name), [1, 'failure'], 'nothing behind it, told once');
        assert.equal(client.connectionState, 'connected');
        assert.deepEqual(client.states.filter((state) => !['connecting', 'connected'].includes(state)), [], 'the connection stays');
        await client.shutdown();
        airlock.clients.delete(client);
      });
    }
    await t.test(`${kind} on the wire: subscription_failed with correlation null, between what came before and nothing`, async () => {
      const bob = fresh('bob');
      const [it, mark] = [await make(kind), await make('Documents')];
      await airlock.grant(kind, it.sid, bob, 'r');
      await airlock.grant('Documents', mark.sid, bob, 'r');
      const socket = await airlock.socket(bob);
      assert.deepEqual([await subscribe(socket, it), await subscribe(socket, mark)], [200, 200]);
      await changeOverRest(it, 1);
      await rest('DELETE', undefined, kind, it.sid, 'Permissions', bob);
      await changeOverRest(it, 2);
      await changeOverRest(mark, 'mark');
      await until(() => heard(socket, mark).includes('mark'), 'the mark');
      assert.deepEqual(failures(socket, it).map((event) => [event.object_type, event.error.status, event.error.code, event.correlation]), [[TYPE[kind], 403, 54007, null]]);
      assert.ok(!heard(socket, it).includes(2));
      assert.equal(failures(socket, mark).length, 0);
      // Given again it can be subscribed again, and hears what comes then.
      await airlock.grant(kind, it.sid, bob, 'r');
      await changeOverRest(it, 3);
      assert.equal(await subscribe(socket, it), 200);
      await changeOverRest(it, 4);
      await until(() => heard(socket, it).includes(4), 'heard again');
    });
  }
});

test('revoking under load: no event of a write that began behind the acknowledgement, on any of many subscriptions', async () => {
  const guests = Array.from({ length: 8 }, () => fresh('bob'));
  const [it, mark] = [await make('Lists'), await make('Documents')];
  const sockets = [];
  for (const bob of guests) {
    await airlock.grant('Lists', it.sid, bob, 'r');
    await airlock.grant('Documents', mark.sid, bob, 'r');
    const socket = await airlock.socket(bob);
    assert.deepEqual([await subscribe(socket, it), await subscribe(socket, mark)], [200, 200]);
    sockets.push(socket);
  }
  const ada = fresh('ada');
  await airlock.grant('Lists', it.sid, ada, 'w');
  const writer = await airlock.socket(ada);
  let sent = 0;
  let over = false;
  const writing = (async () => {
    while (!over) allowed(await change(writer, it, ++sent), 'the writer');
  })();
  const limits = [];
  for (const [n, bob] of guests.entries()) {
    await until(() => 5 * (n + 1) <= sent, 'writes go on');
    await rest('DELETE', undefined, 'Lists', it.sid, 'Permissions', bob);
    limits.push(sent); // what was sent until now may have been before
  }
  const last = sent;
  await until(() => last + 20 <= sent, 'and on');
  over = true;
  await writing;
  await changeOverRest(mark, 'mark');
  for (const [n, socket] of sockets.entries()) {
    await until(() => heard(socket, mark).includes('mark'), 'the mark');
    const numbers = heard(socket, it).filter((value) => 0 < value);
    assert.deepEqual(numbers, Array.from({ length: numbers.length }, (_, k) => k + 1), 'each until then, in order');
    assert.ok(numbers.length <= limits[n], `${numbers.length} heard, ${limits[n]} sent when it was acknowledged`);
    assert.equal(failures(socket, it).length, 1);
    const told = socket.frames.findIndex((frame) => frame.body?.event_type === 'subscription_failed');
    assert.ok(!socket.frames.slice(told).some((frame) => frame.body?.event_type?.startsWith('list_')), 'nothing behind the word');
  }
});

test('what waits for a slow reader is dropped with its right: nothing of it follows `subscription_failed`', async (t) => {
  const [ada, bob] = [fresh('ada'), fresh('bob')];
  const it = await make('Lists');
  await airlock.grant('Lists', it.sid, bob, 'r');
  await airlock.grant('Lists', it.sid, ada, 'w');
  const writer = await airlock.socket(ada);
  // How much the machine takes in before the outbox fills is not known. So one reader after the other stops, some of them
  // at the right time: much waits for it in the server, and not so much that its connection is closed.
  const [readers, each, pad] = [48, 10, 'x'.repeat(12_000)];
  const slow = [];
  let sent = 0;
  for (let n = 0; n < readers; n += 1) {
    const socket = await airlock.socket(bob);
    assert.equal((await socket.subscribe(it.sid, 'list', null)).kind, 'subscription_established');
    socket.ws.pause();
    slow.push({ socket, from: sent });
    const ids = Array.from({ length: each }, () => writer.start('POST', it.items, { data: { n: ++sent, pad } }));
    for (const id of ids) allowed(await writer.finish(id, 20_000), 'the writer');
  }
  await rest('DELETE', undefined, 'Lists', it.sid, 'Permissions', bob);
  allowed(await change(writer, it, 'late'), 'writes go on');
  for (const { socket } of slow) socket.ws.resume();
  const counts = { closed: 0, level: 0, dropped: 0 };
  for (const { socket, from } of slow) {
    await Promise.race([socket.closed, socket.request('GET', path('Documents', 'none')).catch(() => {})]);
    const numbers = heard(socket, it);
    assert.ok(!numbers.includes('late'), 'nothing that came behind the revocation');
    assert.deepEqual(numbers, Array.from({ length: numbers.length }, (_, n) => from + n + 1), 'what it got is what came first, in order');
    const told = socket.frames.findIndex((frame) => frame.body?.event_type === 'subscription_failed');
    if (0 <= told) assert.ok(!socket.frames.slice(told).some((frame) => frame.body?.event_type?.startsWith('list_')), 'nothing follows');
    if (socket.gone) counts.closed += 1;
    else {
      assert.equal(failures(socket, it).length, 1, 'it is told');
      counts[numbers.length < sent - from ? 'dropped' : 'level'] += 1;
    }
    await socket.close();
  }
  t.diagnostic(JSON.stringify(counts));
  if (!counts.closed) return t.skip('the buffers of this machine take everything in'); // then nothing waits in the server
  assert.ok(0 < counts.dropped, `for some of them something waited: ${JSON.stringify(counts)}`);
});

test('who lost `read` while away is told so at its return, and hears nothing of what it missed', async () => {
  const bob = fresh('bob');
  const it = await make('Maps');
  await airlock.grant('Maps', it.sid, bob, 'r');
  const cable = await airlock.cable();
  const client = await airlock.client(bob, { cable });
  const map = await subscribed(await client.map(it.name));
  const seen = watch(map);
  cable.cut();
  await until(() => client.connectionState !== 'connected', 'away');
  await changeOverRest(it, 'missed');
  await rest('DELETE', undefined, 'Maps', it.sid, 'Permissions', bob);
  cable.mend();
  await connected(client, 30_000);
  const failure = await seen.until((event) => event.name === 'failure', 'told', 20_000);
  assert.equal(failure.status, 403);
  assert.equal(seen.seen.length, 1);
});

test('taking `write` or `manage` leaves the ear alone, and granting cuts nobody', async () => {
  const [bob, cyd] = [fresh('bob'), fresh('cyd')];
  const it = await make('Documents');
  await airlock.grant('Documents', it.sid, bob, 'rwm');
  await airlock.grant('Documents', it.sid, cyd, 'r');
  const sockets = [await airlock.socket(bob), await airlock.socket(cyd)];
  for (const socket of sockets) await subscribe(socket, it);
  await airlock.grant('Documents', it.sid, bob, 'r');
  await airlock.grant('Documents', it.sid, fresh('dan'), 'r');
  await airlock.grant('Documents', it.sid, cyd, 'rw');
  await changeOverRest(it, 7);
  for (const socket of sockets) {
    await until(() => heard(socket, it).includes(7), 'heard');
    assert.equal(failures(socket, it).length, 0);
  }
  forbidden(await change(sockets[0], it, 8), 'what was taken is gone at the next operation');
  allowed(await change(sockets[1], it, 8), 'what was given is there');
});

// ---- the life of grants

test('grants die with their object: a new one under the same name is its maker\'s alone', async (t) => {
  for (const kind of KINDS) {
    for (const how of ['removed by its maker', 'removed by a backend', 'expired']) {
      await t.test(`${kind}, ${how}`, async () => {
        const [ada, bob, name] = [fresh('ada'), fresh('bob'), fresh('reborn')];
        const [owner, guest] = [await airlock.socket(ada), await airlock.socket(bob)];
        const it = await make(kind, owner, name);
        await airlock.grant(kind, name, bob, 'rwm');
        allowed(await guest.request('GET', path(kind, name)), 'granted');
        if (how === 'expired') {
          await owner.request('POST', it.root, { ttl: 1 });
          await until(async () => (await rest('GET', undefined, kind, it.sid)).status === 404, 'expired');
        } else if (how === 'removed by a backend') await rest('DELETE', undefined, kind, it.sid);
        else allowed(await owner.request('DELETE', it.root), 'removed');
        assert.equal((await rest('GET', undefined, kind, it.sid, 'Permissions', bob)).status, 404, 'its rows are gone');
        assert.equal((await guest.request('GET', path(kind, name))).status, 404, 'the name is free, and says so');
        const again = await make(kind, owner, name);
        forbidden(await guest.request('GET', path(kind, name)), 'the new one, by name');
        forbidden(await guest.request('GET', again.root), 'by SID');
        forbidden(await change(guest, again, 9), 'write');
        assert.equal(await subscribe(guest, again), 403);
        assert.deepEqual((await rest('GET', undefined, kind, name, 'Permissions')).body.permissions.map((row) => row.identity), [ada]);
      });
    }
  }
});

test('a watcher of an object that was removed hears nothing of its successor', async () => {
  const [bob, name] = [fresh('bob'), fresh('reborn')];
  const [owner, guest] = [await airlock.socket(fresh('ada')), await airlock.socket(bob)];
  const it = await make('Documents', owner, name);
  await airlock.grant('Documents', name, bob, 'r');
  await subscribe(guest, it);
  await owner.request('DELETE', it.root);
  const again = await make('Documents', owner, name);
  await change(owner, again, 5);
  await guest.request('GET', path('Documents', 'none'));
  assert.deepEqual(heard(guest, again), []);
});

// ---- the permission resources

test('permissions over REST: fields, upsert 200, fetch, list by identity, removal 204 and then 404/20404', async (t) => {
  for (const kind of KINDS) {
    await t.test(kind, async () => {
      const it = await make(kind);
      const [bob, cyd] = [`${fresh('bob')} é/x`, fresh('amy')];
      const first = await rest('POST', { Read: 'true', Write: 'false', Manage: 'false' }, kind, it.name, 'Permissions', bob);
      assert.equal(first.status, 200, first.text);
      assert.deepEqual(first.body, {
        account_sid: airlock.account.sid, service_sid: airlock.service, [`${TYPE[kind]}_sid`]: it.sid, identity: bob, read: true, write: false, manage: false,
        url: `${airlock.url}/v1/Services/${airlock.service}/${kind}/${it.sid}/Permissions/${encodeURIComponent(bob)}`,
      });
      const second = await rest('POST', { Read: 'false', Write: 'true', Manage: 'true' }, kind, it.sid, 'Permissions', bob);
      assert.deepEqual([second.status, second.body.read, second.body.write, second.body.manage], [200, false, true, true], 'an upsert is 200 both times');
      assert.deepEqual((await rest('GET', undefined, kind, it.sid, 'Permissions', bob)).body, second.body);
      await airlock.grant(kind, it.sid, cyd, '');
      const { body } = await rest('GET', undefined, kind, it.sid, 'Permissions');
      assert.deepEqual(body.permissions.map((row) => row.identity), [cyd, bob].sort(), 'all false is listed until it is deleted');
      assert.equal((await rest('DELETE', undefined, kind, it.sid, 'Permissions', bob)).status, 204);
      const gone = await rest('GET', undefined, kind, it.sid, 'Permissions', bob);
      assert.deepEqual([gone.status, gone.body.code], [404, 20404]);
      assert.equal((await rest('DELETE', undefined, kind, it.sid, 'Permissions', bob)).status, 404);
    });
  }
  await t.test('pages: more than one can be followed', async () => {
    const it = await make('Documents');
    const all = Array.from({ length: 7 }, (_, n) => `guest-${n}`);
    for (const bob of all) await airlock.grant('Documents', it.sid, bob, 'r');
    const found = [];
    let where = `${airlock.at('Documents', it.sid, 'Permissions')}?PageSize=3`;
    while (where) {
      const { body } = await airlock.backend('GET', where);
      found.push(...body.permissions.map((row) => row.identity));
      where = body.meta.next_page_url;
    }
    assert.deepEqual(found, all);
  });
  await t.test('what is missing or wrong is 400, what is absent 404, and nothing is granted', async () => {
    const it = await make('Documents');
    const bob = fresh('bob');
    for (const form of [{}, { Read: 'true' }, { Read: 'true', Write: 'true' }, { Write: 'true', Manage: 'true' }, { Read: 'yes', Write: 'true', Manage: 'true' }, { Read: '', Write: 'true', Manage: 'true' }]) {
      const answer = await rest('POST', form, 'Documents', it.sid, 'Permissions', bob);
      assert.deepEqual([answer.status, answer.body.code], [400, 20001], `${JSON.stringify(form)}: ${answer.text}`);
    }
    const long = await rest('POST', { Read: 'true', Write: 'true', Manage: 'true' }, 'Documents', it.sid, 'Permissions', 'x'.repeat(257));
    assert.deepEqual([long.status, long.body.code], [400, 54351], long.text);
    assert.equal((await rest('POST', { Read: 'true', Write: 'true', Manage: 'true' }, 'Documents', 'none', 'Permissions', bob)).body.code, 20404);
    assert.equal((await rest('GET', undefined, 'Documents', it.sid, 'Permissions', bob)).status, 404);
    forbidden(await (await airlock.socket(bob)).request('GET', it.root), 'nothing was granted');
  });
  await t.test('streams have none', async () => {
    const it = await make('Streams');
    const answer = await rest('POST', { Read: 'true', Write: 'true', Manage: 'true' }, 'Streams', it.sid, 'Permissions', fresh('bob'));
    assert.deepEqual([answer.status, answer.body.code], [404, 20404], answer.text);
    assert.equal((await rest('GET', undefined, 'Streams', it.sid, 'Permissions')).status, 404);
  });
  await t.test('no client grants anything: the resource is not on its plane, and its token is no credential', async () => {
    const ada = fresh('ada');
    const socket = await airlock.socket(ada);
    const it = await make('Documents', socket);
    for (const where of [`${it.root}/Permissions`, `${it.root}/Permissions/${ada}`]) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
        const { status } = await socket.request(method, where, method === 'GET' ? undefined : { read: true, write: true, manage: true });
        assert.ok(400 <= status && status < 500, `${method} ${where}: ${status}`);
      }
    }
    const bearer = await fetch(airlock.url + airlock.at('Documents', it.sid, 'Permissions', 'x'), { method: 'POST', headers: { Authorization: `Bearer ${airlock.token(ada)}` }, body: new URLSearchParams({ Read: 'true', Write: 'true', Manage: 'true' }) });
    assert.equal(bearer.status, 401);
  });
});

test('a backend has everything, whatever the grants say', async (t) => {
  for (const kind of ALL) {
    await t.test(kind, async () => {
      const ada = fresh('ada');
      const it = await make(kind, await airlock.socket(ada));
      if (kind !== 'Streams') await airlock.grant(kind, it.sid, ada, '');
      allowed(await rest('GET', undefined, kind, it.sid), 'read');
      allowed(await changeOverRest(it, 5), 'write');
      allowed(await rest('POST', { Ttl: '600' }, kind, it.sid), 'TTL');
      assert.equal((await rest('DELETE', undefined, kind, it.sid)).status, 204);
    });
  }
});

// ---- streams

test('a stream under ACL is its maker\'s and the backends\' alone', async () => {
  const [ada, bob] = [fresh('ada'), fresh('bob')];
  const [owner, second, guest] = [await airlock.client(ada), await airlock.client(ada), await airlock.client(bob)];
  const name = fresh('stream');
  const mine = await subscribed(await owner.stream(name));
  const twin = await subscribed(await second.stream(name));
  const [seen, there] = [watch(mine), watch(twin)];
  for (const mode of ['open_or_create', 'open_existing', 'create_new']) {
    const error = await refused(guest.stream({ id: name, mode }), mode);
    assert.deepEqual([error.status, error.code], mode === 'create_new' ? [409, 54301] : [403, 54007]);
  }
  const socket = await airlock.socket(bob);
  forbidden(await socket.request('POST', pathOf(mine.links.messages), { data: { n: 9 } }), 'publish');
  assert.equal((await socket.subscribe(mine.sid, 'stream', null)).kind, 'subscription_failed');
  await rest('POST', { Data: '{"n":1}' }, 'Streams', name, 'Messages');
  await mine.publishMessage({ n: 2 });
  await there.until((event) => event.data?.n === 2, 'heard');
  assert.deepEqual(there.seen.map((event) => event.data.n), [1, 2]);
  // The SDK tells its own message when the reply comes, beside the order of the events.
  await seen.until((event) => event.data?.n === 1, 'the backend is heard');
  assert.deepEqual(seen.seen.map((event) => event.data.n).sort(), [1, 2]);
  assert.ok(!socket.frames.some((frame) => frame.body?.event_type === 'stream_message_published'));
});

// ---- policies and grants

/** A room with something published in every kind, readable with a permission. */
async function hushed() {
  const [room, ada] = [fresh('room'), fresh('ada')];
  const socket = await airlock.socket(ada);
  const made = (await socket.request('POST', path('Documents'), { unique_name: `hush/${room}/${ada}`, data: { n: 1 } })).body;
  const shared = { Documents: `hushed/${room}/${ada}/document`, Lists: `hushed/${room}/list`, Maps: `hushed/${room}/map` };
  const objects = {};
  for (const kind of KINDS) {
    const { sid } = (await rest('GET', undefined, kind, shared[kind])).body;
    objects[kind] = { kind, name: shared[kind], sid, root: `/v3/Services/${airlock.service}/${kind}/${sid}`, items: `/v3/Services/${airlock.service}/${kind}/${sid}/Items` };
  }
  return { room, ada, socket, objects, say: (n) => socket.request('POST', pathOf(made.url), { data: n === null ? {} : { n } }), private: made };
}

test('a shared object stays closed to clients whatever is granted: the hostile walk with every permission', async (t) => {
  const [room, ada, eve] = [fresh('room'), fresh('ada'), fresh('eve')];
  const owner = await airlock.socket(ada, { claims: { name: 'Ada' } });
  const post = async (kind, name, body) => (await owner.request('POST', path(kind), { unique_name: name, ...body })).body;
  const cards = await post('Lists', `cards/${room}/${ada}`, {});
  await owner.request('POST', pathOf(cards.links.items), { data: { title: 'stands' } });
  const cursor = await post('Documents', `cursors/${room}/${ada}`, { data: { x: 1, y: 1 } });
  await post('Documents', `status/${ada}`, { data: { text: 'here' } });
  const shared = [['Documents', `people/${ada}/status`], ['Maps', `rooms/${room}/cursors`], ['Lists', `rooms/${room}/cards`]];
  const socket = await airlock.socket(eve);
  const standing = async () => [await airlock.document(shared[0][1]), await airlock.entries(shared[1][1]), await airlock.list(shared[2][1])];
  const before = await standing();
  for (const identity of [eve, ada]) for (const [kind, name] of shared) await airlock.grant(kind, name, identity, 'rwm');
  for (const [who, it] of [['a stranger', socket], ['the author', owner]]) {
    for (const [kind, name] of shared) {
      await t.test(`${kind}, ${who}`, async () => {
        const root = (await it.request('GET', path(kind, name))).body;
        const url = pathOf(root.url);
        const item = kind === 'Documents' ? null : (await it.request('GET', `${url}/Items`, undefined, { params: { Order: 'asc' } })).body.items[0];
        const lie = { data: { title: 'owned', status: 'owned', left: 9 } };
        const attempts = kind === 'Documents' ? [['POST', url, lie], ['POST', url, lie, root.revision], ['POST', url, lie, 'ffff'], ['POST', url, { data: {} }]]
          : kind === 'Lists' ? [['POST', `${url}/Items`, lie], ['POST', pathOf(item.url), lie], ['POST', pathOf(item.url), lie, item.revision], ['DELETE', pathOf(item.url)], ['POST', pathOf(item.url), { ttl: 1 }], ['POST', `${url}/Items/999`, lie], ['DELETE', `${url}/Items/999`]]
            : [['PUT', `${url}/Items/eve`, lie], ['PUT', `${url}/Items/eve`, lie, '-1'], ['PUT', pathOf(item.url), lie], ['PUT', pathOf(item.url), lie, item.revision], ['DELETE', pathOf(item.url)], ['POST', pathOf(item.url), { ttl: 1 }], ['DELETE', `${url}/Items/none`]];
        for (const [method, where, body, match] of [...attempts, ['POST', url, { ttl: 1 }], ['DELETE', url], ['DELETE', path(kind, name)], ['POST', path(kind), { unique_name: name }]]) {
          forbidden(await it.request(method, where, body, match ? { match } : {}), `${method} ${where} ${JSON.stringify(body)}`);
        }
      });
    }
  }
  await t.test('and it stands as it stood', async () => assert.deepEqual(await standing(), before));
  assert.ok(cursor.sid);
});

test('a grant to another on a private object is refused (409), and gives nothing', async (t) => {
  const [room, ada, bob] = [fresh('room'), fresh('ada'), fresh('bob')];
  const owner = await airlock.socket(ada, { claims: { name: 'Ada' } });
  const guest = await airlock.socket(bob);
  for (const [kind, name] of [['Documents', `lines/${room}/${ada}`], ['Lists', `cards/${room}/${ada}`], ['Maps', `tags/${room}/${ada}`]]) {
    await t.test(kind, async () => {
      assert.equal((await owner.request('POST', path(kind), { unique_name: name })).status, 201);
      const answer = await rest('POST', { Read: 'true', Write: 'true', Manage: 'true' }, kind, name, 'Permissions', bob);
      assert.equal(answer.status, 409, answer.text);
      forbidden(await guest.request('GET', path(kind, name)), 'nothing was given');
      allowed(await owner.request('GET', path(kind, name)), 'its owner');
    });
  }
});

test('`read = "permission"`: closed without a grant, open with `read`, for its author too', async (t) => {
  const it = await hushed();
  const [bob, cyd] = [fresh('bob'), fresh('cyd')];
  const sockets = { [bob]: await airlock.socket(bob), [cyd]: await airlock.socket(cyd), [it.ada]: await airlock.socket(it.ada) };
  for (const kind of KINDS) {
    await t.test(kind, async () => {
      const object = it.objects[kind];
      for (const socket of Object.values(sockets)) {
        forbidden(await socket.request('GET', path(kind, object.name)), 'by name');
        forbidden(await socket.request('GET', object.root), 'by SID');
        if (kind !== 'Documents') forbidden(await socket.request('GET', object.items), 'its items');
        assert.equal(await subscribe(socket, object), 403);
      }
      await airlock.grant(kind, object.name, bob, 'r');
      await airlock.grant(kind, object.name, cyd, 'wm');
      allowed(await sockets[bob].request('GET', path(kind, object.name)), 'granted');
      assert.equal(await subscribe(sockets[bob], object), 200);
      forbidden(await sockets[cyd].request('GET', path(kind, object.name)), 'only `read` counts');
      forbidden(await sockets[it.ada].request('GET', path(kind, object.name)), 'its author');
    });
  }
});

test('`read = "permission"` taken while subscribed: 403 at once, and silence though the policy goes on publishing', async (t) => {
  for (const kind of KINDS) {
    await t.test(kind, async () => {
      const it = await hushed();
      const object = it.objects[kind];
      const bob = fresh('bob');
      await airlock.grant(kind, object.name, bob, 'r');
      const client = await airlock.client(bob);
      const opened = await subscribed(await client[TYPE[kind]](object.name));
      const mark = await subscribed(await client.document({ id: fresh('mark'), data: { n: 0 } }));
      const [seen, marks] = [watch(opened), watch(mark)];
      await it.say(2);
      await seen.until((event) => event.data?.n === 2, 'heard');
      await rest('DELETE', undefined, kind, object.name, 'Permissions', bob);
      await it.say(3);
      await it.say(null);
      await it.say(4);
      const failure = await seen.until((event) => event.name === 'failure', 'told');
      assert.deepEqual([failure.status, failure.code], [403, 54007]);
      await rest('POST', { Data: '{"n":"mark"}' }, 'Documents', mark.sid);
      await marks.until((event) => event.data?.n === 'mark', 'the mark');
      assert.ok(!seen.seen.some((event) => [3, 4].includes(event.data?.n) || event.name === 'itemRemoved'), JSON.stringify(seen.seen));
      assert.equal(client.connectionState, 'connected');
    });
  }
});

test('a subscription to a shared object that does not stand waits, and is judged when it is born', async (t) => {
  for (const kind of KINDS) {
    await t.test(`${kind}, without a grant: 403 at birth, no event`, async () => {
      const [room, ada, bob] = [fresh('room'), fresh('ada'), fresh('bob')];
      const name = { Documents: `hushed/${room}/${ada}/document`, Lists: `hushed/${room}/list`, Maps: `hushed/${room}/map` }[kind];
      const absent = await rest('GET', undefined, kind, name);
      assert.equal(absent.status, 200, 'a backend reads the zero state');
      const object = { kind, sid: absent.body.sid };
      const [socket, mark] = [await airlock.socket(bob), await make('Documents')];
      await airlock.grant('Documents', mark.sid, bob, 'r');
      await subscribe(socket, mark);
      const early = await subscribe(socket, object);
      assert.ok([200, 403].includes(early), `it waits, or is refused: ${early}`);
      const owner = await airlock.socket(ada);
      assert.equal((await owner.request('POST', path('Documents'), { unique_name: `hush/${room}/${ada}`, data: { n: 1 } })).status, 201);
      await changeOverRest(mark, 'mark');
      await until(() => heard(socket, mark).includes('mark'), 'the mark');
      assert.deepEqual(heard(socket, object), []);
      assert.deepEqual(failures(socket, object).map((event) => event.error.status), [403], 'told once, early or at birth');
    });
    await t.test(`${kind}, granted before its birth: hears the first event`, async () => {
      const [room, ada, bob] = [fresh('room'), fresh('ada'), fresh('bob')];
      const name = { Documents: `hushed/${room}/${ada}/document`, Lists: `hushed/${room}/list`, Maps: `hushed/${room}/map` }[kind];
      const object = { kind, sid: (await rest('GET', undefined, kind, name)).body.sid };
      await airlock.grant(kind, name, bob, 'r');
      const socket = await airlock.socket(bob);
      allowed(await socket.request('GET', path(kind, name)), 'it reads as empty');
      assert.equal(await subscribe(socket, object), 200);
      const owner = await airlock.socket(ada);
      await owner.request('POST', path('Documents'), { unique_name: `hush/${room}/${ada}`, data: { n: 1 } });
      await until(() => heard(socket, object).includes(1), 'the first event');
    });
    await t.test(`${kind}, granted and taken again before its birth: silence`, async () => {
      const [room, ada, bob] = [fresh('room'), fresh('ada'), fresh('bob')];
      const name = { Documents: `hushed/${room}/${ada}/document`, Lists: `hushed/${room}/list`, Maps: `hushed/${room}/map` }[kind];
      const object = { kind, sid: (await rest('GET', undefined, kind, name)).body.sid };
      await airlock.grant(kind, name, bob, 'r');
      const [socket, mark] = [await airlock.socket(bob), await make('Documents')];
      await airlock.grant('Documents', mark.sid, bob, 'r');
      await subscribe(socket, mark);
      assert.equal(await subscribe(socket, object), 200);
      await rest('DELETE', undefined, kind, name, 'Permissions', bob);
      const owner = await airlock.socket(ada);
      await owner.request('POST', path('Documents'), { unique_name: `hush/${room}/${ada}`, data: { n: 1 } });
      await changeOverRest(mark, 'mark');
      await until(() => heard(socket, mark).includes('mark'), 'the mark');
      assert.deepEqual(heard(socket, object), []);
      assert.deepEqual(failures(socket, object).map((event) => event.error.status), [403]);
    });
  }
});

test('grants on a shared object die when a backend removes it, though it is born again under the same name and SID', async (t) => {
  for (const kind of KINDS) {
    await t.test(kind, async () => {
      const it = await hushed();
      const object = it.objects[kind];
      const bob = fresh('bob');
      await airlock.grant(kind, object.name, bob, 'r');
      const [socket, mark] = [await airlock.socket(bob), await make('Documents')];
      await airlock.grant('Documents', mark.sid, bob, 'r');
      assert.deepEqual([await subscribe(socket, object), await subscribe(socket, mark)], [200, 200]);
      const removed = await rest('DELETE', undefined, kind, object.name);
      assert.equal(removed.status, 204, removed.text);
      await it.say(2);
      await changeOverRest(mark, 'mark');
      await until(() => heard(socket, mark).includes('mark'), 'the mark');
      assert.ok(!heard(socket, object).includes(2), 'the old grant gives nothing');
      forbidden(await socket.request('GET', path(kind, object.name)), 'by name');
      forbidden(await socket.request('GET', object.root), 'by SID');
      assert.deepEqual((await rest('GET', undefined, kind, object.name, 'Permissions')).body.permissions, []);
    });
  }
});

test('an identity that calls itself `system` has no more rights than another', async () => {
  const socket = await airlock.socket('system');
  for (const kind of ALL) {
    const it = await make(kind);
    forbidden(await socket.request('GET', path(kind, it.name)), kind);
    forbidden(await change(socket, it, 9), kind);
  }
});

test('a private object is its owner\'s for good: its row cannot be taken, and a grant to the owner changes nothing', async () => {
  const [room, ada] = [fresh('room'), fresh('ada')];
  const owner = await airlock.socket(ada);
  const name = `cards/${room}/${ada}`;
  const made = (await owner.request('POST', path('Lists'), { unique_name: name })).body;
  await rest('POST', { Read: 'false', Write: 'false', Manage: 'false' }, 'Lists', name, 'Permissions', ada);
  await rest('DELETE', undefined, 'Lists', name, 'Permissions', ada);
  allowed(await owner.request('GET', path('Lists', name)), 'read');
  allowed(await owner.request('POST', pathOf(made.links.items), { data: { title: 'a' } }), 'write');
  allowed(await owner.request('DELETE', pathOf(made.url)), 'remove');
});

test('a shared stream with `read = "permission"` is heard by nobody: streams have no grants', async () => {
  const [room, ada, bob] = [fresh('room'), fresh('ada'), fresh('bob')];
  const name = `hushed/${room}/whispers`;
  const { sid } = (await rest('GET', undefined, 'Streams', name)).body;
  const [socket, mark] = [await airlock.socket(bob), await make('Documents')];
  await airlock.grant('Documents', mark.sid, bob, 'r');
  await subscribe(socket, mark);
  forbidden(await socket.request('GET', path('Streams', name)), 'open');
  await socket.subscribe(sid, 'stream', null);
  const owner = await airlock.socket(ada);
  const made = (await owner.request('POST', path('Streams'), { unique_name: `whispers/${room}/${ada}` })).body;
  assert.equal((await owner.request('POST', pathOf(made.links.messages), { data: { n: 1 } })).status, 201);
  await changeOverRest(mark, 'mark');
  await until(() => heard(socket, mark).includes('mark'), 'the mark');
  assert.deepEqual(heard(socket, { sid }), []);
});

test('policies do not ask for AclEnabled: with it off, shared and foreign private objects are as closed (decision 20)', async () => {
  const [room, ada] = [fresh('room'), fresh('ada')];
  const [owner, guest] = [await airlock.socket(ada, { service: open }), await airlock.socket(fresh('eve'), { service: open })];
  const cards = (await owner.request('POST', path('Lists'), { unique_name: `cards/${room}/${ada}` })).body;
  await owner.request('POST', pathOf(cards.links.items), { data: { title: 'stands' } });
  await owner.request('POST', path('Documents'), { unique_name: `hush/${room}/${ada}`, data: { n: 1 } });
  const shared = (await guest.request('GET', path('Lists', `rooms/${room}/cards`))).body;
  forbidden(await guest.request('POST', pathOf(shared.links.items), { data: { title: 'owned' } }), 'push to a shared list');
  forbidden(await guest.request('DELETE', pathOf(shared.url)), 'remove a shared list');
  forbidden(await guest.request('GET', path('Lists', `cards/${room}/${ada}`)), 'a private list');
  forbidden(await guest.request('POST', pathOf(cards.links.items), { data: { title: 'owned' } }), 'push to a private list');
  forbidden(await guest.request('GET', path('Lists', `hushed/${room}/list`)), 'what asks for a permission');
});

// ---- switching

test('grants written while ACL is off hold once it is on', async () => {
  const sid = await service('false');
  const [ada, bob, cyd] = [fresh('ada'), fresh('bob'), fresh('cyd')];
  const sockets = [];
  for (const identity of [ada, bob, cyd]) sockets.push(await airlock.socket(identity, { service: sid }));
  const name = fresh('doc');
  await sockets[0].request('POST', path('Documents'), { unique_name: name, data: { n: 0 } });
  await airlock.grant('Documents', name, bob, 'r', sid);
  allowed(await sockets[2].request('GET', path('Documents', name)), 'off: anybody');
  await airlock.backend('POST', `/v1/Services/${sid}`, { AclEnabled: 'true' });
  allowed(await sockets[0].request('GET', path('Documents', name)), 'on: its maker');
  allowed(await sockets[1].request('GET', path('Documents', name)), 'on: who was granted');
  forbidden(await sockets[2].request('GET', path('Documents', name)), 'on: nobody else');
  await airlock.backend('POST', `/v1/Services/${sid}`, { AclEnabled: 'false' });
  allowed(await sockets[2].request('GET', path('Documents', name)), 'off again: anybody');
});

test('the flag switched under load: no event to one without a right behind the acknowledgement, and no honest client loses its connection', async () => {
  const sid = await service('false');
  const [ada, bob] = [fresh('ada'), fresh('bob')];
  const owner = await airlock.client(ada, { service: sid });
  const twin = await airlock.client(ada, { service: sid });
  const guest = await airlock.socket(bob, { service: sid });
  const bystander = await airlock.client(fresh('cyd'), { service: open });
  const names = [fresh('doc'), fresh('list'), fresh('map'), fresh('stream')];
  const mine = [await owner.document({ id: names[0], data: { n: 0 } }), await owner.list(names[1]), await owner.map(names[2]), await owner.stream(names[3])];
  const seconds = [await twin.document(names[0]), await twin.list(names[1]), await twin.map(names[2]), await twin.stream(names[3])];
  await Promise.all(seconds.map(subscribed));
  const ears = seconds.map((it) => watch(it));
  const mark = (await guest.request('POST', path('Documents'), { unique_name: fresh('mark'), data: { n: 0 } })).body;
  const marked = { kind: 'Documents', sid: mark.sid };
  assert.equal(await subscribe(guest, marked), 200);
  const objects = mine.map((it, n) => ({ kind: ALL[n], sid: it.sid }));
  let sent = 0;
  let over = false;
  const writing = (async () => {
    while (!over) {
      const n = ++sent;
      await Promise.all([mine[0].set({ n }), mine[1].push({ n }), mine[2].set('k', { n }), mine[3].publishMessage({ n })]);
    }
  })();
  const failed = (it) => failures(guest, it).length;
  for (let round = 0; round < 4; round += 1) {
    const before = objects.map(failed);
    for (const it of objects) assert.equal(await subscribe(guest, it), 200, `round ${round}: open to all`);
    const from = sent;
    await until(() => from + 3 <= sent, 'writes go on');
    await airlock.backend('POST', `/v1/Services/${sid}`, { AclEnabled: 'true' });
    const limit = sent;
    await until(() => limit + 5 <= sent, 'and on');
    await airlock.backend('POST', `/v1/Services/${sid}/Documents/${mark.sid}`, { Data: JSON.stringify({ n: `mark ${round}` }) });
    await until(() => heard(guest, marked).includes(`mark ${round}`), 'the mark');
    for (const [n, it] of objects.entries()) {
      const numbers = heard(guest, it).filter((value) => from < value);
      assert.ok(numbers.every((value) => value <= limit), `round ${round}, ${it.kind}: heard ${numbers.at(-1)}, sent ${limit} when it was acknowledged`);
      assert.equal(failed(it), before[n] + 1, `round ${round}, ${it.kind}: told once`);
      forbidden(await guest.request('GET', path(it.kind, it.sid)), `round ${round}, ${it.kind}`);
    }
    await airlock.backend('POST', `/v1/Services/${sid}`, { AclEnabled: 'false' });
  }
  over = true;
  await writing;
  for (const ear of ears) {
    await ear.until((event) => event.data?.n === sent, 'its maker\'s second client has heard to the end');
    assert.ok(!ear.seen.some((event) => ['failure', 'removed'].includes(event.name)));
  }
  assert.deepEqual(ears[1].seen.filter((event) => event.name === 'itemAdded').map((event) => event.data.n), Array.from({ length: sent }, (_, n) => n + 1), 'each item once');
  for (const client of [owner, twin, bystander]) {
    assert.equal(client.connectionState, 'connected');
    assert.deepEqual(client.states.filter((state) => !['connecting', 'connected'].includes(state)), [], 'no honest client lost its connection');
  }
  assert.ok(!guest.gone, 'not even the one without a right');
});

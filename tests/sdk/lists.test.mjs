// Lists as in Sync: each method of the SDK, each event, each index once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, connected, fresh, path, pathOf, refused, subscribed } from './support.mjs';
import { listed } from './socket.mjs';
import { next, until, watch } from './waiting.mjs';

let airlock;
before(async () => { airlock = await Airlock.start(); });
after(() => airlock?.stop());

/** A list, open and subscribed in two clients of one identity. */
async function pair() {
  const ada = fresh('ada');
  const [one, two] = [await airlock.client(ada), await airlock.client(ada)];
  const name = fresh('list');
  const mine = await one.list(name);
  const yours = await two.list(name);
  await Promise.all([subscribed(mine), subscribed(yours)]);
  return { ada, one, two, name, mine, yours, here: watch(mine), there: watch(yours) };
}

/** A raw socket with a list, and `count` items in it, `{ n: index }`. */
async function raw(count = 0) {
  const ada = fresh('ada');
  const socket = await airlock.socket(ada);
  const list = (await socket.request('POST', path('Lists'), { unique_name: fresh('list') })).body;
  const items = pathOf(list.links.items);
  for (let n = 0; n < count; n += 1) {
    const { status, body } = await socket.request('POST', items, { data: { n } });
    assert.deepEqual([status, body.index], [201, n]);
  }
  const query = (params) => socket.request('GET', items, undefined, { params: { HideExpired: 'true', ...params } });
  return { ada, socket, list, items, query };
}

const indexes = (page) => page.items.map((it) => it.index);
const range = (from, to) => Array.from({ length: Math.abs(to - from) + 1 }, (_, n) => from + Math.sign(to - from || 1) * n);
function fault({ status, body, text }, expected, code, what = '') {
  assert.equal(status, expected, `${what} ${text.slice(0, 300)}`);
  assert.ok([code].flat().includes(body?.code), `${what} ${text.slice(0, 300)}`);
}

// ---- opening

test('lists open in every mode', async (t) => {
  const ada = fresh('ada');
  const client = await airlock.client(ada);
  const other = await airlock.client(ada);
  const name = fresh('list');
  await t.test('open_existing of what does not exist is 404/54300 (404 only for what does not exist)', async () => {
    const error = await refused(client.list({ id: name, mode: 'open_existing' }));
    assert.deepEqual([error.status, error.code], [404, 54300]);
  });
  await t.test('an unknown SID is 404/54150', async () => {
    const error = await refused(client.list({ id: `ES${'0'.repeat(32)}`, mode: 'open_existing' }));
    assert.equal(error.status, 404);
    assert.ok([54150, 54300].includes(error.code), `${error.code}`);
  });
  const made = await client.list(name);
  await t.test('open_or_create makes it, empty, with a SID of its kind', async () => {
    assert.match(made.sid, /^ES[0-9a-f]{32}$/);
    assert.deepEqual([made.uniqueName, made.dateExpires, made.revision], [name, null, '0']);
    assert.equal(typeof made.lastEventId, 'number');
    assert.equal((await made.getItems()).items.length, 0);
  });
  await t.test('open_or_create of what exists opens the same', async () => {
    assert.equal((await other.list(name)).sid, made.sid);
  });
  await t.test('create_new of what exists is 409/54301', async () => {
    const error = await refused(other.list({ id: name, mode: 'create_new' }));
    assert.deepEqual([error.status, error.code], [409, 54301]);
  });
  await t.test('a SID opens it as well as its name', async () => {
    const third = await airlock.client(ada);
    const bySid = await third.list({ id: made.sid, mode: 'open_existing' });
    assert.deepEqual([bySid.sid, bySid.uniqueName], [made.sid, name]);
  });
  await t.test('a list without a name has none, and two of them are two', async () => {
    const [one, two] = [await client.list(), await client.list()];
    assert.deepEqual([one.uniqueName, two.uniqueName], [null, null]);
    assert.notEqual(one.sid, two.sid);
  });
  await t.test('create_new takes a TTL', async () => {
    const brief = await client.list({ id: fresh('list'), mode: 'create_new', ttl: 600 });
    assert.ok(Math.abs(Date.parse(brief.dateExpires) - Date.now() - 600_000) < 5_000, brief.dateExpires);
  });
  await t.test('a name is unique in its kind: document, map, list and stream may share one', async () => {
    const [document, map, stream] = [await client.document(name), await client.map(name), await client.stream(name)];
    assert.equal(new Set([document.sid, map.sid, stream.sid, made.sid]).size, 4);
  });
  await t.test('bad names are 400/54302', async () => {
    const socket = await airlock.socket(ada);
    for (const bad of ['', 'x'.repeat(321), `ES${'a'.repeat(32)}`]) {
      fault(await socket.request('POST', path('Lists'), { unique_name: bad }), 400, 54302, bad.slice(0, 10));
    }
  });
});

test('the context of a list is what it was made with, and nobody sets it later (ADR 4)', async () => {
  const ada = fresh('ada');
  const socket = await airlock.socket(ada);
  const name = fresh('list');
  const made = await socket.request('POST', path('Lists'), { unique_name: name, purpose: 'chat', context: { topic: 'tea' } });
  assert.equal(made.status, 201, made.text);
  const client = await airlock.client(ada);
  assert.deepEqual(await (await client.list(name)).getContext(), { topic: 'tea' });
  assert.deepEqual(await (await client.list(fresh('list'))).getContext(), {}, 'without one it is empty');
  const set = await socket.request('POST', pathOf(made.body.links.context), { data: { topic: 'coffee' } });
  assert.ok(400 <= set.status && set.status < 500, set.text);
  assert.deepEqual((await socket.request('GET', pathOf(made.body.links.context))).body.data, { topic: 'tea' });
});

test('the root of a list has what the SDK reads: absolute urls, links, string revision, numeric event id', async () => {
  const { list, socket } = await raw(1);
  const root = (await socket.request('GET', path('Lists', list.sid))).body;
  for (const url of [root.url, root.links.items, root.links.context]) assert.match(url, /^https?:\/\/[^/?]+\/v3\/[^?]+$/);
  assert.equal(root.date_expires, null);
  assert.equal(typeof root.revision, 'string');
  assert.equal(typeof root.last_event_id, 'number');
  assert.ok(!('data' in root) || root.data === undefined);
});

// ---- items

test('push counts from 0, and the answer is the item', async () => {
  const { mine, there } = await pair();
  for (let n = 0; n < 3; n += 1) {
    const item = await mine.push({ n, text: 'é😀', deep: [null, { a: 1 }] });
    assert.deepEqual([item.index, item.data.n, item.dateExpires], [n, n, null]);
  }
  await there.until((it) => it.index === 2, 'the last');
  assert.deepEqual(there.seen.map((it) => [it.name, it.index, it.data.n, it.isLocal]), [0, 1, 2].map((n) => ['itemAdded', n, n, false]));
  assert.deepEqual(there.seen[0].data, { n: 0, text: 'é😀', deep: [null, { a: 1 }] });
});

test('pushes at once from two clients get an index each, and both see all of them once', async () => {
  const { mine, yours, here, there } = await pair();
  const items = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? mine : yours).push({ n })));
  assert.deepEqual(items.map((it) => it.index).sort((a, b) => a - b), range(0, 19));
  for (const [who, seen] of [['one', here], ['two', there]]) {
    await until(() => seen.seen.length === 20, `${who} has seen all`);
    assert.deepEqual(seen.seen.map((it) => it.index).sort((a, b) => a - b), range(0, 19), who);
    assert.equal(seen.seen.filter((it) => it.isLocal).length, 10, `${who}: its own are local, once`);
    const ids = seen.seen.filter((it) => !it.isLocal).map((it) => it.id);
    assert.deepEqual(ids, [...ids].sort((a, b) => a - b), `${who}: in order`);
  }
});

test('get: from the cache, from the server, and 404/54151 for what is not there', async () => {
  const { mine, yours } = await pair();
  await mine.push({ n: 1 });
  assert.deepEqual((await mine.get(0)).data, { n: 1 });
  const third = await (await airlock.client(fresh('x'))).list(); // of its own, empty
  for (const [list, index] of [[yours, 7], [third, 0]]) {
    const error = await refused(list.get(index));
    assert.deepEqual([error.status, error.code], [404, 54151]);
  }
});

test('a missing item is an empty page with 200 and `meta` on the wire', async () => {
  const { query } = await raw(1);
  const { status, body } = await query({ Index: '5' });
  assert.deepEqual([status, body.items, typeof body.meta], [200, [], 'object']);
  const one = await query({ Index: '0' });
  assert.deepEqual(indexes(one.body), [0]);
  assert.equal(typeof one.body.items[0].index, 'number', 'a strict key of the SDK\'s cache');
});

test('set replaces, update merges, and the others see previous and new', async () => {
  const { mine, yours, here, there } = await pair();
  await mine.push({ a: 1, b: 1 });
  await there.until((it) => it.name === 'itemAdded', 'added');
  await mine.set(0, { a: 2 });
  const set = await there.until((it) => it.name === 'itemUpdated', 'updated');
  assert.deepEqual([set.data, set.previous, set.isLocal], [{ a: 2 }, { a: 1, b: 1 }, false]);
  await yours.update(0, { c: 3 });
  const updated = await here.until((it) => it.data?.c === 3, 'back');
  assert.deepEqual([updated.data, updated.isLocal], [{ a: 2, c: 3 }, false]);
  assert.equal(here.seen.filter((it) => it.name === 'itemUpdated').length, 2, 'reply before echo: its own set is told once, as local');
});

test('set, update and mutate of a missing item are 404 and make nothing', async () => {
  const { mine, name } = await pair();
  for (const attempt of [() => mine.set(3, { a: 1 }), () => mine.update(3, { a: 1 }), () => mine.mutate(3, () => ({ a: 1 })), () => mine.remove(3), () => mine.setItemTtl(3, 5)]) {
    const error = await refused(attempt());
    assert.equal(error.status, 404);
  }
  assert.deepEqual(await airlock.list(name), []);
});

test('two clients mutate one item without losing a step (If-Match, 412/54155, retry)', async () => {
  const { mine, yours, name } = await pair();
  await mine.push({ n: 0 });
  await Promise.all([mine, yours].flatMap((it) => Array.from({ length: 6 }, () => it.mutate(0, (data) => ({ n: data.n + 1 })))));
  assert.deepEqual(await airlock.list(name), [[0, { n: 12 }]]);
});

test('a mutator that says nothing sends nothing', async () => {
  const { mine } = await pair();
  await mine.push({ n: 0 });
  await mine.mutate(0, () => null);
  const [item] = await airlock.allItems('Lists', mine.sid);
  assert.deepEqual([item.revision, item.data], ['0', { n: 0 }]);
});

test('If-Match on the wire: a stale one is 412/54155 and changes nothing, a current one wins, nonsense is 400/54003', async () => {
  const { socket, items, query } = await raw(1);
  const second = await socket.request('POST', `${items}/0`, { data: { n: 1 } }, { match: '0' });
  assert.deepEqual([second.status, second.body.revision], [200, '1']);
  fault(await socket.request('POST', `${items}/0`, { data: { n: 2 } }, { match: '0' }), 412, 54155);
  fault(await socket.request('POST', `${items}/0`, { data: { n: 2 } }, { match: 'not hex' }), 400, 54003);
  assert.deepEqual((await query({ Index: '0' })).body.items[0].data, { n: 1 });
});

test('remove: the others hear it once with the data that went, and the item is gone', async () => {
  const { mine, there, name } = await pair();
  await mine.push({ n: 0 });
  await mine.push({ n: 1 });
  await mine.remove(0);
  await mine.push({ n: 2 });
  await there.until((it) => it.index === 2, 'the mark');
  const removed = there.seen.filter((it) => it.name === 'itemRemoved');
  assert.deepEqual(removed.map((it) => [it.index, it.isLocal, it.previous]), [[0, false, { n: 0 }]]);
  assert.deepEqual((await airlock.list(name)).map(([index]) => index), [1, 2]);
});

test('an item removal answers 200 with a body, a second one 404/54151', async () => {
  const { socket, items, query } = await raw(1);
  const before = (await query({ Index: '0' })).body.items[0];
  const gone = await socket.request('DELETE', `${items}/0`);
  assert.equal(gone.status, 200);
  assert.ok(before.last_event_id < gone.body.last_event_id);
  assert.ok(gone.body.date_updated);
  fault(await socket.request('DELETE', `${items}/0`), 404, 54151);
  fault(await socket.request('POST', `${items}/0`, { data: { n: 9 } }), 404, 54151, 'a removed item is not written back');
  fault(await socket.request('POST', `${items}/0`, { ttl: 9 }), 404, 54151);
});

test('what is no index is refused and makes nothing: no item under an index that was not given', async (t) => {
  const { socket, items, list } = await raw(1);
  for (const bad of ['1', '-1', '1.5', 'x', '4294967296', '99999999999999999999', '%20', '0x0', '+0']) {
    await t.test(`Items/${bad}`, async () => {
      for (const [method, body] of [['POST', { data: { n: 9 } }], ['PUT', { data: { n: 9 } }], ['DELETE', undefined]]) {
        const { status, text } = await socket.request(method, `${items}/${bad}`, body);
        assert.ok(400 <= status && status < 500, `${method}: ${status} ${text}`);
      }
    });
  }
  const before = await airlock.list(list.sid);
  assert.deepEqual(before, [[0, { n: 0 }]]);
  const { body } = await socket.request('POST', items, { data: { n: 1 } });
  assert.equal(body.index, 1, 'the next index is the next');
});

test('data that is no object, nothing at all, and too much of it', async (t) => {
  const { socket, items, list } = await raw(1);
  const sized = (bytes) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) });
  const rows = {
    'an array': [{ data: [1] }, 400, [54008, 54156]],
    'a string': [{ data: 'x' }, 400, [54008, 54156]],
    'a number': [{ data: 1 }, 400, [54008, 54156]],
    'null': [{ data: null }, 400, [54101, 54156]],
    'no data': [{}, 400, [54010, 54101, 54156]],
    'no JSON': ['{"data":', 400, 54008],
    'a negative TTL': [{ data: {}, ttl: -1 }, 400, 54011],
    'a TTL beyond a year': [{ data: {}, ttl: 31_536_001 }, 400, 54011],
    '16,385 bytes': [{ data: sized(16_385) }, 413, 54006],
  };
  for (const [what, [body, status, code]] of Object.entries(rows)) {
    await t.test(`${what} is ${status}, pushed and set`, async () => {
      fault(await socket.request('POST', items, body), status, code, 'push');
      fault(await socket.request('POST', `${items}/0`, body), status, code, 'set');
    });
  }
  assert.deepEqual(await airlock.list(list.sid), [[0, { n: 0 }]], 'a refused write changes nothing');
  assert.equal((await socket.request('POST', items, { data: sized(16_384) })).status, 201, '16,384 bytes are the last that fit');
});

test('the SDK refuses what is no object before it is sent, and the list goes on', async () => {
  const { mine } = await pair();
  for (const value of [[1], 'x', 1, null]) await refused(mine.push(value));
  assert.equal((await mine.push({ n: 1 })).index, 0);
});

test('what a client says of index, maker or revision is not asked', async () => {
  const { ada, socket, list, items } = await raw(1);
  const pushed = await socket.request('POST', items, { data: { n: 1 }, index: 7, key: 'x', revision: 'ff', created_by: 'system', last_event_id: 1 });
  assert.deepEqual([pushed.status, pushed.body.index, pushed.body.revision], [201, 1, '0'], pushed.text);
  assert.equal((await airlock.allItems('Lists', list.sid))[1].created_by, ada);
});

test('a repeated push with the same request id is one item, and gets the same answer (decision 7)', async () => {
  const { socket, list, items } = await raw(0);
  const request = 'a'.repeat(31) + process.pid % 10;
  const first = await socket.request('POST', items, { data: { n: 1 } }, { request });
  const again = await socket.request('POST', items, { data: { n: 1 } }, { request });
  assert.deepEqual([first.status, again.status, again.body.index], [201, 201, first.body.index]);
  const other = await socket.request('POST', items, { data: { n: 2 } }, { request });
  assert.equal(other.body.index, first.body.index + 1, 'another body is another write');
  assert.equal((await airlock.list(list.sid)).length, 2);
});

test('the context is bounded and an object, as all data', async () => {
  const socket = await airlock.socket(fresh('ada'));
  const make = (context) => socket.request('POST', path('Lists'), { unique_name: fresh('list'), context });
  for (const context of [[1], 'x', 7]) assert.equal((await make(context)).status, 400, JSON.stringify(context));
  fault(await make({ a: 'x'.repeat(16_400) }), 413, 54006);
});

test('a SID opens its own kind and no other', async () => {
  const { socket, list } = await raw(1);
  for (const kind of ['Documents', 'Maps', 'Streams']) {
    const { status } = await socket.request('GET', path(kind, list.sid));
    assert.ok([404, 400].includes(status), `${kind}: ${status}`);
  }
  for (const type of ['document', 'map', 'stream']) {
    const { kind } = await socket.subscribe(list.sid, type, 0);
    assert.equal(kind, 'subscription_failed', type);
  }
});

test('subscription requests of nonsense are answered or refused, and the connection goes on', async () => {
  const { socket, list, items } = await raw(1);
  const ask = (body) => socket.request('POST', '/v4/Subscriptions', { event_protocol_version: 4, action: 'establish', correlation_id: 5, retried_requests: 0, ttl_in_s: -1, ...body });
  const one = (last) => ({ requests: [{ object_sid: list.sid, object_type: 'list', last_event_id: last }] });
  for (const body of [one('5'), one(-1), one(1.5), one({}), one(1e300), { requests: {} }, { requests: [null] }, { requests: [{}] }, { action: 'sudo', ...one(0) }, { correlation_id: 'x', ...one(0) }, {}]) {
    const { status } = await ask(body);
    assert.ok(200 <= status && status < 500, `${JSON.stringify(body)}: ${status}`);
  }
  assert.equal((await socket.subscribe(list.sid, 'list', null)).kind, 'subscription_established');
  const before = socket.notifications('list_item_added').length;
  await socket.request('POST', items, { data: { n: 'once' } });
  await until(() => before < socket.notifications('list_item_added').length, 'heard');
  await socket.request('GET', path('Lists', list.sid));
  assert.equal(socket.notifications('list_item_added').length, before + 1, 'subscribed often, told once');
});

// ---- revisions and ids

test('each change of an item is a new revision of the list, with a greater event id, and of the item alone', async () => {
  const { socket, list, items } = await raw(0);
  const root = async () => (await socket.request('GET', pathOf(list.url))).body;
  let [revision, id] = [list.revision, list.last_event_id];
  const step = async (answer, itemRevision, what) => {
    const now = await root();
    assert.notEqual(now.revision, revision, what);
    assert.ok(id < now.last_event_id, `${what}: a new revision comes with a greater event id`);
    assert.equal(answer.body.last_event_id, now.last_event_id, `${what}: root, item and reply share one counter`);
    if (itemRevision) assert.equal(answer.body.revision, itemRevision, what);
    [revision, id] = [now.revision, now.last_event_id];
  };
  await step(await socket.request('POST', items, { data: { n: 0 } }), '0', 'push');
  await step(await socket.request('POST', items, { data: { n: 0 } }), '0', 'a second push');
  for (let n = 1; n <= 17; n += 1) await step(await socket.request('POST', `${items}/0`, { data: { n } }), n.toString(16), `set ${n}`);
  await step(await socket.request('DELETE', `${items}/0`), undefined, 'remove');
});

test('a TTL-only change of list or item makes no revision; that of an item is an update with the same data', async () => {
  const { mine, yours, there, name } = await pair();
  await mine.push({ n: 0 });
  const before = (await airlock.backend('GET', airlock.at('Lists', name))).body;
  await mine.setTtl(600);
  assert.ok(Math.abs(Date.parse(mine.dateExpires) - Date.now() - 600_000) < 5_000);
  await mine.setItemTtl(0, 300);
  assert.ok(Math.abs(Date.parse((await mine.get(0)).dateExpires) - Date.now() - 300_000) < 5_000);
  const now = (await airlock.backend('GET', airlock.at('Lists', name))).body;
  assert.equal(now.revision, before.revision);
  await mine.setItemTtl(0, 0);
  await mine.setTtl(0);
  assert.deepEqual([mine.dateExpires, (await mine.get(0)).dateExpires], [null, null], '0 is: never');
  await yours.push({ n: 1 });
  await there.until((it) => it.index === 1, 'the mark');
  assert.deepEqual(there.seen.map((it) => it.name), ['itemAdded', 'itemUpdated', 'itemUpdated', 'itemAdded'], 'none for that of the list');
  assert.deepEqual(there.seen.filter((it) => it.name === 'itemUpdated').map((it) => [it.index, it.data]), [[0, { n: 0 }], [0, { n: 0 }]]);
});

test('data and TTL can come together, and a change of data leaves the expiry where it is', async () => {
  const { mine } = await pair();
  const item = await mine.push({ n: 0 }, { ttl: 600 });
  const when = String(item.dateExpires);
  assert.ok(Math.abs(Date.parse(when) - Date.now() - 600_000) < 5_000, when);
  await mine.set(0, { n: 1 });
  assert.equal(String((await mine.get(0)).dateExpires), when, 'fixed');
  await mine.set(0, { n: 2 }, { ttl: 60 });
  assert.ok(Math.abs(Date.parse((await mine.get(0)).dateExpires) - Date.now() - 60_000) < 5_000);
  await mine.update(0, { n: 3 }, { ttl: 0 });
  assert.equal((await mine.get(0)).dateExpires, null);
});

// ---- expiry

test('an expired item is removed for its watchers with its data, and its index is not given again', async () => {
  const { mine, here, there, name } = await pair();
  await mine.push({ n: 0 }, { ttl: 1 });
  await mine.push({ n: 1 });
  for (const seen of [here, there]) {
    const removed = await seen.until((it) => it.name === 'itemRemoved', 'expired', 15_000);
    assert.deepEqual([removed.index, removed.isLocal, removed.previous], [0, false, { n: 0 }]);
  }
  assert.deepEqual(await airlock.list(name), [[1, { n: 1 }]]);
  assert.equal((await mine.push({ n: 2 })).index, 2);
  assert.equal(here.seen.filter((it) => it.name === 'itemRemoved').length, 1, 'once');
});

test('an expired list is removed for its watchers, and its name is free', async () => {
  const { mine, here, there, name, two } = await pair();
  await mine.push({ n: 0 });
  await mine.setTtl(1);
  for (const seen of [here, there]) assert.equal((await seen.until((it) => it.name === 'removed', 'expired', 15_000)).isLocal, false);
  const again = await two.list(name);
  assert.notEqual(again.sid, mine.sid);
  assert.equal((await again.getItems()).items.length, 0);
});

// ---- getItems

test('getItems with every option', async (t) => {
  const { ada, list, socket, items } = await raw(0);
  const ids = [];
  for (let wave = 0; wave < 5; wave += 1) {
    const sent = Array.from({ length: 50 }, (_, n) => socket.start('POST', items, { data: { n: wave * 50 + n } }));
    for (const id of sent) ids.push((await socket.finish(id)).body.index);
  }
  assert.deepEqual(ids, range(0, 249), 'attempts of one connection to one object keep their order (decision 13)');
  await socket.request('DELETE', `${items}/100`);
  const left = range(0, 249).filter((it) => it !== 100);
  const open = async () => (await airlock.client(ada)).list(list.sid); // a cache of its own
  const walk = async (page, step = 'next') => {
    const pages = [indexes(page)];
    while (step === 'next' ? page.hasNextPage : page.hasPrevPage) {
      page = await (step === 'next' ? page.nextPage() : page.prevPage());
      pages.push(indexes(page));
    }
    return { pages, page };
  };
  const rows = {
    'without options: ascending, 50': [{}, range(0, 49)],
    'desc': [{ order: 'desc' }, range(249, 200)],
    'pageSize': [{ pageSize: 7 }, range(0, 6)],
    'limit is pageSize': [{ limit: 12 }, range(0, 11)],
    'from, ascending, inclusive': [{ from: 20, pageSize: 10 }, range(20, 29)],
    'from, descending, goes down': [{ from: 20, order: 'desc', pageSize: 10 }, range(20, 11)],
    'from need not exist: the next up': [{ from: 100, pageSize: 10 }, range(101, 110)],
    'from need not exist: the next down': [{ from: 100, order: 'desc', pageSize: 10 }, range(99, 90)],
    'from beyond the end': [{ from: 1_000, pageSize: 10 }, []],
    'from beyond the end, descending': [{ from: 1_000, order: 'desc', pageSize: 10 }, range(249, 240)],
    'from 0': [{ from: 0, pageSize: 10 }, range(0, 9)],
    'the last page is short': [{ from: 245, pageSize: 10 }, range(245, 249)],
  };
  for (const [what, [options, expected]] of Object.entries(rows)) {
    await t.test(what, async () => {
      const page = await (await open()).getItems(options);
      assert.deepEqual(indexes(page), expected);
      for (const item of page.items) assert.equal(item.data.n, item.index);
    });
  }
  for (const order of ['asc', 'desc']) {
    const all = order === 'asc' ? left : [...left].reverse();
    await t.test(`paging through all of them, ${order}, and back`, async () => {
      const { pages, page } = await walk(await (await open()).getItems({ order, pageSize: 40 }));
      assert.deepEqual(pages.flat(), all);
      assert.equal(page.hasNextPage, false);
      const back = await walk(page, 'prev');
      assert.deepEqual(back.pages.reverse().flat(), all, 'the way back is the way');
      assert.equal(back.page.hasPrevPage, false);
    });
    await t.test(`pages of more than 100, ${order}: none is lost`, async () => {
      const { pages } = await walk(await (await open()).getItems({ order, pageSize: 1_000 }));
      assert.deepEqual(pages.flat(), all);
    });
    await t.test(`from the middle, ${order}, forwards and one page back`, async () => {
      const middle = order === 'asc' ? 150 : 98;
      const page = await (await open()).getItems({ order, from: middle, pageSize: 20 });
      const at = all.indexOf(middle);
      assert.deepEqual(indexes(page), all.slice(at, at + 20));
      assert.ok(page.hasPrevPage && page.hasNextPage);
      const previous = await page.prevPage();
      assert.deepEqual(indexes(previous), all.slice(at - 20, at));
      assert.deepEqual(indexes(await page.nextPage()), all.slice(at + 20, at + 40));
    });
  }
  await t.test('paging makes no events', async () => {
    const opened = await open();
    const seen = watch(opened);
    await walk(await opened.getItems({ pageSize: 100 }));
    assert.deepEqual(seen.seen, []);
  });
  await t.test('a page reflects the client\'s own writes and removals', async () => {
    const opened = await open();
    await opened.getItems({ pageSize: 10 });
    await opened.set(3, { n: 333 });
    await opened.remove(5);
    const page = await opened.getItems({ pageSize: 10 });
    assert.deepEqual(indexes(page), [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]);
    assert.equal(page.items[3].data.n, 333);
  });
});

test('the wire of paging: tokens tell whether more follows, bad questions are 400 with their code', async (t) => {
  const { query } = await raw(30);
  const tokens = ({ body }) => [body.meta.previous_token !== null, body.meta.next_token !== null];
  const rows = {
    'the first page': [{ PageSize: '10', Order: 'asc' }, [false, true]],
    'a middle page': [{ PageSize: '10', Order: 'asc', From: '10' }, [true, true]],
    'the last page': [{ PageSize: '10', Order: 'asc', From: '20' }, [true, false]],
    'the whole': [{ PageSize: '100', Order: 'asc' }, [false, false]],
    'the first page, descending': [{ PageSize: '10', Order: 'desc' }, [false, true]],
    'a middle page, descending': [{ PageSize: '10', Order: 'desc', From: '19' }, [true, true]],
    'the last page, descending': [{ PageSize: '10', Order: 'desc', From: '9' }, [true, false]],
  };
  for (const [what, [params, expected]] of Object.entries(rows)) {
    await t.test(what, async () => assert.deepEqual(tokens(await query(params)), expected));
  }
  await t.test('1000 is capped at 100, not refused', async () => {
    const { query: many } = await raw(0);
    assert.equal((await many({ PageSize: '1000', Order: 'asc' })).status, 200);
  });
  const bad = {
    'PageSize 0': [{ PageSize: '0' }, 54454], 'PageSize x': [{ PageSize: 'x' }, 54454],
    'Order up': [{ Order: 'up' }, 54451], 'PageToken nonsense': [{ PageToken: 'nonsense' }, 54453],
    'Index -1': [{ Index: '-1' }, 54458], 'Index x': [{ Index: 'x' }, 54458], 'From x': [{ From: 'x' }, 54458],
  };
  for (const [what, [params, code]] of Object.entries(bad)) {
    await t.test(`${what} is 400/${code}`, async () => fault(await query(params), 400, code, what));
  }
});

// ---- removal of the whole

test('removeList: heard once by each, its items are gone, its name is free and starts from nothing', async () => {
  const { mine, here, there, name, two } = await pair();
  await mine.push({ n: 0 });
  await mine.push({ n: 1 });
  await mine.removeList();
  assert.equal((await there.until((it) => it.name === 'removed', 'removed')).isLocal, false);
  assert.deepEqual(here.seen.filter((it) => it.name === 'removed').map((it) => it.isLocal), [true]);
  assert.equal(there.seen.filter((it) => it.name === 'removed').length, 1);
  assert.equal((await airlock.backend('GET', airlock.at('Lists', mine.sid))).status, 404);
  const again = await two.list(name);
  assert.notEqual(again.sid, mine.sid, 'a SID is never used again');
  assert.equal((await again.push({ n: 9 })).index, 0, 'a new list counts for itself');
  const socket = await airlock.socket(fresh('x'));
  const gone = await socket.subscribe(mine.sid, 'list', 0);
  assert.deepEqual([gone.kind, gone.answer.error.status, gone.answer.error.code], ['subscription_failed', 404, 54150]);
});

test('writing to a removed list is 404 and brings nothing back', async () => {
  const { socket, list, items } = await raw(1);
  const removed = await socket.request('DELETE', pathOf(list.url));
  assert.deepEqual([removed.status, removed.text], [204, '']);
  for (const answer of [
    await socket.request('POST', items, { data: { n: 1 } }),
    await socket.request('POST', `${items}/0`, { data: { n: 1 } }),
    await socket.request('DELETE', `${items}/0`),
    await socket.request('POST', pathOf(list.url), { ttl: 5 }),
    await socket.request('DELETE', pathOf(list.url)),
  ]) assert.equal(answer.status, 404, answer.text);
  assert.deepEqual(await airlock.list(list.sid), []);
});

// ---- indexes over removal and death

test('an index is given once: over removal of the last, of all, a clean restart and kill -9 (ADR 4)', async () => {
  const { ada, socket, list, items } = await raw(3);
  const given = new Set([0, 1, 2]);
  const push = async (to) => {
    const { status, body } = await to.request('POST', items, { data: { fresh: true } });
    assert.equal(status, 201);
    assert.ok(!given.has(body.index), `${body.index} was given before`);
    assert.ok(Math.max(...given) < body.index, 'strictly increasing');
    given.add(body.index);
    return body.index;
  };
  await socket.request('DELETE', `${items}/2`);
  await socket.request('DELETE', `${items}/${await push(socket)}`);
  await socket.request('DELETE', `${items}/0`);
  await socket.request('DELETE', `${items}/1`);
  assert.deepEqual(await airlock.list(list.sid), []);
  await airlock.kill9();
  await airlock.restart();
  let again = await airlock.socket(ada);
  await again.request('DELETE', `${items}/${await push(again)}`);
  await airlock.terminate(); // with a checkpoint
  await airlock.restart();
  again = await airlock.socket(ada);
  await push(again);
  assert.equal((await airlock.list(list.sid)).length, 1);
});

test('what is acknowledged stands after kill -9: items, revisions, TTLs, indexes, byte for byte', async () => {
  const { ada, socket, list, items } = await raw(3);
  await socket.request('POST', `${items}/1`, { data: { n: 'é😀', big: 12345678901 } });
  await socket.request('POST', `${items}/2`, { ttl: 3_600 });
  await socket.request('DELETE', `${items}/0`);
  const look = async (who) => [
    (await who.request('GET', path('Lists', list.sid))).text,
    (await who.request('GET', items, undefined, { params: { Order: 'asc' } })).text,
  ];
  const before = await look(socket);
  assert.match(before[1], /é😀/);
  await airlock.kill9();
  await airlock.restart();
  assert.deepEqual(await look(await airlock.socket(ada)), before);
});

// ---- replay

test('an SDK client that was away hears each missed add, update and removal, once', async () => {
  const ada = fresh('ada');
  const cable = await airlock.cable();
  const away = await airlock.client(ada, { cable });
  const here = await airlock.socket(ada);
  const list = await subscribed(await away.list(fresh('list')));
  const items = pathOf(list.links.items);
  for (let n = 0; n < 5; n += 1) await list.push({ n });
  // The echo of the last push moves the list's event id; only then is there nothing old to come.
  const root = (await here.request('GET', path('Lists', list.sid))).body;
  await until(() => list.lastEventId === root.last_event_id, 'level with the server');
  const seen = watch(list);
  const gone = next(away, 'connectionStateChanged', { test: (state) => state !== 'connected' });
  cable.cut();
  await gone;
  await here.request('POST', items, { data: { n: 'new' } });
  await here.request('POST', items, { data: { n: 'short-lived' } });
  await here.request('DELETE', `${items}/6`);
  await here.request('POST', `${items}/1`, { data: { n: 'changed' } });
  await here.request('POST', `${items}/1`, { data: { n: 'changed twice' } });
  await here.request('DELETE', `${items}/2`);
  await here.request('POST', `${items}/3`, { data: { n: 'changed, then gone' } });
  await here.request('DELETE', `${items}/3`);
  cable.mend();
  await connected(away, 30_000);
  await seen.until((it) => it.name === 'itemRemoved' && it.index === 3, 'the last removal', 20_000);
  await here.request('POST', items, { data: { n: 'mark' } });
  await seen.until((it) => it.data?.n === 'mark', 'a live event behind the replay');
  const told = seen.seen.map((it) => [it.name, it.index]);
  const count = (name, index) => told.filter((it) => it[0] === name && it[1] === index).length;
  assert.equal(count('itemAdded', 5), 1, 'the missed add');
  assert.deepEqual(seen.seen.filter((it) => it.index === 1 && it.name === 'itemUpdated').map((it) => it.data.n).at(-1), 'changed twice');
  assert.equal(count('itemRemoved', 2), 1, 'the missed removal');
  assert.equal(count('itemRemoved', 3), 1);
  assert.ok(count('itemRemoved', 6) <= 1 && count('itemAdded', 6) === 0, 'what came and went is at most a removal');
  assert.equal(count('itemAdded', 0) + count('itemUpdated', 0) + count('itemUpdated', 4), 0, 'nothing that did not change');
  assert.deepEqual(indexes(await list.getItems({ pageSize: 100 })), [0, 1, 4, 5, 7]);
});

test('last_event_id resumes a list exactly: added, updated, removed with {}, ascending, then `established` (over kill -9 too)', async () => {
  const { ada, socket, list, items } = await raw(5);
  const from = (await socket.request('GET', path('Lists', list.sid))).body.last_event_id;
  await socket.request('POST', `${items}/0`, { data: { n: 'a' } });
  await socket.request('POST', `${items}/0`, { data: { n: 'b' } });
  await socket.request('POST', items, { data: { n: 'new' } });
  await socket.request('POST', `${items}/5`, { data: { n: 'new, changed' } });
  await socket.request('DELETE', `${items}/1`);
  const check = async () => {
    const { kind, answer, replayed } = await (await airlock.socket(ada)).subscribe(list.sid, 'list', from);
    assert.deepEqual([kind, answer.replay_status], ['subscription_established', 'completed']);
    const ids = replayed.map((it) => it.id);
    assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b), 'ascending, none twice');
    assert.ok(ids.every((id) => from < id && id <= answer.last_event_id), 'nothing old, established behind the last');
    const of = (index) => replayed.filter((it) => Number(it.item_index) === index);
    assert.deepEqual(of(0).map((it) => [it.type, it.item_data.n]), [['list_item_updated', 'b']]);
    assert.deepEqual(of(1).map((it) => [it.type, it.item_data]), [['list_item_removed', {}]], 'a tombstone holds no data (decision 29)');
    assert.deepEqual(of(5).map((it) => [it.type, it.item_data.n]), [['list_item_added', 'new, changed']], 'made after the id: added');
    assert.equal(replayed.length, 3);
    for (const it of replayed) {
      assert.equal(it.list_sid, list.sid);
      assert.ok(!Number.isNaN(Date.parse(it.date_created)));
      if (it.type !== 'list_item_removed') assert.match(it.item_url, /^https?:\/\//);
    }
    const none = await (await airlock.socket(ada)).subscribe(list.sid, 'list', answer.last_event_id);
    assert.deepEqual(none.replayed, []);
  };
  await check();
  await airlock.kill9();
  await airlock.restart();
  await check();
  await airlock.terminate(); // tombstones stand in the checkpoint, too
  await airlock.restart();
  await check();
});

test('a subscription with null replays nothing and stands at the current id', async () => {
  const { ada, socket, list } = await raw(3);
  const { last_event_id: current } = (await socket.request('GET', path('Lists', list.sid))).body;
  const { kind, answer, replayed } = await (await airlock.socket(ada)).subscribe(list.sid, 'list', null);
  assert.deepEqual([kind, replayed, answer.last_event_id], ['subscription_established', [], current]);
});

test('an id from the future is answered by a full replay, never by silence (decision 6)', async () => {
  const { ada, list } = await raw(3);
  const { kind, replayed } = await (await airlock.socket(ada)).subscribe(list.sid, 'list', list.last_event_id + 1_000_000);
  assert.equal(kind, 'subscription_established');
  assert.deepEqual(replayed.map((it) => Number(it.item_index)), [0, 1, 2]);
});

test('a live event of a list has all its fields', async () => {
  const { ada, socket, list, items } = await raw(0);
  const ear = await airlock.socket(ada);
  await ear.subscribe(list.sid, 'list', list.last_event_id);
  await socket.request('POST', items, { data: { v: 1 }, ttl: 60 });
  await socket.request('POST', `${items}/0`, { data: { v: 2 } });
  await socket.request('DELETE', `${items}/0`);
  await ear.frame((it) => it.body?.event_type === 'list_item_removed', 'removed');
  const [added, updated, removed] = ['list_item_added', 'list_item_updated', 'list_item_removed'].map((type) => ear.notifications(type).flatMap(listed));
  assert.deepEqual([added.length, updated.length, removed.length], [1, 1, 1]);
  assert.deepEqual([added[0].list_sid, Number(added[0].item_index), added[0].item_revision, added[0].item_data], [list.sid, 0, '0', { v: 1 }]);
  assert.deepEqual([updated[0].item_revision, updated[0].item_data], ['1', { v: 2 }]);
  assert.deepEqual(removed[0].item_data, { v: 2 }, 'a live removal carries the removed data');
  assert.ok(!Number.isNaN(Date.parse(added[0].date_expires)));
  assert.equal(pathOf(added[0].item_url), `${items}/0`);
  for (const [event] of [added, updated, removed]) {
    assert.equal(typeof event.id, 'number');
    assert.equal(typeof event.list_revision, 'string');
    assert.ok(!Number.isNaN(Date.parse(event.date_created)));
  }
});

test('who comes back from below the kept removals is told 410 with an own code, not left with what is gone (decision 29)', async () => {
  const { ada, socket, list, items } = await raw(1);
  const from = (await socket.request('GET', path('Lists', list.sid))).body.last_event_id;
  for (let wave = 0; wave < 103; wave += 1) {
    const made = Array.from({ length: 100 }, () => socket.start('POST', items, { data: {} }));
    const indexes = [];
    for (const id of made) indexes.push((await socket.finish(id, 30_000)).body.index);
    const gone = indexes.map((index) => socket.start('DELETE', `${items}/${index}`));
    for (const id of gone) assert.equal((await socket.finish(id, 30_000)).status, 200);
    socket.frames.length = 0;
  }
  const { kind, answer } = await (await airlock.socket(ada)).subscribe(list.sid, 'list', from);
  assert.deepEqual([kind, answer.error?.status, answer.error?.code], ['subscription_failed', 410, 72009]);
});

// ---- backends

test('a backend and a client work on one list: one order of indexes, the same events, each its maker', async () => {
  const { ada, mine, name, here } = await pair();
  await mine.push({ n: 0 });
  const made = await airlock.backend('POST', airlock.at('Lists', name, 'Items'), { Data: '{"n":1}' });
  assert.deepEqual([made.status, made.body.index, made.body.created_by], [201, 1, 'system'], made.text);
  const added = await here.until((it) => it.index === 1, 'the backend\'s item');
  assert.deepEqual([added.name, added.isLocal, added.data], ['itemAdded', false, { n: 1 }]);
  await airlock.backend('POST', airlock.at('Lists', name, 'Items', '0'), { Data: '{"n":5}' });
  await here.until((it) => it.name === 'itemUpdated' && it.index === 0 && it.data.n === 5, 'the backend\'s update');
  assert.equal((await airlock.backend('DELETE', airlock.at('Lists', name, 'Items', '0'))).status, 204);
  assert.deepEqual((await here.until((it) => it.name === 'itemRemoved', 'removed')).previous, { n: 5 });
  const own = await mine.push({ n: 2 });
  assert.equal(own.index, 2);
  const over = await airlock.backend('GET', airlock.at('Lists', name, 'Items', '2'));
  assert.equal(over.body.created_by, ada);
  assert.equal((await airlock.backend('DELETE', airlock.at('Lists', name))).status, 204);
  await here.until((it) => it.name === 'removed' && it.isLocal === false, 'the list is gone');
});

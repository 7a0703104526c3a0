// The honest walk: private objects admitted and rewritten, shared ones seen by the others, plain ones as in Sync.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, fresh, path, pathOf, refused, subscribed } from './support.mjs';
import { listed } from './socket.mjs';
import { until, watch, within } from './waiting.mjs';

let airlock;
before(async () => { airlock = await Airlock.start(); });
after(() => airlock?.stop());

const named = (name) => ({ claims: { name } });
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** A player with a cursor, and a watcher of the room. */
async function room() {
  const [number, ada, bob] = [fresh('room'), fresh('ada'), fresh('bob')];
  const player = await airlock.client(ada, named('Ada'));
  const watcher = await airlock.client(bob, named('Bob'));
  const map = await subscribed(await watcher.map(`rooms/${number}/cursors`));
  return { number, ada, bob, player, watcher, map, seen: watch(map), name: `cursors/${number}/${ada}`, shared: `rooms/${number}/cursors` };
}

test('a private write reaches the watcher of the shared map, rewritten and nothing more (the passage: take, rename, set)', async () => {
  const { ada, player, name, seen, shared } = await room();
  const began = Date.now();
  const cursor = await player.document(name);
  assert.deepEqual(cursor.data, {}, 'open-or-create makes it empty');
  await cursor.set({ x: 12, y: 7.5, note: 'not for the others' });
  assert.deepEqual(cursor.data, { x: 12, y: 7.5, note: 'not for the others' }, 'the private side keeps what the client wrote');
  const added = await seen.until((it) => it.name === 'itemAdded', 'the entry');
  const { at, ...rest } = added.data;
  assert.deepEqual(rest, { left: 12, top: 7.5, name: 'Ada' });
  assert.match(at, RFC3339);
  assert.ok(began - 2_000 <= Date.parse(at) && Date.parse(at) <= Date.now() + 2_000, `\`at\` is the time of the write: ${at}`);
  assert.equal(added.key, ada);
  assert.equal(added.isLocal, false);
  assert.deepEqual(await airlock.document(name), { x: 12, y: 7.5, note: 'not for the others' });
  assert.deepEqual(Object.keys(await airlock.entries(shared)), [ada]);
});

test('an empty private document publishes nothing (empty means: nothing said)', async () => {
  const { player, name, seen, shared } = await room();
  const cursor = await player.document(name);
  assert.deepEqual(await airlock.entries(shared), {});
  await cursor.set({ x: 1, y: 1 });
  const first = await seen.until(() => true, 'any event');
  assert.equal(first.name, 'itemAdded', 'the first event of the room is the first thing said');
});

test('set, update and mutate each publish the newest state, in order (one event per admitted change)', async () => {
  const { player, name, seen } = await room();
  const cursor = await player.document(name);
  await cursor.set({ x: 1, y: 1 });
  await cursor.update({ x: 2 });
  await cursor.mutate((data) => ({ ...data, y: data.y + 9 }));
  assert.deepEqual(cursor.data, { x: 2, y: 10 });
  await seen.until((it) => it.data?.top === 10, 'the last change');
  assert.deepEqual(seen.seen.map((it) => [it.name, it.data.left, it.data.top]), [
    ['itemAdded', 1, 1], ['itemUpdated', 2, 1], ['itemUpdated', 2, 10],
  ]);
  const ids = seen.seen.map((it) => it.id);
  assert.deepEqual(ids, [...ids].sort((a, b) => a - b), 'event ids ascend');
  assert.equal(new Set(ids).size, 3, 'no id twice');
});

test('setting {} withdraws what was published, and writing again publishes it anew', async () => {
  const { ada, player, name, seen, shared } = await room();
  const cursor = await player.document(name);
  await cursor.set({ x: 1, y: 2 });
  await cursor.set({});
  const removed = await seen.until((it) => it.name === 'itemRemoved', 'the withdrawal');
  assert.equal(removed.key, ada);
  assert.equal(removed.isLocal, false);
  assert.equal(removed.previous.left, 1, 'a live removal carries the removed data');
  assert.deepEqual(await airlock.entries(shared), {});
  assert.deepEqual(await airlock.document(name), {}, 'the private document stands, empty');
  await cursor.set({ x: 3, y: 4 });
  await seen.until((it) => it.name === 'itemAdded' && it.data.left === 3, 'published anew');
});

test('removing the private document withdraws, and its name can be opened again', async () => {
  const { player, name, seen, shared } = await room();
  const cursor = await player.document(name);
  await cursor.set({ x: 1, y: 2 });
  await cursor.removeDocument();
  await seen.until((it) => it.name === 'itemRemoved', 'the withdrawal');
  assert.deepEqual(await airlock.entries(shared), {});
  assert.equal(await airlock.document(name), null);
  const again = await player.document(name);
  assert.notEqual(again.sid, cursor.sid, 'a SID is never used again');
  await again.set({ x: 5, y: 6 });
  await seen.until((it) => it.name === 'itemAdded' && it.data.left === 5, 'published anew');
});

test('one write feeds a shared document and a shared map together (a batch: all targets or none)', async () => {
  const [ada, bob] = [fresh('ada'), fresh('bob')];
  const [writer, reader] = [await airlock.client(ada), await airlock.client(bob)];
  const shared = await subscribed(await reader.document(`people/${ada}/status`));
  const directory = await subscribed(await reader.map('directory/status'));
  const [seen, listing] = [watch(shared), watch(directory)];
  const status = await writer.document(`status/${ada}`);
  await status.set({ text: 'at sea', mood: 'fine' });
  const updated = await seen.until((it) => it.name === 'updated', 'the shared document');
  const { at, ...rest } = updated.data;
  assert.deepEqual(rest, { status: 'at sea', mood: 'fine', by: ada });
  assert.match(at, RFC3339);
  assert.equal(updated.isLocal, false);
  const entry = await listing.until((it) => it.key === ada, 'the directory');
  assert.deepEqual(entry.data, { text: 'at sea' });
  await status.set({});
  const emptied = await seen.until((it) => it.name === 'updated' && Object.keys(it.data).length === 0, 'the shared document is empty again');
  assert.equal(emptied.isLocal, false);
  await listing.until((it) => it.name === 'itemRemoved' && it.key === ada, 'out of the directory');
  assert.ok(!seen.seen.some((it) => it.name === 'removed'), 'a shared document is not removed by a withdrawal');
});

test('an absent shared object opens by open-or-create as empty, for readers, by name and by SID (decision 18)', async () => {
  const reader = await airlock.client(fresh('bob'));
  const number = fresh('room');
  const map = await reader.map(`rooms/${number}/cursors`);
  assert.match(map.sid, /^MP[0-9a-f]{32}$/);
  assert.equal((await map.getItems()).items.length, 0);
  const shared = await reader.document(`people/${fresh('nobody')}/status`);
  assert.match(shared.sid, /^ET[0-9a-f]{32}$/);
  assert.deepEqual(shared.data, {});
  const other = await airlock.client(fresh('cyd'));
  // A SID does not tell the name of what does not stand yet (decision 18).
  assert.equal((await other.map({ id: map.sid, mode: 'open_existing' })).sid, map.sid, 'the derived SID opens it too');
  assert.equal((await other.map({ id: `rooms/${number}/cursors`, mode: 'open_existing' })).sid, map.sid, 'the SID is derived, so it is the same for all');
});

test('a subscription made before anything was published sees the first entry (no gap at birth)', async () => {
  const { ada, player, name, map, seen } = await room();
  const sid = map.sid;
  const cursor = await player.document(name);
  await cursor.set({ x: 1, y: 1 });
  const added = await seen.until((it) => it.name === 'itemAdded', 'the first entry');
  assert.equal(added.key, ada);
  assert.equal((await (await airlock.client(fresh('cyd'))).map(map.uniqueName)).sid, sid, 'it kept its SID when it was born');
});

test('a private document opens in every mode, by name and by SID', async () => {
  const [number, ada] = [fresh('room'), fresh('ada')];
  const name = `cursors/${number}/${ada}`;
  const [one, two, three] = [await airlock.client(ada, named('Ada')), await airlock.client(ada, named('Ada')), await airlock.client(ada, named('Ada'))];
  const missing = await refused(one.document({ id: name, mode: 'open_existing' }), 'opening what does not exist');
  assert.deepEqual([missing.status, missing.code], [404, 54300]);
  const made = await one.document({ id: name, mode: 'create_new', data: { x: 1, y: 2 } });
  assert.match(made.sid, /^ET[0-9a-f]{32}$/);
  assert.equal(Object.keys(await airlock.entries(`rooms/${number}/cursors`)).length, 1, 'created with data is published at once');
  const twice = await refused(two.document({ id: name, mode: 'create_new' }), 'creating it twice');
  assert.deepEqual([twice.status, twice.code], [409, 54301]);
  const byName = await two.document({ id: name, mode: 'open_existing' });
  assert.deepEqual([byName.sid, byName.data, byName.uniqueName], [made.sid, { x: 1, y: 2 }, name]);
  const bySid = await three.document({ id: made.sid, mode: 'open_existing' });
  assert.deepEqual([bySid.sid, bySid.data, bySid.uniqueName], [made.sid, { x: 1, y: 2 }, name]);
});

test('two clients of one identity mutate one private document without losing a step (If-Match, 412, retry)', async () => {
  const [number, ada] = [fresh('room'), fresh('ada')];
  const name = `cursors/${number}/${ada}`;
  const clients = [await airlock.client(ada, named('Ada')), await airlock.client(ada, named('Ada'))];
  const first = await clients[0].document({ id: name, data: { x: 0, y: 0 } });
  const both = [first, await clients[1].document(name)];
  await Promise.all(both.flatMap((it) => Array.from({ length: 5 }, () => it.mutate((data) => ({ ...data, x: data.x + 1 })))));
  assert.deepEqual(await airlock.document(name), { x: 10, y: 0 });
  const entry = (await airlock.entries(`rooms/${number}/cursors`))[ada];
  assert.equal(entry.left, 10, 'the shared side is the last state');
});

test('a stale If-Match answers 412/54103, changes nothing and publishes nothing', async () => {
  const [number, ada] = [fresh('room'), fresh('ada')];
  const socket = await airlock.socket(ada, named('Ada'));
  const made = await socket.request('POST', path('Documents'), { unique_name: `cursors/${number}/${ada}`, data: { x: 1, y: 1 } });
  assert.equal(made.status, 201);
  const where = pathOf(made.body.url);
  const second = await socket.request('POST', where, { data: { x: 2, y: 2 } }, { match: made.body.revision });
  assert.equal(second.status, 200);
  assert.ok(made.body.last_event_id < second.body.last_event_id, 'a new revision comes with a greater event id');
  const stale = await socket.request('POST', where, { data: { x: 3, y: 3 } }, { match: made.body.revision });
  assert.deepEqual([stale.status, stale.body.code], [412, 54103]);
  assert.deepEqual(await airlock.document(`cursors/${number}/${ada}`), { x: 2, y: 2 });
  assert.equal((await airlock.entries(`rooms/${number}/cursors`))[ada].left, 2);
});

test('plain documents are shared by the clients of one identity, with local and remote events told apart', async () => {
  const ada = fresh('ada');
  const [one, two] = [await airlock.client(ada), await airlock.client(ada)];
  const name = fresh('notes');
  const mine = await subscribed(await one.document({ id: name, data: { n: 1 } }));
  const yours = await subscribed(await two.document(name));
  const [here, there] = [watch(mine), watch(yours)];
  await mine.set({ n: 2, deep: { list: [1, 'é', null] } });
  await there.until((it) => it.data?.n === 2, 'the other client sees it');
  await yours.update({ n: 3 });
  await here.until((it) => it.data?.n === 3, 'and back');
  assert.deepEqual(here.seen.map((it) => [it.name, it.isLocal, it.data.n]), [['updated', true, 2], ['updated', false, 3]], 'reply before echo: an own write is never told as remote');
  assert.deepEqual(there.seen.map((it) => [it.name, it.isLocal, it.data.n]), [['updated', false, 2], ['updated', true, 3]]);
  assert.deepEqual(here.seen[1].data, { n: 3, deep: { list: [1, 'é', null] } });
  await mine.removeDocument();
  const gone = await there.until((it) => it.name === 'removed', 'the removal');
  assert.equal(gone.isLocal, false);
  assert.equal(here.seen.filter((it) => it.name === 'removed').length, 1);
});

test('plain maps: set, update, mutate, get, remove, by two clients, with keys that need encoding', async () => {
  const ada = fresh('ada');
  const [one, two] = [await airlock.client(ada), await airlock.client(ada)];
  const name = fresh('things');
  const mine = await subscribed(await one.map(name));
  const yours = await subscribed(await two.map(name));
  const [here, there] = [watch(mine), watch(yours)];
  const key = 'k/1 é?#%';
  await mine.set(key, { v: 1 });
  assert.deepEqual((await there.until((it) => it.name === 'itemAdded', 'added')).data, { v: 1 });
  await mine.set(key, { v: 2 });
  assert.deepEqual((await there.until((it) => it.name === 'itemUpdated', 'updated')).data, { v: 2 });
  await yours.update(key, { w: 3 });
  await here.until((it) => it.data?.w === 3, 'and back');
  await Promise.all([mine, yours].flatMap((it) => Array.from({ length: 5 }, () => it.mutate('count', (data) => ({ n: (data.n ?? 0) + 1 })))));
  const third = await (await airlock.client(ada)).map(name);
  assert.deepEqual((await third.get('count')).data, { n: 10 }, 'put-if-absent and If-Match lose no step');
  assert.deepEqual((await third.get(key)).data, { v: 2, w: 3 });
  const missing = await refused(third.get('nothing here'), 'getting a missing key');
  assert.deepEqual([missing.status, missing.code], [404, 54201]);
  await yours.remove(key);
  const removed = await here.until((it) => it.name === 'itemRemoved', 'removed');
  assert.deepEqual([removed.key, removed.isLocal, removed.previous], [key, false, { v: 2, w: 3 }]);
  assert.equal(here.seen.filter((it) => it.name === 'itemRemoved').length, 1, 'a removal comes exactly once');
  await mine.removeMap();
  assert.equal((await there.until((it) => it.name === 'removed', 'the map is gone')).isLocal, false);
});

test('map PUT says 201 for a new key and 200 for an old one, and a missing item is an empty page', async () => {
  const socket = await airlock.socket(fresh('ada'));
  const map = (await socket.request('POST', path('Maps'), { unique_name: fresh('map') })).body;
  const items = pathOf(map.links.items);
  const first = await socket.request('PUT', `${items}/a%2Fb`, { data: { v: 1 } });
  assert.deepEqual([first.status, first.body.key, first.body.revision], [201, 'a/b', '0']);
  assert.ok(first.body.url.endsWith('/Items/a%2Fb'), first.body.url);
  assert.equal((await socket.request('PUT', `${items}/a%2Fb`, { data: { v: 2 } })).status, 200);
  const exists = await socket.request('PUT', `${items}/a%2Fb`, { data: { v: 3 } }, { match: '-1' });
  assert.deepEqual([exists.status, exists.body.code], [412, 54205]);
  const none = await socket.request('GET', items, undefined, { params: { HideExpired: 'true', Key: 'none' } });
  assert.deepEqual([none.status, none.body.items, typeof none.body.meta], [200, [], 'object']);
  const gone = await socket.request('DELETE', `${items}/a%2Fb`);
  assert.equal(gone.status, 200, 'the SDK reads a body from an item removal');
  assert.ok(first.body.last_event_id < gone.body.last_event_id);
  assert.ok(gone.body.date_updated);
  const whole = await socket.request('DELETE', pathOf(map.url));
  assert.deepEqual([whole.status, whole.text], [204, '']);
});

test('a private map feeds a shared map, item by item (a map as `from`)', async () => {
  const [ada, bob] = [fresh('ada'), fresh('bob')];
  const [owner, reader] = [await airlock.client(ada), await airlock.client(bob)];
  const wall = await subscribed(await reader.map('walls/pins'));
  const seen = watch(wall);
  const pins = await owner.map(`pins/${ada}`);
  await pins.set('home', { title: 'Home' });
  await pins.set('work', { title: 'Work' });
  const home = await seen.until((it) => it.key === `${ada}/home`, 'the first pin');
  assert.deepEqual(home.data, { title: 'Home', by: ada });
  await pins.set('home', { title: 'Moved' });
  await seen.until((it) => it.key === `${ada}/home` && it.data?.title === 'Moved', 'the changed pin');
  await pins.remove('home');
  await seen.until((it) => it.name === 'itemRemoved' && it.key === `${ada}/home`, 'the removed pin');
  await pins.removeMap();
  await seen.until((it) => it.name === 'itemRemoved' && it.key === `${ada}/work`, 'the removed map takes its pins along');
  assert.deepEqual(Object.keys(await airlock.entries('walls/pins')).filter((key) => key.startsWith(ada)), []);
});

test('a TTL-only change is an event of its own object, makes no revision, and publishes nothing', async () => {
  const [number, ada] = [fresh('room'), fresh('ada')];
  const socket = await airlock.socket(ada, named('Ada'));
  const made = (await socket.request('POST', path('Documents'), { unique_name: `cursors/${number}/${ada}`, data: { x: 1, y: 1 } })).body;
  const map = (await socket.request('GET', path('Maps', `rooms/${number}/cursors`))).body;
  const longer = await socket.request('POST', pathOf(made.url), { ttl: 600 });
  assert.equal(longer.status, 200);
  assert.ok(Math.abs(Date.parse(longer.body.date_expires) - Date.now() - 600_000) < 5_000, longer.body.date_expires);
  const same = (await socket.request('GET', pathOf(made.url))).body;
  assert.deepEqual([same.revision, same.last_event_id, same.date_updated], [made.revision, longer.body.last_event_id, longer.body.date_updated]);
  assert.ok(made.last_event_id < same.last_event_id);
  const other = (await socket.request('GET', path('Maps', `rooms/${number}/cursors`))).body;
  assert.deepEqual([other.revision, other.last_event_id], [map.revision, map.last_event_id], 'nothing was published');
  const never = await socket.request('POST', pathOf(made.url), { ttl: 0 });
  assert.equal(never.body.date_expires, null, '0 is: never');
});

test('an expired private document withdraws, and an expired plain object or item is removed for its watchers', async () => {
  const { ada, player, name, seen, shared } = await room();
  const cursor = await player.document(name);
  await cursor.set({ x: 1, y: 1 }, { ttl: 1 });
  await seen.until((it) => it.name === 'itemAdded', 'published');
  const removed = await seen.until((it) => it.name === 'itemRemoved', 'withdrawn at expiry', 15_000);
  assert.equal(removed.key, ada);
  assert.deepEqual(await airlock.entries(shared), {});
  assert.equal(await airlock.document(name), null);

  const [one, two] = [await airlock.client(ada), await airlock.client(ada)];
  const id = fresh('brief');
  const short = await one.document({ id, data: { n: 1 }, ttl: 2 });
  const gone = watch(await subscribed(await two.document(id)));
  const map = await one.map(fresh('map'));
  const items = watch(await subscribed(await two.map(map.uniqueName)));
  await map.set('stays', { v: 1 });
  await map.set('goes', { v: 2 }, { ttl: 1 });
  await items.until((it) => it.name === 'itemRemoved' && it.key === 'goes', 'the item expires', 15_000);
  await gone.until((it) => it.name === 'removed', 'the document expires', 15_000);
  assert.deepEqual(await airlock.entries(map.uniqueName), { stays: { v: 1 } });
  assert.ok(Date.parse(short.dateExpires));
});

test('the shared map can be paged through, both ways, exactly once each', async () => {
  const number = fresh('room');
  const players = Array.from({ length: 25 }, (_, n) => `${fresh('player')}-${String(n).padStart(2, '0')}`);
  await Promise.all(players.map(async (identity, n) => {
    const socket = await airlock.socket(identity, named(identity));
    const made = await socket.request('POST', path('Documents'), { unique_name: `cursors/${number}/${identity}`, data: { x: n, y: n } });
    assert.equal(made.status, 201);
    await socket.close();
  }));
  const reader = await airlock.client(fresh('bob'));
  const sorted = [...players].sort();
  for (const order of ['asc', 'desc']) {
    const map = await (await airlock.client(fresh('bob'))).map(`rooms/${number}/cursors`);
    const found = [];
    let page = await map.getItems({ pageSize: 10, order });
    assert.equal(page.hasPrevPage, false);
    for (;;) {
      found.push(...page.items.map((it) => it.key));
      if (!page.hasNextPage) break;
      page = await page.nextPage();
    }
    assert.deepEqual(found, order === 'asc' ? sorted : [...sorted].reverse());
  }
  const whole = await reader.map({ id: `rooms/${number}/cursors`, includeItems: true });
  assert.equal((await whole.get(sorted[3])).key, sorted[3]);
});

test('item queries start at From, present or not, and say in meta whether more follows or stands before', async () => {
  const socket = await airlock.socket(fresh('ada'));
  const map = (await socket.request('POST', path('Maps'), { unique_name: fresh('map') })).body;
  const items = pathOf(map.links.items);
  const keys = Array.from({ length: 30 }, (_, n) => `k${String(n * 2).padStart(2, '0')}`); // k00, k02 … k58
  for (const id of keys.map((key) => socket.start('PUT', `${items}/${key}`, { data: { key } }))) {
    assert.equal((await socket.finish(id)).status, 201);
  }
  const query = async (params) => {
    const { status, body } = await socket.request('GET', items, undefined, { params: { HideExpired: 'true', ...params } });
    assert.equal(status, 200);
    return [body.items.map((it) => it.key), body.meta.previous_token !== null, body.meta.next_token !== null];
  };
  assert.deepEqual(await query({ PageSize: '10', Order: 'asc' }), [keys.slice(0, 10), false, true]);
  assert.deepEqual(await query({ PageSize: '10', Order: 'desc' }), [keys.slice(20).reverse(), false, true]);
  assert.deepEqual(await query({ PageSize: '11', Order: 'asc', From: 'k18' }), [keys.slice(9, 20), true, true], 'From is inclusive');
  assert.deepEqual(await query({ PageSize: '11', Order: 'asc', From: 'k41' }), [keys.slice(21), true, false], 'From need not exist');
  assert.deepEqual(await query({ PageSize: '11', Order: 'desc', From: 'k19' }), [keys.slice(0, 10).reverse(), true, false]);
  assert.deepEqual(await query({ PageSize: '1000', Order: 'asc' }), [keys, false, false], 'a page too large is cut, not refused');
  const item = (await socket.request('GET', items, undefined, { params: { HideExpired: 'true', Key: 'k04' } })).body.items[0];
  for (const field of ['key', 'url', 'revision', 'last_event_id', 'date_updated', 'date_expires', 'data']) assert.ok(field in item, field);
  assert.equal(typeof item.last_event_id, 'number');
});

test('64 requests in flight on one socket are answered once each, in order per object', async () => {
  const socket = await airlock.socket(fresh('ada'));
  const documents = await Promise.all(Array.from({ length: 8 }, async () => (await socket.request('POST', path('Documents'), { unique_name: fresh('flight') })).body));
  const before = socket.frames.length;
  const started = [];
  for (let round = 1; round <= 7; round += 1) {
    for (const it of documents) started.push({ sid: it.sid, round, id: socket.start('POST', pathOf(it.url), { data: { round } }) });
  }
  for (const it of documents) started.push({ sid: it.sid, round: 'read', id: socket.start('GET', pathOf(it.url)) });
  assert.equal(started.length, 64);
  const answers = await Promise.all(started.map(async (it) => ({ ...it, ...(await socket.finish(it.id)) })));
  for (const it of documents) {
    const own = answers.filter((answer) => answer.sid === it.sid);
    assert.ok(own.every((answer) => answer.status === 200), JSON.stringify(own.map((answer) => answer.body)));
    const ids = own.slice(0, 7).map((answer) => answer.body.last_event_id);
    assert.deepEqual(ids, [...ids].sort((a, b) => a - b), 'event ids in the order of sending');
    assert.equal(new Set(ids).size, 7);
    assert.deepEqual(own[7].body.data, { round: 7 }, 'a read behind the writes sees them all');
  }
  const replies = socket.frames.slice(before).filter((it) => it.header.method === 'reply').map((it) => it.header.id);
  assert.equal(replies.length, 64);
  assert.equal(new Set(replies).size, 64);
  assert.ok(socket.binary, 'every message is binary');
});

test('the reply to a write leaves before its echo, also with many in flight (decision 30)', async () => {
  const socket = await airlock.socket(fresh('ada'));
  const made = (await socket.request('POST', path('Documents'), { unique_name: fresh('echo') })).body;
  const map = (await socket.request('POST', path('Maps'), { unique_name: fresh('echo') })).body;
  assert.equal((await socket.subscribe(made.sid, 'document', made.last_event_id)).kind, 'subscription_established');
  assert.equal((await socket.subscribe(map.sid, 'map', map.last_event_id)).kind, 'subscription_established');
  const ids = [];
  for (let n = 0; n < 30; n += 1) {
    ids.push(socket.start('POST', pathOf(made.url), { data: { n } }));
    ids.push(socket.start('PUT', `${pathOf(map.links.items)}/k${n % 3}`, { data: { n } }));
  }
  const answers = await Promise.all(ids.map((id) => socket.finish(id)));
  const last = Math.max(...answers.map((it) => it.body.last_event_id));
  await socket.frame((it) => it.header.method === 'notification' && listed(it.body).some((event) => event.id === last), 'the last echo');
  const place = new Map();
  socket.frames.forEach((it, index) => {
    if (it.header.method === 'notification' && !it.body.event_type.startsWith('subscription_')) {
      for (const event of listed(it.body)) place.set(event.id, index);
    }
  });
  for (const answer of answers) {
    const echo = place.get(answer.body.last_event_id);
    if (echo === undefined) continue; // conflated into a newer one
    const reply = socket.frames.findIndex((it) => it.header.id === answer.header.id && it.header.method === 'reply');
    assert.ok(reply < echo, `reply at ${reply}, echo of event ${answer.body.last_event_id} at ${echo}`);
  }
  assert.ok(place.has(last));
});

test('a repeated request id does not write twice (idempotency, decision 7)', async () => {
  const socket = await airlock.socket(fresh('ada'));
  const made = (await socket.request('POST', path('Documents'), { unique_name: fresh('once') })).body;
  const request = fresh('request').padEnd(32, '0');
  const first = await socket.request('POST', pathOf(made.url), { data: { n: 1 } }, { request });
  const again = await socket.request('POST', pathOf(made.url), { data: { n: 1 } }, { request });
  assert.deepEqual([again.status, again.body.revision, again.body.last_event_id], [200, first.body.revision, first.body.last_event_id]);
  const other = await socket.request('POST', pathOf(made.url), { data: { n: 2 } }, { request });
  assert.equal(other.status, 200, 'another body under the same id is another request');
  assert.ok(first.body.last_event_id < other.body.last_event_id);
});

test('objects have absolute urls, string revisions and number event ids, as the SDK needs them', async () => {
  const ada = fresh('ada');
  const socket = await airlock.socket(ada, named('Ada'));
  const document = (await socket.request('POST', path('Documents'), { unique_name: fresh('shape'), data: { a: 1 } })).body;
  const map = (await socket.request('GET', path('Maps', `rooms/${fresh('room')}/cursors`))).body;
  for (const [it, sid] of [[document, /^ET[0-9a-f]{32}$/], [map, /^MP[0-9a-f]{32}$/]]) {
    assert.match(it.sid, sid);
    assert.equal(new URL(it.url).search, '');
    assert.equal(typeof it.revision, 'string');
    assert.equal(typeof it.last_event_id, 'number');
    assert.ok(Date.parse(it.date_updated), it.date_updated);
    assert.equal(it.date_expires, null);
  }
  assert.equal(new URL(map.links.items).search, '');
  assert.equal(document.created_by ?? ada, ada);
});

test('a cancelled subscription ends, and cancelling what is gone is answered 2xx', async () => {
  const socket = await airlock.socket(fresh('ada'));
  const made = (await socket.request('POST', path('Documents'), { unique_name: fresh('cancel') })).body;
  const other = (await socket.request('POST', path('Documents'), { unique_name: fresh('cancel') })).body;
  await socket.subscribe(made.sid, 'document', made.last_event_id);
  await socket.subscribe(other.sid, 'document', other.last_event_id);
  const cancel = (sid) => socket.request('POST', '/v4/Subscriptions', {
    event_protocol_version: 4, action: 'cancel', correlation_id: Date.now(), retried_requests: 0, ttl_in_s: -1,
    requests: [{ object_sid: sid, object_type: 'document' }],
  });
  const { status, body } = await cancel(made.sid);
  assert.ok(200 <= status && status < 300, `status ${status}`);
  assert.ok(body && typeof body === 'object', 'the body must be there');
  await socket.request('POST', pathOf(made.url), { data: { n: 1 } });
  const mark = await socket.request('POST', pathOf(other.url), { data: { n: 2 } });
  await socket.frame((it) => it.header.method === 'notification' && listed(it.body).some((event) => event.id === mark.body.last_event_id), 'the other document still echoes');
  assert.equal(socket.notifications('document_updated').filter((it) => listed(it)[0].document_sid === made.sid).length, 0);
  await socket.request('DELETE', pathOf(made.url));
  assert.ok((await cancel(made.sid)).status < 300);
});

test('a subscription reply has the fields and bounds of the SDK (no timer overflow, no endless asking)', async () => {
  const socket = await airlock.socket(fresh('ada'));
  const made = (await socket.request('POST', path('Documents'), { unique_name: fresh('bounds') })).body;
  const { reply, correlation, answer } = await socket.subscribe(made.sid, 'document', made.last_event_id);
  assert.ok(200 <= reply.status && reply.status < 300);
  assert.ok(0 < reply.body.max_batch_size);
  assert.ok(0 < reply.body.estimated_delivery_in_ms);
  assert.ok(0 < reply.body.ttl_in_s && reply.body.ttl_in_s <= 2_147_483);
  assert.equal(typeof correlation, 'number');
  assert.equal(answer.replay_status, 'completed');
  const missing = await socket.subscribe(`ET${'0'.repeat(32)}`, 'document', 0);
  assert.deepEqual([missing.kind, missing.answer.error.status, missing.answer.error.code], ['subscription_failed', 404, 54100]);
});

test('ten watchers see every one of a hundred writes of five players converge (fan-out)', async () => {
  const number = fresh('room');
  const watchers = await Promise.all(Array.from({ length: 10 }, async () => {
    const map = await subscribed(await (await airlock.client(fresh('watcher'))).map(`rooms/${number}/cursors`));
    return watch(map);
  }));
  const players = await Promise.all(Array.from({ length: 5 }, async () => {
    const identity = fresh('player');
    const cursor = await (await airlock.client(identity, named('P'))).document(`cursors/${number}/${identity}`);
    return { identity, cursor };
  }));
  await Promise.all(players.map(async ({ cursor }) => {
    for (let n = 1; n <= 20; n += 1) await cursor.set({ x: n, y: n });
  }));
  for (const seen of watchers) {
    for (const { identity } of players) {
      await seen.until((it) => it.key === identity && it.data?.left === 20, `the last state of ${identity}`);
      const ids = seen.seen.filter((it) => it.key === identity).map((it) => it.id);
      assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b), 'in order, none twice');
    }
  }
});

test('the server pings or stays silent, and an unknown frame from the client harms nothing', async () => {
  const socket = await airlock.socket(fresh('ada'));
  socket.send({ id: 'TMtelemetry', method: 'telemetry.v1', events: [] });
  socket.send({ id: 'TMack', method: 'reply', payload_type: 'application/json', status: { code: 200, status: 'OK' } });
  const made = await socket.request('POST', path('Documents'), { unique_name: fresh('after') });
  assert.equal(made.status, 201);
});

test('a client that closes is gone, and its watcher keeps what it published (no `until` here)', async () => {
  const { ada, player, name, seen, shared } = await room();
  const cursor = await player.document(name);
  await cursor.set({ x: 1, y: 1 });
  await seen.until((it) => it.name === 'itemAdded', 'published');
  await within(player.shutdown(), 'shutdown');
  await until(async () => Object.keys(await airlock.entries(shared)).includes(ada), 'it stands');
  assert.ok(await airlock.healthy());
});

// Lists and streams under policies: what is published item by item and message by message, and what no client can do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, canary, connected, fresh, ownCode, path, pathOf, refused, subscribed, tail } from './support.mjs';
import { listed } from './socket.mjs';
import { until, watch } from './waiting.mjs';

let airlock;
before(async () => { airlock = await Airlock.start(); });
after(() => airlock?.stop());

const data = (list) => list.map(([, it]) => it);
const heard = (socket) => socket.notifications('stream_message_published').flatMap(listed);
const sized = (key, bytes) => ({ [key]: 'x'.repeat(bytes - Buffer.byteLength(JSON.stringify({ [key]: '' }))) });

function forbidden({ status, body }, what) {
  assert.deepEqual([status, body?.code], [403, 54007], `${what}: ${status} ${JSON.stringify(body)}`);
}

/** An author's socket with a private list, or stream, of its own in a new room. */
async function author(policy, kind, room = fresh('room')) {
  const ada = fresh('ada');
  const socket = await airlock.socket(ada);
  const name = `${policy}/${room}/${ada}`;
  const made = await socket.request('POST', path(kind), { unique_name: name });
  assert.equal(made.status, 201, made.text);
  const links = made.body.links ?? {};
  return { ada, room, socket, name, made: made.body, url: pathOf(made.body.url), items: links.items && pathOf(links.items), messages: links.messages && pathOf(links.messages) };
}

/** An author with a private document, set by `say`. */
async function speaker(policy, room = fresh('room')) {
  const it = await author(policy, 'Documents', room);
  return { ...it, say: (body) => it.socket.request('POST', it.url, { data: body }), leave: () => it.socket.request('DELETE', it.url) };
}

/** A watcher of a shared list or stream in the SDK. */
async function watcher(kind, name) {
  const client = await airlock.client(fresh('bob'));
  const object = await subscribed(await client[kind](name));
  return { client, object, seen: watch(object) };
}

// ---- list to list

test('a private list feeds a shared one item by item: what is taken and set, and nothing more', async () => {
  const room = fresh('room');
  const { seen } = await watcher('list', `rooms/${room}/cards`);
  const ada = fresh('ada');
  const client = await airlock.client(ada);
  const cards = await client.list(`cards/${room}/${ada}`);
  const item = await cards.push({ title: 'One', note: 'mine alone' });
  assert.deepEqual(item.data, { title: 'One', note: 'mine alone' }, 'the private side keeps what was pushed');
  const added = await seen.until((it) => it.name === 'itemAdded', 'the card');
  assert.deepEqual([added.data, added.isLocal], [{ title: 'One', by: ada }, false]);
  assert.deepEqual(data(await airlock.list(`cards/${room}/${ada}`)), [{ title: 'One', note: 'mine alone' }]);
  assert.deepEqual(data(await airlock.list(`rooms/${room}/cards`)), [{ title: 'One', by: ada }]);
});

test('set, update and mutate change the one item there, under its index (an update never makes a second)', async () => {
  const room = fresh('room');
  const { seen } = await watcher('list', `rooms/${room}/cards`);
  const ada = fresh('ada');
  const cards = await (await airlock.client(ada)).list(`cards/${room}/${ada}`);
  await cards.push({ title: 'a' });
  await cards.set(0, { title: 'b' });
  await cards.update(0, { title: 'c' });
  await cards.mutate(0, (it) => ({ ...it, title: `${it.title}d` }));
  await seen.until((it) => it.data?.title === 'cd', 'the last change');
  assert.deepEqual(seen.seen.map((it) => [it.name, it.data.title]), [['itemAdded', 'a'], ['itemUpdated', 'b'], ['itemUpdated', 'c'], ['itemUpdated', 'cd']]);
  assert.equal(new Set(seen.seen.map((it) => it.index)).size, 1);
  assert.equal((await airlock.list(`rooms/${room}/cards`)).length, 1);
});

test('remove withdraws that item alone, and no index comes back', async () => {
  const one = await author('cards', 'Lists');
  const { seen } = await watcher('list', `rooms/${one.room}/cards`);
  for (const title of ['a', 'b', 'c']) await one.socket.request('POST', one.items, { data: { title } });
  await seen.until((it) => it.data?.title === 'c', 'three cards');
  const before = await airlock.list(`rooms/${one.room}/cards`);
  await one.socket.request('DELETE', `${one.items}/1`);
  const removed = await seen.until((it) => it.name === 'itemRemoved', 'withdrawn');
  assert.deepEqual([removed.previous.title, removed.isLocal], ['b', false]);
  await one.socket.request('POST', one.items, { data: { title: 'd' } });
  const now = await airlock.list(`rooms/${one.room}/cards`);
  assert.deepEqual(data(now).map((it) => it.title), ['a', 'c', 'd']);
  assert.ok(before.every(([index]) => index < now.at(-1)[0]), 'a new item has a new index');
});

test('removeList withdraws all that it published, and nothing of others', async () => {
  const one = await author('cards', 'Lists');
  const two = await author('cards', 'Lists', one.room);
  const { seen } = await watcher('list', `rooms/${one.room}/cards`);
  await one.socket.request('POST', one.items, { data: { title: 'a1' } });
  await two.socket.request('POST', two.items, { data: { title: 'b1' } });
  await one.socket.request('POST', one.items, { data: { title: 'a2' } });
  const gone = await one.socket.request('DELETE', one.url);
  assert.equal(gone.status, 204);
  await until(() => seen.seen.filter((it) => it.name === 'itemRemoved').length === 2, 'both withdrawn');
  assert.deepEqual(data(await airlock.list(`rooms/${one.room}/cards`)), [{ title: 'b1', by: two.ada }]);
  assert.ok(!seen.seen.some((it) => it.name === 'removed'), 'the shared list stays');
});

test('{} says nothing: pushed it publishes nothing, set it withdraws, and a later word is published anew', async () => {
  const one = await author('cards', 'Lists');
  const shared = `rooms/${one.room}/cards`;
  assert.equal((await one.socket.request('POST', one.items, { data: {} })).status, 201);
  assert.deepEqual(await airlock.list(shared), []);
  await one.socket.request('POST', `${one.items}/0`, { data: { title: 'a' } });
  const [[first]] = await airlock.list(shared);
  await one.socket.request('POST', `${one.items}/0`, { data: {} });
  assert.deepEqual(await airlock.list(shared), []);
  assert.deepEqual(data(await airlock.list(one.name)), [{}], 'the private item stands, empty');
  await one.socket.request('POST', `${one.items}/0`, { data: { title: 'b' } });
  const [[second, said]] = await airlock.list(shared);
  assert.deepEqual(said, { title: 'b', by: one.ada });
  assert.ok(first < second, 'the index of what was withdrawn is not given again');
});

test('an expired private item, and an expired private list, withdraw', async () => {
  const one = await author('cards', 'Lists');
  const two = await author('cards', 'Lists', one.room);
  const { seen } = await watcher('list', `rooms/${one.room}/cards`);
  await one.socket.request('POST', one.items, { data: { title: 'brief' }, ttl: 1 });
  await one.socket.request('POST', one.items, { data: { title: 'stays' } });
  await two.socket.request('POST', two.items, { data: { title: 'with its list' } });
  await two.socket.request('POST', two.url, { ttl: 1 });
  await until(() => seen.seen.filter((it) => it.name === 'itemRemoved').length === 2, 'both withdrawn', 15_000);
  assert.deepEqual(data(await airlock.list(`rooms/${one.room}/cards`)).map((it) => it.title), ['stays']);
});

test('what a policy publishes is the system\'s, and private and shared side share one batch over kill -9', async () => {
  const one = await author('cards', 'Lists');
  const shared = `rooms/${one.room}/cards`;
  for (const title of ['a', 'b', 'c']) await one.socket.request('POST', one.items, { data: { title } });
  await one.socket.request('DELETE', `${one.items}/0`);
  const before = await airlock.allItems('Lists', shared);
  assert.deepEqual(before.map((it) => it.created_by), ['system', 'system']);
  await airlock.kill9();
  await airlock.restart();
  assert.deepEqual(await airlock.allItems('Lists', shared), before);
  const again = await airlock.socket(one.ada);
  await again.request('POST', `${one.items}/1`, { data: { title: 'b2' } });
  const now = await airlock.list(shared);
  assert.deepEqual(now.map(([index, it]) => [index, it.title]), [[before[0].index, 'b2'], [before[1].index, 'c']], 'the source still knows its item');
  await again.request('DELETE', one.url);
  assert.deepEqual(await airlock.list(shared), []);
});

test('a backend that pushes to a private list does so in its owner\'s name (decision 21)', async () => {
  const one = await author('cards', 'Lists');
  const pushed = await airlock.backend('POST', airlock.at('Lists', one.name, 'Items'), { Data: '{"title":"from the office"}' });
  assert.equal(pushed.status, 201, pushed.text);
  assert.deepEqual(data(await airlock.list(`rooms/${one.room}/cards`)), [{ title: 'from the office', by: one.ada }]);
  const bad = await airlock.backend('POST', airlock.at('Lists', one.name, 'Items'), { Data: '{"title":7}' });
  assert.deepEqual([bad.status, ownCode(bad.body.code)], [400, true], 'the schema holds for backends too');
});

test('an absent shared list opens as empty by name and by SID, the same for all, and its first item is heard', async () => {
  const room = fresh('room');
  const { object, seen } = await watcher('list', `rooms/${room}/cards`);
  assert.match(object.sid, /^ES[0-9a-f]{32}$/);
  assert.equal((await object.getItems()).items.length, 0);
  const other = await watcher('list', object.sid);
  assert.equal(other.object.sid, object.sid);
  const one = await author('cards', 'Lists', room);
  await one.socket.request('POST', one.items, { data: { title: 'first' } });
  await seen.until((it) => it.name === 'itemAdded', 'by name');
  await other.seen.until((it) => it.name === 'itemAdded', 'by SID');
  assert.equal((await airlock.backend('GET', airlock.at('Lists', `rooms/${room}/cards`))).body.sid, object.sid);
});

test('a watcher of a shared list that was away misses nothing of it', async () => {
  const one = await author('cards', 'Lists');
  const cable = await airlock.cable();
  const client = await airlock.client(fresh('bob'), { cable });
  const shared = await subscribed(await client.list(`rooms/${one.room}/cards`));
  const seen = watch(shared);
  for (const title of ['a', 'b', 'c']) await one.socket.request('POST', one.items, { data: { title } });
  await seen.until((it) => it.data?.title === 'c', 'level');
  cable.cut();
  await until(() => client.connectionState !== 'connected', 'away');
  await one.socket.request('POST', `${one.items}/0`, { data: { title: 'a2' } });
  await one.socket.request('DELETE', `${one.items}/1`);
  await one.socket.request('POST', `${one.items}/2`, { data: {} });
  await one.socket.request('POST', one.items, { data: { title: 'd' } });
  cable.mend();
  await connected(client, 30_000);
  await seen.until((it) => it.data?.title === 'd', 'the newcomer', 20_000);
  assert.equal(seen.seen.filter((it) => it.name === 'itemRemoved').length, 2, 'each withdrawal once');
  assert.deepEqual((await shared.getItems()).items.map((it) => it.data.title), ['a2', 'd']);
});

test('who knew a shared list that a backend removed is told 410, not left with what is gone (decisions 18 and 29)', async () => {
  const one = await author('cards', 'Lists');
  const shared = `rooms/${one.room}/cards`;
  for (const title of ['a', 'b']) await one.socket.request('POST', one.items, { data: { title } });
  const ear = await airlock.socket(fresh('bob'));
  const root = (await ear.request('GET', path('Lists', shared))).body;
  assert.equal((await airlock.backend('DELETE', airlock.at('Lists', shared))).status, 204);
  const gone = await (await airlock.socket(fresh('bob'))).subscribe(root.sid, 'list', root.last_event_id);
  assert.equal(gone.kind, 'subscription_failed', 'while it does not stand');
});

test('who knew a shared list that was removed and born again is told 410, too: nothing tells which of its items are gone', async () => {
  const one = await author('cards', 'Lists');
  const shared = `rooms/${one.room}/cards`;
  for (const title of ['a', 'b']) await one.socket.request('POST', one.items, { data: { title } });
  const ear = await airlock.socket(fresh('bob'));
  const root = (await ear.request('GET', path('Lists', shared))).body;
  assert.equal((await airlock.backend('DELETE', airlock.at('Lists', shared))).status, 204);
  await one.socket.request('POST', one.items, { data: { title: 'c' } });
  const again = await (await airlock.socket(fresh('bob'))).subscribe(root.sid, 'list', root.last_event_id);
  const removed = again.replayed.filter((it) => it.type === 'list_item_removed').length;
  assert.ok(again.kind === 'subscription_failed' || removed === 2, `${again.kind}, ${removed} removals`);
});

// ---- document to list

test('keep: what a document says is appended each time and stays, whatever becomes of the document', async () => {
  const one = await speaker('lines');
  const { seen } = await watcher('list', `rooms/${one.room}/chat`);
  for (const text of ['a', 'b', 'b']) assert.equal((await one.say({ text })).status, 200);
  const texts = async () => data(await airlock.list(`rooms/${one.room}/chat`)).map((it) => [it.text, it.by]);
  assert.deepEqual(await texts(), ['a', 'b', 'b'].map((text) => [text, one.ada]), 'the same word twice is two items');
  await one.say({});
  assert.equal((await texts()).length, 3, '{} appends nothing and takes nothing back');
  await one.leave();
  assert.equal((await texts()).length, 3, 'nor does removal');
  await seen.until((it) => it.data?.text === 'b', 'heard');
  await until(() => seen.seen.length === 3, 'all three');
  assert.ok(seen.seen.every((it) => it.name === 'itemAdded'));
});

test('keep: an expired document takes nothing back either, and its owner can come again', async () => {
  const one = await speaker('lines');
  await one.say({ text: 'a' });
  await one.socket.request('POST', one.url, { ttl: 1 });
  await until(async () => (await airlock.document(one.name)) === null, 'expired', 15_000);
  assert.equal((await airlock.list(`rooms/${one.room}/chat`)).length, 1);
  assert.equal((await one.socket.request('POST', path('Documents'), { unique_name: one.name, data: { text: 'b' } })).status, 201);
  assert.deepEqual(data(await airlock.list(`rooms/${one.room}/chat`)).map((it) => it.text), ['a', 'b']);
});

test('drop_oldest: a list never holds more than items_max; the oldest goes, and is heard to go', async () => {
  const one = await speaker('lines');
  const two = await speaker('lines', one.room);
  const shared = `rooms/${one.room}/chat`;
  const { seen, object } = await watcher('list', shared);
  for (let n = 0; n < 8; n += 1) {
    assert.equal((await (n % 2 ? one : two).say({ text: `${n}` })).status, 200);
    assert.ok((await airlock.list(shared)).length <= 5);
  }
  const now = await airlock.list(shared);
  assert.deepEqual(data(now).map((it) => it.text), ['3', '4', '5', '6', '7']);
  assert.deepEqual(now.map(([index]) => index), [...now.map(([index]) => index)].sort((a, b) => a - b));
  // The oldest goes after the new one has come.
  await seen.until((it) => it.name === 'itemRemoved' && it.previous.text === '2', 'the last that goes');
  assert.deepEqual(seen.seen.filter((it) => it.name === 'itemRemoved').map((it) => it.previous.text), ['0', '1', '2']);
  assert.deepEqual((await object.getItems()).items.map((it) => it.data.text), ['3', '4', '5', '6', '7']);
});

test('all: {} takes back everything that the document appended, removal too, and nothing of others', async () => {
  for (const how of ['{}', 'removal']) {
    const one = await speaker('bids');
    const two = await speaker('bids', one.room);
    const shared = `rooms/${one.room}/bids`;
    const { seen } = await watcher('list', shared);
    await one.say({ amount: 1 });
    await two.say({ amount: 2 });
    await one.say({ amount: 3 });
    assert.deepEqual(data(await airlock.list(shared)).map((it) => it.amount), [1, 2, 3], 'each set appends');
    assert.ok((await (how === '{}' ? one.say({}) : one.leave())).status < 300);
    assert.deepEqual(data(await airlock.list(shared)), [{ amount: 2, by: two.ada }], how);
    await until(() => seen.seen.filter((it) => it.name === 'itemRemoved').length === 2, `${how}: both are heard to go`);
    assert.ok(!seen.seen.some((it) => it.name === 'itemUpdated'));
  }
});

test('all: an expired document takes back what it appended', async () => {
  const one = await speaker('bids');
  await one.say({ amount: 1 });
  await one.say({ amount: 2 });
  await one.socket.request('POST', one.url, { ttl: 1 });
  await until(async () => (await airlock.list(`rooms/${one.room}/bids`)).length === 0, 'withdrawn', 15_000);
});

test('refuse: a full list refuses the write whole, 429 with the rule, and takes it when there is room again', async () => {
  const one = await speaker('bids');
  const two = await speaker('bids', one.room);
  const shared = `rooms/${one.room}/bids`;
  for (let n = 1; n <= 4; n += 1) assert.equal((await (n % 2 ? one : two).say({ amount: n })).status, 200);
  const full = await one.say({ amount: 5 });
  assert.deepEqual([full.status, full.body.code], [429, 72005], full.text);
  assert.deepEqual([tail(full.body.message).policy, tail(full.body.message).rule], ['bids', 'quota'], full.text);
  assert.deepEqual(await airlock.document(one.name), { amount: 3 }, 'the private side is not written either');
  assert.equal((await airlock.list(shared)).length, 4);
  assert.equal((await two.say({})).status, 200, 'a full list can be left');
  assert.equal((await one.say({ amount: 5 })).status, 200);
  assert.deepEqual(data(await airlock.list(shared)).map((it) => it.amount), [1, 3, 5]);
});

test('all, over kill -9 and over a checkpoint: the document still knows everything that it appended', async () => {
  for (const how of ['kill9', 'terminate']) {
    const one = await speaker('bids');
    await one.say({ amount: 1 });
    await one.say({ amount: 2 });
    await airlock[how]();
    await airlock.restart();
    const again = await airlock.socket(one.ada);
    assert.equal((await again.request('POST', one.url, { data: { amount: 3 } })).status, 200);
    assert.deepEqual(data(await airlock.list(`rooms/${one.room}/bids`)).map((it) => it.amount), [1, 2, 3], how);
    assert.equal((await again.request('POST', one.url, { data: {} })).status, 200);
    assert.deepEqual(await airlock.list(`rooms/${one.room}/bids`), [], how);
  }
});

test('keep, over kill -9 and over a checkpoint: what was said stays said', async () => {
  for (const how of ['kill9', 'terminate']) {
    const one = await speaker('lines');
    await one.say({ text: 'a' });
    await airlock[how]();
    await airlock.restart();
    const again = await airlock.socket(one.ada);
    await again.request('POST', one.url, { data: {} });
    await again.request('DELETE', one.url);
    assert.deepEqual(data(await airlock.list(`rooms/${one.room}/chat`)).map((it) => it.text), ['a'], how);
  }
});

test('a dropped item is gone for its source, too: its change appends anew, its removal takes nothing of others', async () => {
  const one = await author('quotes', 'Maps');
  const shared = `rooms/${one.room}/ticker`;
  const put = (key, n) => one.socket.request('PUT', `${one.items}/${key}`, { data: { n } });
  const names = async () => data(await airlock.list(shared)).map((it) => `${it.name}${it.n}`);
  for (const key of ['a', 'b', 'c', 'd']) assert.equal((await put(key, 0)).status, 201);
  assert.deepEqual(await names(), ['b0', 'c0', 'd0']);
  assert.equal((await put('a', 1)).status, 200, 'the source of a dropped item can change');
  assert.deepEqual(await names(), ['c0', 'd0', 'a1'], 'it comes last again, and the oldest goes');
  assert.equal((await put('d', 1)).status, 200);
  assert.deepEqual(await names(), ['c0', 'd1', 'a1'], 'what stands changes in its place and drops nobody');
  assert.equal((await one.socket.request('DELETE', `${one.items}/b`)).status, 200);
  assert.deepEqual(await names(), ['c0', 'd1', 'a1'], 'the removal of a source without an item');
  assert.equal((await one.socket.request('DELETE', one.url)).status, 204);
  assert.deepEqual(await names(), []);
});

test('a backend may push to a shared list and remove from it: what it pushed is no client\'s to withdraw (decision 21)', async () => {
  const one = await author('cards', 'Lists');
  const shared = `rooms/${one.room}/cards`;
  await one.socket.request('POST', one.items, { data: { title: 'a' } });
  const pushed = await airlock.backend('POST', airlock.at('Lists', shared, 'Items'), { Data: '{"title":"house","by":"house"}' });
  assert.equal(pushed.status, 201, pushed.text);
  await one.socket.request('POST', one.items, { data: { title: 'b' } });
  await one.socket.request('DELETE', one.url);
  assert.deepEqual(data(await airlock.list(shared)), [{ title: 'house', by: 'house' }]);
  assert.equal((await airlock.backend('DELETE', airlock.at('Lists', shared, 'Items', String(pushed.body.index)))).status, 204);
  assert.deepEqual(await airlock.list(shared), []);
});

test('an item that a backend took from a shared list does not come back by itself, and its source can publish again', async () => {
  const one = await author('cards', 'Lists');
  const shared = `rooms/${one.room}/cards`;
  await one.socket.request('POST', one.items, { data: { title: 'a' } });
  const [[index]] = await airlock.list(shared);
  assert.equal((await airlock.backend('DELETE', airlock.at('Lists', shared, 'Items', String(index)))).status, 204);
  assert.deepEqual(await airlock.list(shared), []);
  assert.equal((await one.socket.request('POST', `${one.items}/0`, { data: { title: 'b' } })).status, 200);
  const now = await airlock.list(shared);
  assert.deepEqual(data(now), [{ title: 'b', by: one.ada }]);
  assert.ok(index < now[0][0], 'under a new index');
  await one.socket.request('DELETE', one.url);
  assert.deepEqual(await airlock.list(shared), []);
});

// ---- streams

test('stream to stream: each message once, rewritten, to the publisher\'s connection too; the private one goes to its owner alone', async () => {
  const room = fresh('room');
  const shared = `rooms/${room}/shouts`;
  const { seen } = await watcher('stream', shared);
  const ada = fresh('ada');
  const [client, second] = [await airlock.client(ada), await airlock.client(ada)];
  const mine = await subscribed(await client.stream(`shouts/${room}/${ada}`));
  const loud = await subscribed(await client.stream(shared));
  const other = await subscribed(await second.stream(`shouts/${room}/${ada}`));
  const [own, echo, twin] = [watch(mine), watch(loud), watch(other)];
  for (const text of ['a', 'b']) await mine.publishMessage({ text, secret: 'mine' });
  await seen.until((it) => it.data?.text === 'b', 'heard');
  assert.deepEqual(seen.seen.map((it) => [it.data, it.isLocal]), [[{ text: 'a', by: ada }, false], [{ text: 'b', by: ada }, false]]);
  await echo.until((it) => it.data?.text === 'b', 'the shared one reaches its author\'s connection');
  assert.deepEqual(echo.seen.map((it) => [it.data.text, it.isLocal]), [['a', false], ['b', false]]);
  await twin.until((it) => it.data?.text === 'b', 'the private one reaches the second connection');
  assert.deepEqual(twin.seen.map((it) => it.data), [{ text: 'a', secret: 'mine' }, { text: 'b', secret: 'mine' }]);
  assert.deepEqual(own.seen.map((it) => it.isLocal), [true, true], 'and is not echoed');
});

test('{} on a private stream says nothing to the others', async () => {
  const one = await author('shouts', 'Streams');
  const ear = await airlock.socket(fresh('bob'));
  const root = (await ear.request('GET', path('Streams', `rooms/${one.room}/shouts`))).body;
  await ear.subscribe(root.sid, 'stream', null);
  assert.equal((await one.socket.request('POST', one.messages, { data: {} })).status, 201);
  await one.socket.request('POST', one.messages, { data: { text: 'mark' } });
  await until(() => heard(ear).length, 'the mark');
  assert.deepEqual(heard(ear).map((it) => it.message_data.text), ['mark']);
});

test('a shared stream need not stand: it is opened, subscribed and heard before anything was said, and after a restart', async () => {
  const room = fresh('room');
  const shared = `rooms/${room}/shouts`;
  const [ear, other] = [await airlock.socket(fresh('bob')), await airlock.socket(fresh('cyd'))];
  const root = (await ear.request('GET', path('Streams', shared))).body;
  assert.match(root.sid, /^TO[0-9a-f]{32}$/);
  assert.equal((await other.request('GET', path('Streams', shared))).body.sid, root.sid, 'the SID is derived');
  assert.equal((await ear.subscribe(root.sid, 'stream', null)).kind, 'subscription_established');
  const one = await author('shouts', 'Streams', room);
  await one.socket.request('POST', one.messages, { data: { text: 'a' } });
  await until(() => heard(ear).length, 'heard');
  assert.equal(heard(ear)[0].stream_sid, root.sid);
  await airlock.kill9();
  await airlock.restart();
  const again = await airlock.socket(fresh('bob'));
  assert.equal((await again.request('GET', path('Streams', shared))).body.sid, root.sid, 'the same SID after the death');
  await again.subscribe(root.sid, 'stream', null);
  await (await airlock.socket(one.ada)).request('POST', one.messages, { data: { text: 'b' } });
  await until(() => heard(again).length, 'heard');
  assert.deepEqual(heard(again).map((it) => it.message_data.text), ['b'], 'and nothing of before');
});

test('stream to list: each message is appended, the oldest goes, and they stay when the stream goes (append only)', async () => {
  const one = await author('moves', 'Streams');
  const shared = `rooms/${one.room}/moves`;
  const { seen } = await watcher('list', shared);
  for (const to of ['e4', 'd4', 'c4', 'b4']) assert.equal((await one.socket.request('POST', one.messages, { data: { to } })).status, 201);
  await seen.until((it) => it.data?.to === 'b4', 'the last');
  await seen.until((it) => it.name === 'itemRemoved' && it.previous.to === 'e4', 'the oldest goes');
  assert.equal(seen.seen.length, 5);
  assert.deepEqual(data(await airlock.list(shared)), ['d4', 'c4', 'b4'].map((to) => ({ to, by: one.ada })));
  await one.socket.request('DELETE', one.url);
  assert.equal((await airlock.list(shared)).length, 3);
  await airlock.kill9();
  await airlock.restart();
  assert.deepEqual(data(await airlock.list(shared)).map((it) => it.to), ['d4', 'c4', 'b4'], 'items are kept, other than messages');
});

test('a repeated publish with the same request id appends once (decision 7)', async () => {
  const one = await author('moves', 'Streams');
  const request = 'c'.repeat(32);
  for (let n = 0; n < 2; n += 1) assert.equal((await one.socket.request('POST', one.messages, { data: { to: 'e4' } }, { request })).status, 201);
  assert.deepEqual(data(await airlock.list(`rooms/${one.room}/moves`)).map((it) => it.to), ['e4']);
});

test('what a private message said beyond its public part stands in no file, even where its public part is kept', async () => {
  const { readdirSync, readFileSync } = await import('node:fs');
  const { join } = await import('node:path');
  const one = await author('shouts', 'Streams');
  const [secret, text] = [canary('secret'), canary('text')];
  for (let n = 0; n < 5; n += 1) assert.equal((await one.socket.request('POST', one.messages, { data: { text, secret } })).status, 201);
  await airlock.terminate();
  const folder = join(airlock.folder, 'data');
  const names = readdirSync(folder);
  assert.ok(names.some((name) => name.startsWith('log-')), names.join());
  for (const name of names) for (const word of [secret, text]) assert.ok(!readFileSync(join(folder, name)).includes(word), name);
  await airlock.restart();
});

// ---- map to list

test('map items go to a list: one item each, changed in place, gone with their source or their map', async () => {
  const one = await author('tags', 'Maps');
  const shared = `rooms/${one.room}/tags`;
  const { seen } = await watcher('list', shared);
  const put = (key, colour) => one.socket.request('PUT', `${one.items}/${encodeURIComponent(key)}`, { data: { colour } });
  await put('k/1', 'red');
  await put('k2', 'blue');
  await put('k/1', 'green');
  const now = await airlock.list(shared);
  assert.deepEqual(now.map(([, it]) => it), [{ colour: 'green', by: one.ada, name: 'k/1' }, { colour: 'blue', by: one.ada, name: 'k2' }]);
  await seen.until((it) => it.name === 'itemUpdated', 'changed in place');
  await one.socket.request('DELETE', `${one.items}/${encodeURIComponent('k/1')}`);
  assert.deepEqual(data(await airlock.list(shared)).map((it) => it.name), ['k2']);
  await put('k/1', 'again');
  const [, [index]] = await airlock.list(shared);
  assert.ok(now.every(([before]) => before < index), 'a new item has a new index');
  await one.socket.request('DELETE', one.url);
  assert.deepEqual(await airlock.list(shared), []);
  await until(() => seen.seen.filter((it) => it.name === 'itemRemoved').length === 3, 'each withdrawal is heard once');
});

test('map items: a full list refuses a new key and still lets a standing one change', async () => {
  const one = await author('tags', 'Maps');
  const put = (key, colour) => one.socket.request('PUT', `${one.items}/${key}`, { data: { colour } });
  for (let n = 0; n < 4; n += 1) assert.equal((await put(`k${n}`, 'red')).status, 201);
  const full = await put('k4', 'red');
  assert.deepEqual([full.status, full.body.code, tail(full.body.message)?.rule], [429, 72005, 'quota'], full.text);
  assert.equal((await put('k0', 'blue')).status, 200, 'an update needs no room');
  assert.equal(Object.keys(await airlock.entries(one.name)).length, 4, 'the refused key stands nowhere');
  await one.socket.request('DELETE', `${one.items}/k1`);
  assert.equal((await put('k4', 'red')).status, 201);
});

// ---- refusals

test('data that breaks the schema: 400, an own code, the pointer; nothing is written, published or said', async (t) => {
  const room = fresh('room');
  const list = await author('cards', 'Lists', room);
  const stream = await author('shouts', 'Streams', room);
  const map = await author('tags', 'Maps', room);
  await list.socket.request('POST', list.items, { data: { title: 'stands' } });
  const ear = await airlock.socket(fresh('bob'));
  const loud = (await ear.request('GET', path('Streams', `rooms/${room}/shouts`))).body;
  await ear.subscribe(loud.sid, 'stream', null);
  const rows = {
    'push: a number for a text': [list, 'POST', list.items, { title: 7 }, 'cards', '/title'],
    'push: deep inside': [list, 'POST', list.items, { title: 'a', place: { x: -1 } }, 'cards', '/place/x'],
    'push: a missing property': [list, 'POST', list.items, { note: 'a' }, 'cards', ''],
    'push: a property too many': [list, 'POST', list.items, { title: 'a', z: 1 }, 'cards'],
    'push: too long': [list, 'POST', list.items, { title: 'x'.repeat(41) }, 'cards', '/title'],
    'set of a standing item': [list, 'POST', `${list.items}/0`, { title: 7 }, 'cards', '/title'],
    'message: a number for a text': [stream, 'POST', stream.messages, { text: 7 }, 'shouts', '/text'],
    'message: a missing property': [stream, 'POST', stream.messages, { secret: 'a' }, 'shouts', ''],
    'map item': [map, 'PUT', `${map.items}/k`, { colour: 7 }, 'tags', '/colour'],
  };
  for (const [what, [who, method, where, body, policy, at]] of Object.entries(rows)) {
    await t.test(what, async () => {
      const answer = await who.socket.request(method, where, { data: body });
      assert.equal(answer.status, 400, answer.text);
      assert.ok(ownCode(answer.body.code), answer.text);
      const told = tail(answer.body.message);
      assert.deepEqual([told.policy, told.rule], [policy, 'schema'], answer.text);
      if (at !== undefined) assert.equal(told.at ?? '', at, answer.text);
      assert.ok(told.decision);
    });
  }
  await t.test('afterwards stands what stood', async () => {
    await stream.socket.request('POST', stream.messages, { data: { text: 'mark' } });
    await until(() => heard(ear).length, 'the mark');
    assert.deepEqual(heard(ear).map((it) => it.message_data.text), ['mark']);
    assert.deepEqual(data(await airlock.list(list.name)), [{ title: 'stands' }]);
    assert.deepEqual(data(await airlock.list(`rooms/${room}/cards`)), [{ title: 'stands', by: list.ada }]);
    assert.deepEqual(await airlock.entries(map.name), {});
    assert.equal((await list.socket.request('POST', list.items, { data: { title: 'next' } })).body.index, 1, 'a refused push takes no index');
  });
});

test('the SDK hears the tail of a refused push and a refused message', async () => {
  const [room, ada] = [fresh('room'), fresh('ada')];
  const client = await airlock.client(ada);
  const cards = await client.list(`cards/${room}/${ada}`);
  const pushed = await refused(cards.push({ title: 7 }));
  assert.deepEqual([pushed.status, tail(pushed.message)?.at, tail(pushed.message)?.rule], [400, '/title', 'schema'], pushed.message);
  const shouts = await client.stream(`shouts/${room}/${ada}`);
  const said = await refused(shouts.publishMessage({ text: 7 }));
  assert.deepEqual([said.status, tail(said.message)?.at, tail(said.message)?.rule], [400, '/text', 'schema'], said.message);
  assert.equal(client.connectionState, 'connected');
});

test('size: at the policy\'s bound and one byte beyond, for items and messages, 413/54006', async (t) => {
  const list = await author('cards', 'Lists');
  const stream = await author('shouts', 'Streams');
  const free = await author('whispers', 'Streams');
  const note = (bytes) => ({ title: 'a', ...sized('note', bytes - '"title":"a",'.length) });
  const rows = {
    'an item of 1024': [list, list.items, note(1_024), 201],
    'an item of 1025': [list, list.items, note(1_025), 413, 'cards'],
    'a message of 256': [stream, stream.messages, sized('text', 256), 201],
    'a message of 257': [stream, stream.messages, sized('text', 257), 413, 'shouts'],
    'a message of 4096 under a policy without a bound': [free, free.messages, sized('a', 4_096), 201],
    'a message of 4097 under a policy without a bound': [free, free.messages, sized('a', 4_097), 413],
  };
  for (const [what, [who, where, body, status, policy]] of Object.entries(rows)) {
    await t.test(`${what} is ${status}`, async () => {
      const answer = await who.socket.request('POST', where, { data: body });
      assert.equal(answer.status, status, answer.text);
      if (status !== 413) return;
      assert.equal(answer.body.code, 54006);
      if (policy) assert.deepEqual([tail(answer.body.message).policy, tail(answer.body.message).rule], [policy, 'size']);
    });
  }
});

test('an identity has at most `objects_max` private streams of a policy (64 by default)', async () => {
  const eve = fresh('eve');
  const socket = await airlock.socket(eve);
  const answers = [];
  for (let n = 0; n < 66; n += 1) answers.push(await socket.request('POST', path('Streams'), { unique_name: `moves/${fresh('room')}/${eve}` }));
  assert.equal(answers.filter((it) => it.status === 201).length, 64);
  assert.deepEqual([answers[65].status, tail(answers[65].body.message)?.rule], [429, 'quota'], answers[65].text);
});

// ---- the hostile client

/** An honest room with all that lists and streams publish, and the proof that nothing happened to it. */
async function honest() {
  const room = fresh('room');
  const cards = await author('cards', 'Lists', room);
  const lines = await speaker('lines', room);
  const shouts = await author('shouts', 'Streams', room);
  await cards.socket.request('POST', cards.items, { data: { title: 'stands' } });
  await lines.say({ text: 'stands' });
  const names = { cards: `rooms/${room}/cards`, chat: `rooms/${room}/chat`, shouts: `rooms/${room}/shouts` };
  const client = await airlock.client(fresh('bob'));
  const seen = {};
  const objects = {};
  for (const [word, kind] of [['cards', 'list'], ['chat', 'list'], ['shouts', 'stream']]) {
    objects[word] = await subscribed(await client[kind](names[word]));
    seen[word] = watch(objects[word]);
  }
  const standing = async () => [await airlock.list(names.cards), await airlock.list(names.chat), await airlock.list(cards.name), await airlock.document(lines.name)];
  const before = await standing();
  return {
    room, cards, lines, shouts, names, objects,
    async unharmed() {
      assert.deepEqual(await standing(), before, 'what stands is what stood');
      assert.equal((await cards.socket.request('POST', `${cards.items}/0`, { data: { title: 'mark' } })).status, 200);
      assert.equal((await lines.say({ text: 'mark' })).status, 200);
      assert.equal((await shouts.socket.request('POST', shouts.messages, { data: { text: 'mark' } })).status, 201);
      await seen.cards.until((it) => it.data?.title === 'mark', 'the mark on the list');
      await seen.chat.until((it) => it.data?.text === 'mark', 'the mark in the chat');
      await seen.shouts.until((it) => it.data?.text === 'mark', 'the mark on the stream');
      for (const [word, { seen: events }] of Object.entries(seen)) assert.equal(events.length, 1, `${word}: only the honest word: ${JSON.stringify(events)}`);
      assert.equal(client.connectionState, 'connected');
      assert.deepEqual(client.states.filter((state) => !['connecting', 'connected'].includes(state)), [], 'it noticed nothing');
    },
  };
}

test('no client writes a shared list: push, set, mutate, TTL, remove, removeList, by name and by SID, author or not', async (t) => {
  const eye = await honest();
  for (const identity of [fresh('eve'), eye.cards.ada]) {
    const socket = await airlock.socket(identity);
    const root = (await socket.request('GET', path('Lists', eye.names.cards))).body;
    const items = pathOf(root.links.items);
    const [item] = (await socket.request('GET', items, undefined, { params: { Order: 'asc' } })).body.items;
    const it = pathOf(item.url);
    const named = `${path('Lists', eye.names.cards)}/Items`;
    const lie = { data: { title: 'owned', by: 'eve' } };
    const rows = {
      'push': ['POST', items, lie],
      'push by name': ['POST', named, lie],
      'push of {}': ['POST', items, { data: {} }],
      'push of nonsense': ['POST', items, { data: [1] }],
      'push of too much': ['POST', items, { data: sized('a', 20_000) }],
      'set': ['POST', it, lie],
      'set by name': ['POST', `${named}/${item.index}`, lie],
      'withdraw': ['POST', it, { data: {} }],
      'mutate': ['POST', it, lie, item.revision],
      'mutate with a wrong revision (never 412)': ['POST', it, lie, 'ffff'],
      'item TTL': ['POST', it, { ttl: 1 }],
      'remove': ['DELETE', it],
      'remove with a wrong revision (never 412)': ['DELETE', it, undefined, 'ffff'],
      'set of a missing item (never 404)': ['POST', `${items}/4000`, lie],
      'remove of a missing item (never 404)': ['DELETE', `${items}/4000`],
      'list TTL': ['POST', pathOf(root.url), { ttl: 1 }],
      'removeList': ['DELETE', pathOf(root.url)],
      'removeList by name': ['DELETE', path('Lists', eye.names.cards)],
      'create over it (never 409)': ['POST', path('Lists'), { unique_name: eye.names.cards }],
    };
    for (const [what, [method, where, body, match]] of Object.entries(rows)) {
      await t.test(`${identity === eye.cards.ada ? 'the author' : 'a stranger'}: ${what}`, async () => {
        const answer = await socket.request(method, where, body, match ? { match } : {});
        if (/nonsense|too much/.test(what)) assert.ok([400, 403, 413].includes(answer.status), answer.text);
        else forbidden(answer, what);
      });
    }
  }
  await eye.unharmed();
});

test('no client writes a shared stream: publish, TTL, remove, create, by name and by SID, author or not', async (t) => {
  const eye = await honest();
  for (const identity of [fresh('eve'), eye.shouts.ada]) {
    const socket = await airlock.socket(identity);
    const root = (await socket.request('GET', path('Streams', eye.names.shouts))).body;
    const lie = { data: { text: 'owned', by: 'eve' } };
    const rows = {
      'publish': ['POST', pathOf(root.links.messages), lie],
      'publish by name': ['POST', `${path('Streams', eye.names.shouts)}/Messages`, lie],
      'publish of {}': ['POST', pathOf(root.links.messages), { data: {} }],
      'TTL': ['POST', pathOf(root.url), { ttl: 1 }],
      'remove': ['DELETE', pathOf(root.url)],
      'create over it': ['POST', path('Streams'), { unique_name: eye.names.shouts }],
    };
    for (const [what, [method, where, body]] of Object.entries(rows)) {
      await t.test(`${identity === eye.shouts.ada ? 'the author' : 'a stranger'}: ${what}`, async () => forbidden(await socket.request(method, where, body), what));
    }
  }
  await eye.unharmed();
});

test('the SDK is refused on shared lists and streams with 403, and they stay open and alive for it', async () => {
  const eye = await honest();
  const client = await airlock.client(fresh('eve'));
  const list = await subscribed(await client.list(eye.names.cards));
  const stream = await subscribed(await client.stream(eye.names.shouts));
  const [seen, ear] = [watch(list), watch(stream)];
  const { index } = (await list.getItems()).items[0];
  for (const [what, attempt] of [
    ['list.push', () => list.push({ title: 'owned' })],
    ['list.set', () => list.set(index, { title: 'owned' })],
    ['list.update', () => list.update(index, { title: 'owned' })],
    ['list.mutate', () => list.mutate(index, (it) => ({ ...it, title: 'owned' }))],
    ['list.remove', () => list.remove(index)],
    ['list.setTtl', () => list.setTtl(1)],
    ['list.setItemTtl', () => list.setItemTtl(index, 1)],
    ['list.removeList', () => list.removeList()],
    ['stream.publishMessage', () => stream.publishMessage({ text: 'owned' })],
    ['stream.setTtl', () => stream.setTtl(1)],
    ['stream.removeStream', () => stream.removeStream()],
  ]) {
    const error = await refused(attempt(), what);
    assert.deepEqual([error.status, error.code], [403, 54007], `${what}: ${error.message}`);
  }
  await eye.unharmed();
  await seen.until((it) => it.data?.title === 'mark', 'it goes on watching');
  await ear.until((it) => it.data?.text === 'mark', 'and listening');
  assert.equal(seen.seen.length + ear.seen.length, 2);
});

test('another\'s private list and stream are closed: each verb, by name and by SID (403/54007)', async (t) => {
  const eye = await honest();
  const socket = await airlock.socket(fresh('eve'));
  const { cards, shouts } = eye;
  const rows = {
    'open the list by name': ['GET', path('Lists', cards.name)],
    'open the list by SID': ['GET', path('Lists', cards.made.sid)],
    'open the list by url': ['GET', cards.url],
    'read its items': ['GET', cards.items],
    'read one item': ['GET', cards.items, undefined, { Index: '0' }],
    'a missing item is not told from a present one': ['GET', cards.items, undefined, { Index: '77' }],
    'read its context': ['GET', pathOf(cards.made.links.context)],
    'push': ['POST', cards.items, { data: { title: 'owned' } }],
    'push nonsense': ['POST', cards.items, { data: { title: 7 } }],
    'set': ['POST', `${cards.items}/0`, { data: { title: 'owned' } }],
    'withdraw': ['POST', `${cards.items}/0`, { data: {} }],
    'set a missing one (never 404)': ['POST', `${cards.items}/77`, { data: { title: 'owned' } }],
    'item TTL': ['POST', `${cards.items}/0`, { ttl: 1 }],
    'remove an item': ['DELETE', `${cards.items}/0`],
    'list TTL': ['POST', cards.url, { ttl: 1 }],
    'remove the list': ['DELETE', cards.url],
    'create the list (never 409)': ['POST', path('Lists'), { unique_name: cards.name }],
    'open the stream by name': ['GET', path('Streams', shouts.name)],
    'open the stream by SID': ['GET', path('Streams', shouts.made.sid)],
    'publish': ['POST', shouts.messages, { data: { text: 'owned' } }],
    'stream TTL': ['POST', shouts.url, { ttl: 1 }],
    'remove the stream': ['DELETE', shouts.url],
    'create the stream': ['POST', path('Streams'), { unique_name: shouts.name }],
  };
  for (const [what, [method, where, body, params]] of Object.entries(rows)) {
    await t.test(what, async () => forbidden(await socket.request(method, where, body, { params: params ?? {} }), what));
  }
  for (const [sid, type, last] of [[cards.made.sid, 'list', 0], [shouts.made.sid, 'stream', null]]) {
    await t.test(`subscribe to the ${type}`, async () => {
      const { kind, answer } = await socket.subscribe(sid, type, last);
      assert.deepEqual([kind, answer.error.status, answer.error.code], ['subscription_failed', 403, 54007]);
    });
  }
  await eye.unharmed();
  assert.deepEqual(socket.frames.filter((it) => /^(list|stream)_/.test(it.body?.event_type ?? '')), []);
});

test('the SDK gets 403 from a foreign private list or stream in every mode, at once and without a loop', async () => {
  const eye = await honest();
  const client = await airlock.client(fresh('eve'));
  for (const mode of ['open_or_create', 'open_existing', 'create_new']) {
    for (const [kind, id] of [['list', eye.cards.name], ['stream', eye.shouts.name], ['list', `cards/${eye.room}/${fresh('nobody')}`], ['stream', `shouts/${eye.room}/${fresh('nobody')}`]]) {
      const error = await refused(client[kind]({ id, mode }), `${mode} ${id}`);
      assert.deepEqual([error.status, error.code], [403, 54007], `${mode} ${id}: ${error.message}`);
    }
  }
  await eye.unharmed();
});

test('a foreign private list or stream answers byte for byte the same whether it exists or not (invariant 11)', async () => {
  const [room, ada] = [fresh('room'), fresh('ada')];
  const socket = await airlock.socket(fresh('eve'));
  const plain = ({ status, text, header }) => [status, header.http_status, text.replace(/decision=[^\s\]"]+/g, 'decision').replace(/"decision":"[^"]+"/g, 'decision')];
  const [list, stream] = [`cards/${room}/${ada}`, `shouts/${room}/${ada}`];
  const attempts = async () => [
    await socket.request('GET', path('Lists', list)),
    await socket.request('POST', path('Lists'), { unique_name: list }),
    await socket.request('GET', path('Lists', list, 'Items')),
    await socket.request('POST', path('Lists', list, 'Items'), { data: { title: 'x' } }),
    await socket.request('POST', path('Lists', list, 'Items'), { data: { title: 7 } }),
    await socket.request('POST', path('Lists', list, 'Items', '0'), { data: { title: 'x' } }),
    await socket.request('DELETE', path('Lists', list, 'Items', '0')),
    await socket.request('DELETE', path('Lists', list)),
    await socket.request('GET', path('Streams', stream)),
    await socket.request('POST', path('Streams'), { unique_name: stream }),
    await socket.request('POST', path('Streams', stream, 'Messages'), { data: { text: 'x' } }),
    await socket.request('DELETE', path('Streams', stream)),
  ].map(plain);
  const absent = await attempts();
  const owner = await airlock.socket(ada);
  const made = (await owner.request('POST', path('Lists'), { unique_name: list })).body;
  await owner.request('POST', pathOf(made.links.items), { data: { title: 'mine' } });
  await owner.request('POST', path('Streams'), { unique_name: stream });
  assert.deepEqual(await attempts(), absent);
  for (const [status] of absent) assert.equal(status, 403);
});

test('no client creates anything under a governed name of lists and streams, in any kind (decision 16)', async (t) => {
  const eye = await honest();
  const eve = fresh('eve');
  const socket = await airlock.socket(eve);
  const privates = { [`cards/${eye.room}/${eve}`]: 'Lists', [`lines/${eye.room}/${eve}`]: 'Documents', [`shouts/${eye.room}/${eve}`]: 'Streams', [`moves/${eye.room}/${eve}`]: 'Streams', [`tags/${eye.room}/${eve}`]: 'Maps' };
  const shareds = ['cards', 'chat', 'bids', 'shouts', 'moves', 'tags'].map((word) => `rooms/${fresh('room')}/${word}`);
  for (const kind of ['Documents', 'Maps', 'Lists', 'Streams']) {
    await t.test(`${kind} under shared names`, async () => {
      for (const name of [...shareds, ...Object.values(eye.names)]) forbidden(await socket.request('POST', path(kind), { unique_name: name }), name);
    });
    await t.test(`${kind} under an own private name of another kind`, async () => {
      for (const [name, own] of Object.entries(privates)) {
        if (own !== kind) forbidden(await socket.request('POST', path(kind), { unique_name: name }), name);
      }
    });
    await t.test(`${kind} under another's private name`, async () => {
      for (const name of [eye.cards.name, eye.lines.name, eye.shouts.name]) forbidden(await socket.request('POST', path(kind), { unique_name: name }), name);
    });
  }
  await eye.unharmed();
});

test('the doors over plain HTTP ask the same of lists and streams (Bearer)', async () => {
  const eye = await honest();
  const eve = airlock.token(fresh('eve'));
  const ask = async (method, where, body, jwt = eve) => {
    const answer = await fetch(airlock.url + where, { method, headers: { Authorization: `Bearer ${jwt}`, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
    return { status: answer.status, body: await answer.json().catch(() => undefined) };
  };
  forbidden(await ask('GET', eye.cards.url), 'a private list');
  forbidden(await ask('POST', eye.cards.items, { data: { title: 'owned' } }), 'push to a private list');
  forbidden(await ask('POST', eye.shouts.messages, { data: { text: 'owned' } }), 'publish to a private stream');
  forbidden(await ask('POST', `${path('Lists', eye.names.cards)}/Items`, { data: { title: 'owned' } }), 'push to a shared list');
  forbidden(await ask('POST', `${path('Streams', eye.names.shouts)}/Messages`, { data: { text: 'owned' } }), 'publish to a shared stream');
  forbidden(await ask('DELETE', path('Lists', eye.names.cards)), 'remove a shared list');
  assert.equal((await ask('GET', path('Lists', eye.names.cards))).status, 200);
  assert.equal((await ask('POST', eye.cards.items, { data: { title: 'x' } }, 'a.b.c')).status, 401);
  await eye.unharmed();
});

test('the context of a private list is its owner\'s and reaches no shared one', async () => {
  const [room, ada] = [fresh('room'), fresh('ada')];
  const socket = await airlock.socket(ada);
  const made = await socket.request('POST', path('Lists'), { unique_name: `cards/${room}/${ada}`, context: { title: 'smuggled' } });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual(await airlock.list(`rooms/${room}/cards`), [], 'it is no item');
  await socket.request('POST', pathOf(made.body.links.items), { data: { title: 'a' } });
  assert.deepEqual(data(await airlock.list(`rooms/${room}/cards`)), [{ title: 'a', by: ada }]);
  const root = (await socket.request('GET', path('Lists', `rooms/${room}/cards`))).body;
  const context = await socket.request('GET', pathOf(root.links.context));
  assert.deepEqual([context.status, context.body.data], [200, {}]);
  forbidden(await (await airlock.socket(fresh('eve'))).request('GET', pathOf(made.body.links.context)), 'a stranger');
});

test('a hundred times the rate: pushes and messages beyond it are 429/54009 with the time to come back, the others notice nothing', async (t) => {
  const eye = await honest();
  const flood = async (socket, where, body, burst, rate, policy) => {
    const began = Date.now();
    const statuses = {};
    let refusal;
    for (let wave = 0; wave < 20; wave += 1) {
      const ids = Array.from({ length: 50 }, (_, n) => socket.start('POST', where, { data: body(wave * 50 + n) }));
      for (const answer of await Promise.all(ids.map((id) => socket.finish(id, 20_000)))) {
        statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
        if (answer.status === 429) refusal = answer;
      }
    }
    const took = (Date.now() - began) / 1_000;
    assert.deepEqual(Object.keys(statuses), ['201', '429'], JSON.stringify(statuses));
    assert.ok(statuses[201] <= burst + rate * took + 2, `${statuses[201]} admitted in ${took} s`);
    assert.ok(burst - 2 <= statuses[201], `the burst is granted: ${statuses[201]}`);
    assert.equal(refusal.body.code, 54009);
    const told = tail(refusal.body.message);
    assert.deepEqual([told.policy, told.rule], [policy, 'limit'], refusal.text);
    assert.match(told.retry_ms, /^[1-9]\d*$/);
    return statuses[201];
  };
  await t.test('pushes', async () => {
    const eve = await author('cards', 'Lists');
    const admitted = await flood(eve.socket, eve.items, (n) => ({ title: `${n}` }), 60, 20, 'cards');
    assert.equal((await airlock.list(`rooms/${eve.room}/cards`)).length, admitted, 'what was admitted is published, and nothing else');
  });
  await t.test('messages', async () => {
    const eve = await author('shouts', 'Streams');
    const ear = await airlock.socket(fresh('bob'));
    const root = (await ear.request('GET', path('Streams', `rooms/${eve.room}/shouts`))).body;
    await ear.subscribe(root.sid, 'stream', null);
    const admitted = await flood(eve.socket, eve.messages, (n) => ({ text: `${n}` }), 20, 10, 'shouts');
    await until(() => admitted <= heard(ear).length, 'what was admitted is heard');
    await ear.request('GET', path('Streams', root.sid));
    assert.equal(heard(ear).length, admitted, 'and nothing else');
  });
  await t.test('the honest room is as it was', () => eye.unharmed());
});

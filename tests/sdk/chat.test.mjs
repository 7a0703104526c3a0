// The sample policy `chat`: masks, rooms that stand in the token, and lines that are edited and removed for all.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, fresh, ownCode, path, pathOf, refused, subscribed, tail } from './support.mjs';
import { until, watch } from './waiting.mjs';

let airlock;
before(async () => { airlock = await Airlock.start({ policies: '../../policies' }); });
after(() => airlock?.stop());

const claims = (rooms, name = 'Ada') => ({ claims: { name, rooms } });
const data = (list) => list.map(([, it]) => it);

/** Somebody in a room, with their outbox there. */
async function author(room, { rooms = [room], name = 'Ada' } = {}) {
  const identity = fresh('author');
  const client = await airlock.client(identity, claims(rooms, name));
  const outbox = await client.list(`outbox/${room}/${identity}`);
  return { identity, client, outbox, say: (text) => outbox.push({ text }) };
}

/** Somebody who reads a room. */
async function reader(room, rooms = [room]) {
  const identity = fresh('reader');
  const client = await airlock.client(identity, claims(rooms));
  const list = await subscribed(await client.list(`rooms/${room}/chat`));
  return { identity, client, list, seen: watch(list) };
}

test('a line is shown with who said it and when, in the order in which it came', async () => {
  const room = fresh('room');
  const { seen, list } = await reader(room);
  const ada = await author(room);
  const bob = await author(room, { name: 'Bob' });
  const began = Date.now();
  await ada.say('one');
  await bob.say('two');
  await ada.say('three');
  await seen.until((it) => it.data?.text === 'three', 'three lines');
  const lines = (await list.getItems()).items.map((it) => it.data);
  assert.deepEqual(lines.map(({ at, ...rest }) => rest), [
    { text: 'one', from: ada.identity, name: 'Ada' },
    { text: 'two', from: bob.identity, name: 'Bob' },
    { text: 'three', from: ada.identity, name: 'Ada' },
  ]);
  for (const { at } of lines) assert.ok(began - 2_000 <= Date.parse(at) && Date.parse(at) <= Date.now() + 2_000, at);
});

test('words, addresses and long numbers are covered for the room, and not for the author', async () => {
  const room = fresh('room');
  const { identity, say } = await author(room);
  const text = 'darn it: ada@example.org, 0301 234 567, darned, 12345678';
  await say(text);
  assert.deepEqual(data(await airlock.list(`rooms/${room}/chat`)).map((it) => it.text), ['**** it: ***************, ************, darned, 12345678']);
  assert.deepEqual(data(await airlock.list(`outbox/${room}/${identity}`)), [{ text }]);
});

test('an edited line is edited for all, a removed one is removed for all', async () => {
  const room = fresh('room');
  const { seen } = await reader(room);
  const { outbox, say } = await author(room);
  await say('one');
  await say('two');
  await outbox.set(0, { text: 'heck' });
  await outbox.remove(1);
  await seen.until((it) => it.name === 'itemRemoved', 'the second is removed');
  assert.deepEqual(seen.seen.map((it) => [it.name, (it.data ?? it.previous).text]), [
    ['itemAdded', 'one'], ['itemAdded', 'two'], ['itemUpdated', '****'], ['itemRemoved', 'two'],
  ]);
  assert.equal(new Set([seen.seen[0], seen.seen[2]].map((it) => it.index)).size, 1, 'one line keeps its place');
  assert.deepEqual(data(await airlock.list(`rooms/${room}/chat`)).map((it) => it.text), ['****']);
  await outbox.removeList();
  await until(async () => (await airlock.list(`rooms/${room}/chat`)).length === 0, 'with the outbox all is gone');
});

test('only who has the room in the token reads it, or speaks in it', async () => {
  const room = fresh('room');
  await (await author(room)).say('secret');
  for (const [what, options] of [['another room', claims([fresh('room')])], ['no rooms', claims([])], ['no claims', {}], ['a text for rooms', { claims: { name: 'Eve', rooms: room } }]]) {
    const eve = fresh('eve');
    const socket = await airlock.socket(eve, options);
    for (const where of [path('Lists', `rooms/${room}/chat`), `${path('Lists', `rooms/${room}/chat`)}/Items`]) {
      const read = await socket.request('GET', where);
      assert.deepEqual([read.status, read.body?.code], [403, 54007], `${what} reads ${where}: ${read.text}`);
      assert.ok(!read.text.includes('secret'), what);
    }
    const made = await socket.request('POST', path('Lists'), { unique_name: `outbox/${room}/${eve}` });
    assert.deepEqual([made.status, made.body?.code], [403, 54007], `${what} speaks: ${made.text}`);
  }
  const absent = await airlock.socket(fresh('eve'), claims([]));
  const read = await absent.request('GET', path('Lists', `rooms/${fresh('room')}/chat`));
  assert.deepEqual([read.status, read.body?.code], [403, 54007], 'a room that does not stand answers alike');
});

test('a token that drops the room ends the subscription, and nothing more is heard', async () => {
  const room = fresh('room');
  const other = fresh('room');
  const { identity, client, seen } = await reader(room, [room, other]);
  const kept = watch(await subscribed(await client.list(`rooms/${other}/chat`)));
  const ada = await author(room, { rooms: [room, other] });
  await ada.say('before');
  await seen.until((it) => it.data?.text === 'before', 'the line before');
  await client.updateToken(airlock.token(identity, { ttl: 7_200, ...claims([other]) }));
  const ended = await seen.until((it) => it.name === 'failure' || it.name === 'removed', 'the subscription ends');
  if (ended.name === 'failure') assert.equal(ended.status, 403, JSON.stringify(ended));
  await ada.say('after');
  const there = await ada.client.list(`outbox/${other}/${ada.identity}`);
  await there.push({ text: 'elsewhere' });
  await kept.until((it) => it.data?.text === 'elsewhere', 'the other room goes on');
  assert.ok(!seen.seen.some((it) => it.data?.text === 'after'), 'nothing of the room is heard any more');
  const error = await refused(client.list(`rooms/${room}/chat`).then((list) => list.getItems()), 'it cannot be opened again');
  assert.equal(error.status, 403);
});

test('nobody writes into the room, changes a line there, or speaks from another\'s outbox', async () => {
  const room = fresh('room');
  const { outbox, say } = await author(room);
  await say('mine');
  const eve = await airlock.socket(fresh('eve'), claims([room]));
  const shared = path('Lists', `rooms/${room}/chat`);
  const [[index]] = await airlock.list(`rooms/${room}/chat`);
  for (const [method, where] of [
    ['POST', `${shared}/Items`], ['POST', `${shared}/Items/${index}`], ['DELETE', `${shared}/Items/${index}`], ['DELETE', shared],
    ['POST', `${path('Lists', outbox.sid)}/Items`], ['POST', `${path('Lists', outbox.sid)}/Items/0`], ['DELETE', `${path('Lists', outbox.sid)}/Items/0`],
  ]) {
    const answer = await eve.request(method, where, method === 'POST' ? { data: { text: 'theirs' } } : undefined);
    assert.deepEqual([answer.status, answer.body?.code], [403, 54007], `${method} ${where}: ${answer.text}`);
  }
  assert.deepEqual(data(await airlock.list(`rooms/${room}/chat`)).map((it) => it.text), ['mine']);
});

test('a room keeps its hundred newest lines', async () => {
  const room = fresh('room');
  const { list, seen } = await reader(room);
  const authors = await Promise.all(Array.from({ length: 12 }, () => author(room)));
  // A backend has no limits; it speaks in the author's name.
  const speak = async (at) => {
    const { identity } = authors[at % authors.length];
    const pushed = await airlock.backend('POST', airlock.at('Lists', `outbox/${room}/${identity}`, 'Items'), { Data: JSON.stringify({ text: `line ${at}` }) });
    assert.equal(pushed.status, 201, pushed.text);
  };
  for (let at = 0; at < 103; at += 1) await speak(at);
  await seen.until((it) => it.data?.text === 'line 102', 'the newest line');
  const lines = data(await airlock.list(`rooms/${room}/chat`)).map((it) => it.text);
  assert.deepEqual([lines.length, lines[0], lines.at(-1)], [100, 'line 3', 'line 102']);
  await until(() => seen.seen.filter((it) => it.name === 'itemRemoved').length === 3, 'three are dropped');
  assert.equal((await list.getItems({ pageSize: 100 })).items.length, 100);
});

test('too many lines, and too many bytes, are refused with the time to wait; other rooms and people are not', async () => {
  const room = fresh('room');
  const identity = fresh('loud');
  const socket = await airlock.socket(identity, claims([room]));
  const made = await socket.request('POST', path('Lists'), { unique_name: `outbox/${room}/${identity}` });
  const items = pathOf(made.body.links.items);
  const answers = await Promise.all(Array.from({ length: 30 }, () => socket.request('POST', items, { data: { text: 'hi' } })));
  const late = answers.filter((it) => it.status === 429);
  assert.ok(15 <= late.length, `${late.length} of 30 are refused`);
  for (const { body } of late) {
    const { rule, retry_ms: wait } = tail(body.message);
    assert.ok(rule === 'limit' && 0 < Number(wait), body.message);
    assert.ok(body.code === 54009 || ownCode(body.code), String(body.code));
  }
  const quiet = await author(room);
  await quiet.say('me too');
  const long = fresh('long');
  const wordy = await airlock.socket(long, claims([room]));
  const own = await wordy.request('POST', path('Lists'), { unique_name: `outbox/${room}/${long}` });
  const where = pathOf(own.body.links.items);
  const novels = await Promise.all(Array.from({ length: 5 }, () => wordy.request('POST', where, { data: { text: '😀'.repeat(490) } })));
  assert.deepEqual(novels.map((it) => it.status).sort(), [201, 201, 201, 429, 429], 'three fit into the bytes that may come at once');
});

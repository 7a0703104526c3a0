// Many clients, many cuts: however often a client loses its connection, what it has put together from events is what stands.
//
// Each client keeps its own copy of some documents, maps and lists, from the opening page and the events alone, as the SDK does.
// The rules are those of decision 29: ids ascend for each object and are never repeated; list items and removals are told exactly
// once; documents and map keys may jump to the newest. AIRLOCK_SEED repeats a run.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Airlock, connected, fresh, long, path, pathOf, subscribed } from './support.mjs';
import { Socket, listed, sidOf } from './socket.mjs';
import { until, watch, within } from './waiting.mjs';

const CLIENTS = 100;
const CUTS = 20;
const DEATHS = 5;

let airlock;
let open; // ACL off: all clients read and write all objects
before(async () => {
  airlock = await Airlock.start();
  open = (await airlock.backend('POST', '/v1/Services', { FriendlyName: 'open', AclEnabled: 'false' })).body.sid;
});
after(() => airlock?.stop());

/** Numbers that a seed repeats (mulberry32). */
function dice(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let it = Math.imul(state ^ (state >>> 15), state | 1);
    it ^= it + Math.imul(it ^ (it >>> 7), it | 61);
    return ((it ^ (it >>> 14)) >>> 0) % below;
  };
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const seeded = () => Number(process.env.AIRLOCK_SEED ?? randomInt(2 ** 31));

/** What one client knows of one object. */
class Copy {
  constructor(kind, sid) {
    Object.assign(this, { kind, sid, last: null, data: undefined, items: new Map(), added: new Map(), removed: new Map(), early: new Set(), faults: [] });
  }

  /** The state at opening: what stands, and the id from which events follow. */
  open(root, items) {
    this.last = root.last_event_id;
    this.data = root.data;
    for (const item of items) {
      this.items.set(item.index ?? item.key, item.data);
      if (this.kind !== 'list') continue;
      this.added.set(item.index, 1);
      if (root.last_event_id < item.last_event_id) this.early.add(item.index); // its event is still to come, once
    }
  }

  apply(type, event) {
    if (event.id <= this.last) this.faults.push(`${type} ${event.id} behind ${this.last}`);
    this.last = Math.max(this.last, event.id);
    const id = this.kind === 'list' ? Number(event.item_index) : event.item_key;
    switch (type) {
      case 'document_updated': this.data = event.document_data; break;
      case 'list_item_added':
        if (!this.early.delete(id)) this.added.set(id, (this.added.get(id) ?? 0) + 1);
        this.items.set(id, event.item_data);
        break;
      case 'list_item_updated':
        if (!this.items.has(id)) this.faults.push(`an update of item ${id}, which was never added`);
        this.items.set(id, event.item_data);
        break;
      case 'map_item_added':
      case 'map_item_updated': this.items.set(id, event.item_data); break;
      case 'list_item_removed':
        this.removed.set(id, (this.removed.get(id) ?? 0) + 1);
        this.items.delete(id);
        break;
      case 'map_item_removed':
        if (!this.items.delete(id)) this.strays = (this.strays ?? 0) + 1; // of a key that came and went while away
        break;
      default: this.faults.push(`an unknown event ${type}`);
    }
  }
}

/** A socket that gives each notification on and keeps none: what comes is much. */
class Ear extends Socket {
  receive(bytes, isBinary) {
    super.receive(bytes, isBinary);
    const frame = this.frames.at(-1);
    if (frame.header.method !== 'notification') return;
    this.frames.pop();
    this.on?.(frame.body);
  }
}

/** A client that comes back with what it knows, as often as it is cut. */
class Client {
  constructor(name, objects, roll) {
    Object.assign(this, { name, roll, cuts: 0, resumes: 0, refusals: 0 });
    this.copies = new Map(objects.map(({ kind, sid }) => [sid, new Copy(kind, sid)]));
  }

  async enter() {
    for (;;) {
      try {
        this.ear = Object.assign(await Ear.open(airlock.ws), { on: (body) => this.hear(body) });
        const reply = await this.ear.init(airlock.token(this.name, { service: open }));
        assert.equal(reply.status?.code, 200, JSON.stringify(reply));
        return;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        await pause(50); // the server is away
      }
    }
  }

  async read() {
    for (const copy of this.copies.values()) {
      const plural = { document: 'Documents', list: 'Lists', map: 'Maps' }[copy.kind];
      const root = (await this.ear.request('GET', path(plural, copy.sid))).body;
      const items = [];
      // The root first: what changes behind it is told again by an event with a greater id.
      if (copy.kind !== 'document') {
        for (let from; ;) {
          const { body } = await this.ear.request('GET', pathOf(root.links.items), undefined, { params: { Order: 'asc', PageSize: '100', ...(from === undefined ? {} : { From: String(from) }) } });
          items.push(...body.items.filter((it) => (it.index ?? it.key) !== from));
          if (!body.meta.next_token) break;
          from = body.items.at(-1).index ?? body.items.at(-1).key;
        }
      }
      copy.open(root, items);
    }
  }

  /** Subscribes to everything from what it knows; resolves when all stand. A cut on the way is for the caller to see. */
  async subscribe() {
    let open = new Set(this.copies.keys());
    while (open.size && !this.ear.gone) {
      const correlation = ++Socket.correlations;
      this.waiting = { correlation, open: new Set(open), again: new Set() };
      const done = new Promise((resolve) => { this.waiting.done = resolve; });
      await this.ear.request('POST', '/v4/Subscriptions', {
        event_protocol_version: 4, action: 'establish', correlation_id: correlation, retried_requests: 0, ttl_in_s: -1,
        requests: [...open].map((sid) => ({ object_sid: sid, object_type: this.copies.get(sid).kind, last_event_id: this.copies.get(sid).last })),
      });
      await Promise.race([done, this.ear.closed]);
      open = this.waiting.again;
    }
    if (!this.ear.gone) this.resumes += 1;
  }

  hear(body) {
    if (/^subscription_/.test(body.event_type)) {
      for (const event of listed(body)) {
        const copy = this.copies.get(event.object_sid);
        if (body.event_type === 'subscription_failed') copy.faults.push(`refused: ${JSON.stringify(event.error)}`);
        if (this.waiting?.correlation !== body.correlation_id || !this.waiting.open.delete(event.object_sid)) continue;
        if (event.replay_status === 'interrupted') this.waiting.again.add(event.object_sid);
        if (event.replay_status === 'completed') {
          if (event.last_event_id < copy.last) copy.faults.push(`established at ${event.last_event_id}, behind ${copy.last}`);
          copy.last = Math.max(copy.last, event.last_event_id);
        }
        if (!this.waiting.open.size) this.waiting.done();
      }
      return;
    }
    for (const event of listed(body)) this.copies.get(sidOf(event))?.apply(body.event_type, event);
  }

  cut() {
    this.cuts += 1;
    this.ear.on = undefined; // what is on the way is lost
    return this.ear.close();
  }
}

/** Writes at random until it is told to stop; what was in flight when the server died may have happened or not. */
class Writer {
  constructor(objects, roll) {
    Object.assign(this, { objects, roll, written: 0, stopped: false });
  }

  async run() {
    let socket;
    while (!this.stopped) {
      try {
        if (!socket || socket.gone) {
          socket = await airlock.anySocket();
          assert.equal((await socket.init(airlock.token(fresh('writer'), { service: open }))).status.code, 200);
        }
        for (let n = 0; n < 20 && !this.stopped; n += 1) await this.write(socket);
        socket.frames.length = 0;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        await pause(50); // the server is away
      }
    }
  }

  async write(socket) {
    const { roll } = this;
    const it = this.objects[roll(this.objects.length)];
    const body = { data: { n: roll(1_000_000), by: roll(100) } };
    let answer;
    if (it.kind === 'document') answer = await socket.request('POST', it.url, body);
    else if (it.kind === 'map') {
      const where = `${it.items}/k${roll(12)}`;
      answer = roll(4) === 0 ? await socket.request('DELETE', where) : await socket.request('PUT', where, body);
    } else if (roll(2) === 0 || it.live.length < 5) {
      answer = await socket.request('POST', it.items, body);
      it.live.push(answer.body.index);
    } else if (roll(2) === 0) answer = await socket.request('POST', `${it.items}/${it.live[roll(it.live.length)]}`, body);
    else answer = await socket.request('DELETE', `${it.items}/${it.live.splice(roll(it.live.length), 1)[0]}`);
    assert.ok(answer.status < 300 || answer.status === 404, answer.text);
    this.written += 1;
    await pause(roll(3));
  }
}

async function make(count) {
  const socket = await airlock.socket(fresh('maker'), { service: open });
  const objects = [];
  for (const [kind, plural] of [['document', 'Documents'], ['map', 'Maps'], ['list', 'Lists']]) {
    for (let n = 0; n < count; n += 1) {
      const { body } = await socket.request('POST', path(plural), { unique_name: fresh(kind) });
      objects.push({ kind, plural, sid: body.sid, url: pathOf(body.url), items: body.links?.items && pathOf(body.links.items), live: [] });
    }
  }
  return objects;
}

/** What stands, as a backend sees it. */
async function standing({ kind, plural, sid }) {
  const at = `/v1/Services/${open}/${plural}/${sid}`;
  const root = (await airlock.backend('GET', at)).body;
  if (kind === 'document') return { root, data: root.data };
  const items = new Map();
  for (let page = `${at}/Items?PageSize=100`; page;) {
    const { body } = await airlock.backend('GET', page);
    for (const item of body.items) items.set(item.index ?? item.key, item.data);
    page = body.meta.next_page_url;
  }
  return { root, items };
}

const plain = (items) => JSON.stringify([...items].sort(([a], [b]) => (a < b ? -1 : 1)));

test(`${CLIENTS} clients, ${CUTS} cuts each, ${DEATHS} deaths of the server: every view converges, nothing twice, nothing lost (decision 29)`, async (t) => {
  const seed = seeded();
  t.diagnostic(`AIRLOCK_SEED=${seed}`);
  const roll = dice(seed);
  const objects = await make(3);
  const writers = Array.from({ length: 8 }, () => new Writer(objects, dice(roll(2 ** 30))));
  const writing = writers.map((it) => it.run());
  await until(() => 20 <= writers.reduce((sum, it) => sum + it.written, 0), 'something stands');

  const clients = Array.from({ length: CLIENTS }, (_, n) => new Client(fresh(`client${n}`), objects, dice(roll(2 ** 30))));
  await Promise.all(clients.map(async (it) => {
    await it.enter();
    await it.read();
    await it.subscribe();
  }));

  let finished = 0;
  const living = clients.map(async (it) => {
    for (let cut = 0; cut < CUTS; cut += 1) {
      const when = it.roll(3);
      if (when > 0) await pause(it.roll(400)); // else at once, perhaps in the middle of its replay
      await it.cut();
      await pause(it.roll(300));
      await it.enter();
      const subscription = it.subscribe().catch((error) => { if (!it.ear.gone) throw error; });
      if (it.roll(3) > 0) await subscription;
      if (it.ear.gone) cut -= 1; // it was the server's death, not a cut of its own
    }
    // The last time it stays until it stands.
    for (;;) {
      await it.cut();
      await it.enter();
      await it.subscribe().catch((error) => { if (!it.ear.gone) throw error; });
      if (!it.ear.gone) break;
    }
    finished += 1;
  });
  const dying = (async () => {
    for (let death = 0; death < DEATHS; death += 1) {
      await pause(400 + roll(600));
      if (CLIENTS <= finished) break;
      await airlock.kill9();
      await pause(roll(200));
      await airlock.restart();
    }
  })();
  await within(Promise.all([...living, dying]), () => `all clients are through (${finished} of ${CLIENTS})`, 600_000);
  for (const it of writers) it.stopped = true;
  await Promise.all(writing);
  const clientsGone = clients.filter((it) => it.ear.gone);
  for (const it of clientsGone) { // a death behind its last cut
    await it.enter();
    await it.subscribe();
  }

  const written = writers.reduce((sum, it) => sum + it.written, 0);
  t.diagnostic(`${written} writes, ${clients.reduce((sum, it) => sum + it.cuts, 0)} cuts, ${clients.reduce((sum, it) => sum + it.resumes, 0)} resumes, ${airlock.starts - 1} deaths`);
  assert.ok(100 < written, `${written} writes`);
  for (const object of objects) {
    const { root, data, items } = await standing(object);
    for (const client of clients) {
      const copy = client.copies.get(object.sid);
      const who = `${client.name}, ${object.kind} ${object.sid}, seed ${seed}`;
      if (object.kind === 'document') await until(() => JSON.stringify(copy.data) === JSON.stringify(data), `${who}: converges on ${JSON.stringify(data)}`);
      else await until(() => plain(copy.items) === plain(items), () => who).catch(() => assert.deepEqual(JSON.parse(plain(copy.items)), JSON.parse(plain(items)), who));
      assert.deepEqual(copy.faults, [], who);
      if (object.kind !== 'list') continue;
      for (const index of items.keys()) assert.equal(copy.added.get(index), 1, `${who}: item ${index} was added once`);
      for (const [index, times] of copy.added) {
        assert.equal(times, 1, `${who}: item ${index} was added ${times} times`);
        if (!items.has(index)) assert.equal(copy.removed.get(index), 1, `${who}: item ${index} was removed once`);
      }
      for (const [index, times] of copy.removed) {
        assert.equal(times, 1, `${who}: item ${index} was removed ${times} times`);
        assert.ok(!items.has(index), `${who}: item ${index} stands`);
      }
    }
    assert.ok(root);
  }
  for (const it of clients) it.ear.close();
});

test('a long replay in which the client is cut again and again ends, without a gap', async (t) => {
  const seed = seeded();
  t.diagnostic(`AIRLOCK_SEED=${seed}`);
  const roll = dice(seed);
  const [object] = (await make(1)).filter((it) => it.kind === 'list');
  const client = new Client(fresh('client'), [object], roll);
  await client.enter();
  await client.read();
  const socket = await airlock.socket(fresh('writer'), { service: open });
  const count = long ? 5_000 : 1_200;
  for (let wave = 0; wave < count / 100; wave += 1) {
    const ids = Array.from({ length: 100 }, (_, n) => socket.start('POST', object.items, { data: { n: wave * 100 + n } }));
    for (const id of ids) assert.equal((await socket.finish(id, 20_000)).status, 201);
  }
  for (let n = 0; n < count; n += 7) await socket.request('DELETE', `${object.items}/${n}`);
  const [copy] = client.copies.values();
  let rounds = 0;
  for (let stands = false; !stands; rounds += 1) {
    assert.ok(rounds < 200, 'each round gets on');
    const subscription = client.subscribe().then(() => !client.ear.gone, () => false);
    const before = copy.last;
    const pieces = 1 + roll(200);
    const some = until(() => copy.added.size >= Math.min(count, pieces * (rounds + 1)), 'a piece of it', 5_000).then(() => false, () => false);
    stands = await Promise.race([subscription, rounds < 8 ? some : subscription]);
    if (stands) break;
    assert.ok(before <= copy.last);
    await client.cut();
    await client.enter();
  }
  const { items } = await standing(object);
  assert.deepEqual(JSON.parse(plain(copy.items)), JSON.parse(plain(items)));
  assert.deepEqual(copy.faults, []);
  for (const index of items.keys()) assert.equal(copy.added.get(index), 1);
  for (const times of copy.removed.values()) assert.equal(times, 1);
});

test('SDK clients over a line that is cut again and again, and over a death: their views converge, each list event once', async (t) => {
  const seed = seeded();
  t.diagnostic(`AIRLOCK_SEED=${seed}`);
  const roll = dice(seed);
  const objects = await make(1);
  const count = long ? 10 : 4;
  const rounds = long ? 6 : 2;
  const clients = await Promise.all(Array.from({ length: count }, async () => {
    const cable = await airlock.cable();
    const client = await airlock.client(fresh('sdk'), { service: open, cable });
    const [document, map, list] = [await client.document(objects[0].sid), await client.map(objects[1].sid), await client.list(objects[2].sid)];
    await Promise.all([document, map, list].map(subscribed));
    return { cable, client, document, map, list, seen: watch(list) };
  }));
  const writer = new Writer(objects, dice(roll(2 ** 30)));
  const writing = writer.run();
  for (let round = 0; round < rounds; round += 1) {
    await pause(200 + roll(200));
    for (const it of clients) it.cable.cut();
    await until(() => clients.every((it) => it.client.connectionState !== 'connected'), 'all are away');
    if (round === rounds - 1) {
      await airlock.kill9();
      await airlock.restart();
    }
    await pause(roll(200));
    for (const it of clients) it.cable.mend();
    await Promise.all(clients.map((it) => connected(it.client, 30_000)));
  }
  writer.stopped = true;
  await writing;
  const [document, map, list] = [await standing(objects[0]), await standing(objects[1]), await standing(objects[2])];
  const level = (await (await airlock.socket(fresh('reader'), { service: open })).request('GET', path('Lists', objects[2].sid))).body.last_event_id;
  for (const it of clients) {
    await until(() => level <= it.list.lastEventId && it.list.syncListImpl.subscriptionState === 'established', 'level with the list', 20_000);
    await until(() => JSON.stringify(it.document.data) === JSON.stringify(document.data), 'level with the document');
    const page = async (object) => {
      const items = [];
      for (let next = await object.getItems({ pageSize: 100 }); ; next = await next.nextPage()) {
        items.push(...next.items);
        if (!next.hasNextPage) return items;
      }
    };
    assert.deepEqual((await page(it.list)).map((item) => [item.index, item.data]), [...list.items]);
    assert.equal(plain(new Map((await page(it.map)).map((item) => [item.key, item.data]))), plain(map.items));
    const times = (name, index) => it.seen.seen.filter((event) => event.name === name && event.index === index).length;
    for (const index of list.items.keys()) assert.equal(times('itemAdded', index), 1, `seed ${seed}: item ${index} added once`);
    for (const index of new Set(it.seen.seen.filter((event) => event.name === 'itemAdded').map((event) => event.index))) {
      if (!list.items.has(index)) assert.equal(times('itemRemoved', index), 1, `seed ${seed}: item ${index} removed once`);
    }
  }
});

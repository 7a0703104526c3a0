// Backups and copies of a data directory: a client that has seen what was written after the copy was made, and comes back with
// what it knows, has what stands in the end, and is told so. Nothing of the lost history is left standing in silence.

import assert from 'node:assert/strict';
import { cpSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Airlock, connected, fresh, path, run, subscribed } from './support.mjs';
import { sidOf } from './socket.mjs';
import { next, until } from './waiting.mjs';

const GAP = 2 ** 32;

let airlock;
let open; // ACL off: all clients read and write all objects
before(async () => {
  airlock = await Airlock.start();
  open = (await airlock.backend('POST', '/v1/Services', { FriendlyName: 'open', AclEnabled: 'false' })).body.sid;
});
after(() => airlock?.stop());

const socketOf = (name) => airlock.socket(fresh(name), { service: open });

/** What one client knows of one object, kept as the SDK keeps it: an event that is not newer than what is known is passed over. */
class Copy {
  constructor(kind, plural, sid) {
    Object.assign(this, { kind, plural, sid, opened: 0 });
  }

  async open(socket) {
    const root = (await socket.request('GET', path(this.plural, this.sid))).body;
    this.last = root.last_event_id;
    this.data = root.data;
    this.items = new Map();
    this.opened += 1;
    if (this.kind !== 'document') {
      const { body } = await socket.request('GET', path(this.plural, this.sid, 'Items'), undefined, { params: { PageSize: '100' } });
      assert.equal(body.meta.next_token ?? null, null, 'one page holds all');
      for (const item of body.items) this.items.set(item.key ?? item.index, item.data);
    }
  }

  apply(type, event) {
    if (event.id <= this.last) return;
    this.last = event.id;
    const id = event.item_key ?? event.item_index;
    if (type === 'document_updated') this.data = event.document_data;
    else if (/_item_removed$/.test(type)) this.items.delete(id);
    else if (/_item_/.test(type)) this.items.set(id, event.item_data);
  }

  /** Comes back with what it knows; opens again what it is told to open again. */
  async resume(socket) {
    for (;;) {
      const { answer, kind, replayed } = await socket.subscribe(this.sid, this.kind, this.last);
      replayed.forEach(({ type, ...event }) => this.apply(type, event));
      if (kind === 'subscription_failed') {
        assert.equal(answer.error.status, 410, JSON.stringify(answer));
        await this.open(socket);
      } else if (answer.replay_status !== 'interrupted') return;
    }
  }

  get known() {
    return this.kind === 'document' ? this.data : Object.fromEntries(this.items);
  }
}

/** What stands, as a backend sees it. */
async function standing({ kind, plural, sid }) {
  const at = `/v1/Services/${open}/${plural}/${sid}`;
  const root = await airlock.backend('GET', at);
  assert.equal(root.status, 200, root.text);
  if (kind === 'document') return root.body.data;
  const { body } = await airlock.backend('GET', `${at}/Items?PageSize=100`);
  return Object.fromEntries(body.items.map((it) => [it.key ?? it.index, it.data]));
}

/** Objects of each kind, with something in them; and how each is written. */
async function made() {
  const socket = await socketOf('maker');
  const objects = [];
  for (const [kind, plural] of [['document', 'Documents'], ['map', 'Maps'], ['list', 'Lists']]) {
    for (let n = 0; n < 3; n += 1) {
      const { status, body } = await socket.request('POST', path(plural), { unique_name: fresh(kind) });
      assert.equal(status, 201);
      objects.push({ kind, plural, sid: body.sid });
    }
  }
  return { socket, objects };
}

function write(socket, { kind, plural, sid }, what, n) {
  const data = { what, n };
  if (kind === 'document') return socket.request('POST', path(plural, sid), { data });
  if (kind === 'map') return socket.request('PUT', path(plural, sid, 'Items', `${what}-${n % 7}`), { data });
  return socket.request('POST', path(plural, sid, 'Items'), { data });
}

async function all(socket, objects, what, times) {
  for (let n = 0; n < times; n += 1) {
    for (const object of objects) assert.ok((await write(socket, object, what, n)).status < 300);
  }
}

const data = () => join(airlock.folder, 'data');
let lost = 0;

/** Each way in which an older state comes to stand where the server looks for it. */
const WAYS = {
  'airlock restore': async (restart) => {
    const backup = join(airlock.folder, fresh('backup'));
    const { code, stdout, stderr } = await run(['backup', '--data', data(), '--to', backup]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /backup up to group \d+ in .*, verified/);
    await restart(async () => {
      renameSync(data(), `${data()}-lost-${++lost}`);
      const restored = await run(['restore', '--from', backup, '--data', data()]);
      assert.equal(restored.code, 0, restored.stderr);
    });
  },
  'cp -a of the directory, moved into its place': async (restart) => {
    await airlock.terminate();
    const copy = join(airlock.folder, fresh('copy'));
    cpSync(data(), copy, { recursive: true, preserveTimestamps: true });
    await airlock.spawn();
    await restart(async () => {
      renameSync(data(), `${data()}-lost-${++lost}`);
      renameSync(copy, data());
    });
    assert.ok(airlock.lines().some((it) => /is a copy/.test(it.message ?? '')), 'the start says so');
  },
  'a snapshot that was put back, and airlock restore --in-place': async (restart) => {
    await airlock.terminate();
    const copy = join(airlock.folder, fresh('snapshot'));
    cpSync(data(), copy, { recursive: true, preserveTimestamps: true });
    // The original is put aside and comes back: nothing in it can tell.
    renameSync(data(), `${copy}-original`);
    renameSync(copy, data());
    await airlock.spawn();
    await restart(async () => {
      renameSync(data(), `${data()}-lost-${++lost}`);
      renameSync(`${copy}-original`, data());
      const marked = await run(['restore', '--in-place', '--data', data()]);
      assert.equal(marked.code, 0, marked.stderr);
    });
  },
};

for (const [way, act] of Object.entries(WAYS)) {
  test(`${way}: whoever comes back with what was lost has what stands`, async () => {
    let { socket, objects } = await made();
    await all(socket, objects, 'before', 4);
    // Somebody writes while the copy is made.
    let stopped = false;
    let loaded = 0;
    const loading = (async () => {
      for (let n = 0; !stopped; n += 1) {
        try {
          await write(socket, objects[n % objects.length], 'load', n);
          loaded += 1;
        } catch {
          if (socket.gone && !stopped) socket = await socketOf('loader').catch(() => new Promise((done) => setTimeout(() => done(socket), 20)));
        }
      }
    })();
    await until(() => 20 < loaded, 'there is load');

    const copies = objects.map(({ kind, plural, sid }) => new Copy(kind, plural, sid));
    await act(async (put) => {
      stopped = true;
      await loading;
      // What is written from here on is lost: the clients see it.
      const late = await socketOf('late');
      await all(late, objects, 'lost', 5);
      const born = (await late.request('POST', path('Maps'), { unique_name: fresh('born') })).body.sid;
      const client = await socketOf('client');
      for (const copy of copies) await copy.open(client);
      assert.ok(copies.every((it) => JSON.stringify(it.known).includes('lost')), 'they have seen it');
      await airlock.kill9();
      await put();
      await airlock.spawn();
      const { status } = await airlock.backend('GET', `/v1/Services/${open}/Maps/${born}`);
      assert.equal(status, 404, 'what was written later is lost indeed');
    });
    // Some of the objects are written to before the clients come back, so that old ids would be used again.
    const writer = await socketOf('writer');
    await all(writer, objects.filter((_, at) => at % 3 === 0), 'after', 7);
    const client = await socketOf('client');
    for (const copy of copies) {
      await copy.resume(client);
      const stands = await standing(copy);
      assert.deepEqual(copy.known, stands, `${copy.kind} ${copy.sid}`);
      assert.ok(!JSON.stringify(stands).includes('lost'));
      assert.ok(GAP < copy.last, `${copy.kind}: its ids are beyond the gap`);
      if (copy.kind !== 'document') assert.equal(copy.opened, 2, 'it was told to open again');
    }
    // From here on all is as ever: live, and resumed once more without being opened again.
    const from = client.frames.length;
    await all(writer, objects, 'live', 2);
    const heard = () => client.frames.slice(from).filter((it) => it.header.method === 'notification' && !/^subscription/.test(it.body.event_type));
    await until(() => objects.length * 2 <= heard().length, 'the live events');
    for (const { body } of heard()) for (const event of body.events ?? [body.event]) copies.find((it) => it.sid === sidOf(event))?.apply(body.event_type, event);
    await client.close();
    const again = await socketOf('client');
    for (const copy of copies) {
      const { opened } = copy;
      await copy.resume(again);
      assert.deepEqual(copy.known, await standing(copy), `${copy.kind} ${copy.sid}`);
      assert.equal(copy.opened, opened);
    }
  });
}

test('an SDK client that was connected when the store was restored hears of it', async () => {
  const name = fresh('sdk');
  const client = await airlock.client(name, { service: open });
  const document = await subscribed(await client.document(fresh('document')));
  const map = await subscribed(await client.map(fresh('map')));
  await document.set({ n: 1 });
  await map.set('kept', { n: 1 });
  const backup = join(airlock.folder, fresh('backup'));
  assert.equal((await run(['backup', '--data', data(), '--to', backup])).code, 0);
  await document.set({ n: 2 });
  await map.set('lost', { n: 2 });
  await airlock.kill9();
  renameSync(data(), `${data()}-lost-${++lost}`);
  assert.equal((await run(['restore', '--from', backup, '--data', data()])).code, 0);
  const told = next(document, 'updated', { ms: 60_000, what: 'the document is told anew' });
  await airlock.spawn();
  await connected(client, 60_000);
  await told;
  assert.deepEqual(document.data, { n: 1 });
  // A map of which removals are not known is opened again.
  await until(() => map.syncMapImpl.subscriptionState !== 'established', 'the map is told that it must be opened again', 30_000);
  map.close();
  const anew = await subscribed(await client.map(map.sid));
  assert.deepEqual((await anew.getItems()).items.map((it) => it.key), ['kept']);
});

test('restore and backup refuse what would be no backup', async () => {
  const nowhere = await run(['backup', '--data', join(airlock.folder, 'nowhere'), '--to', join(airlock.folder, 'to')]);
  assert.equal(nowhere.code, 3);
  assert.match(nowhere.stderr, /there is no store in/);
  const full = await run(['restore', '--from', data(), '--data', airlock.folder]);
  assert.equal(full.code, 3);
  assert.match(full.stderr, /is not empty[\s\S]*help: /);
  const held = await run(['restore', '--in-place', '--data', data()]);
  assert.match(held.stderr, /in use by another process/);
  assert.equal((await run(['restore', '--data', data()])).code, 2);
  assert.ok(readdirSync(data()).includes('anchor'));
});

// The order of one client: its writes are applied as they were sent, its reads see the writes before them, and what
// its own earlier writes changed is never held against a later one. Everything is sent at once, without waiting.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Airlock, fresh } from './support.mjs';
import { until } from './waiting.mjs';

const SET = (name, data) => ['POST', `/v3/Documents/${encodeURIComponent(name)}`, { data }];
const GET = (name) => ['GET', `/v3/Documents/${encodeURIComponent(name)}`];

describe('the order of one client', () => {
  let airlock;
  before(async () => { airlock = await Airlock.start({ policies: 'policies-order' }); });
  after(() => airlock?.stop());

  const create = async (socket, unique_name, data = {}) => {
    const made = await socket.request('POST', '/v3/Documents', { unique_name, data });
    assert.equal(made.status, 201, made.text);
  };
  const all = (socket, calls) => Promise.all(calls.map((it) => socket.request(...it)));
  const statuses = (answers) => answers.map((it) => it.status);

  for (const count of [2, 16, 60]) {
    test(`${count} writes under a condition on \`previous\`, all in flight: each is admitted, in order`, async () => {
      const identity = fresh('climber');
      const socket = await airlock.socket(identity);
      const name = `ladders/${identity}`;
      await create(socket, name);
      const answers = await all(socket, Array.from({ length: count }, (_, at) => SET(name, { n: at + 1 })));
      assert.deepEqual(statuses(answers), Array(count).fill(200), answers.find((it) => it.status !== 200)?.text);
      const revisions = answers.map((it) => it.body.last_event_id);
      assert.deepEqual(revisions, [...revisions].sort((a, b) => a - b), 'the answers ascend');
      const { body } = await socket.request(...GET(name));
      assert.deepEqual(body.data, { n: count });
      const shared = await socket.request(...GET(`rungs/${identity}`));
      assert.deepEqual(shared.body.data, { n: count });
    });
  }

  test('a read sees the writes that were sent before it, also when one is decided again', async () => {
    const identity = fresh('reader');
    const socket = await airlock.socket(identity);
    const name = `ladders/${identity}`;
    await create(socket, name);
    for (let round = 0; round < 50; round += 1) {
      const n = round * 2;
      const [one, two, seen] = await all(socket, [SET(name, { n: n + 1 }), SET(name, { n: n + 2 }), GET(name)]);
      assert.deepEqual(statuses([one, two, seen]), [200, 200, 200]);
      assert.deepEqual(seen.body.data, { n: n + 2 }, `round ${round}`);
    }
  });

  test('reads among writes are answered in their order, and each sees at least what was before it', async () => {
    const identity = fresh('mixer');
    const socket = await airlock.socket(identity);
    const name = `ladders/${identity}`;
    await create(socket, name);
    const calls = Array.from({ length: 40 }, (_, at) => (at % 2 ? GET(name) : SET(name, { n: at / 2 + 1 })));
    const answers = await all(socket, calls);
    answers.forEach((it, at) => {
      assert.equal(it.status, 200, it.text);
      if (at % 2) assert.ok(it.body.data.n >= (at + 1) / 2, `read ${at} saw ${it.body.data.n}`);
    });
  });

  test('a refusal that an earlier write of the connection can change waits for it', async () => {
    const identity = fresh('maker');
    const socket = await airlock.socket(identity);
    const name = `ladders/${identity}`;
    // The document does not exist, and the condition fails on what exists: both change with the writes before.
    const [made, one, two] = await all(socket, [
      ['POST', '/v3/Documents', { unique_name: name, data: {} }], SET(name, { n: 1 }), SET(name, { n: 2 }),
    ]);
    assert.deepEqual(statuses([made, one, two]), [201, 200, 200], `${one.text} ${two.text}`);
    const [bad, good] = await all(socket, [SET(name, { n: 7 }), SET(name, { n: 3 })]);
    assert.deepEqual(statuses([bad, good]), [400, 200]);
    assert.match(bad.body.message, /rule=one-step/);
  });

  test('30 pushes at once under `withdraw = "never"` stand in the order in which they were called', async () => {
    const identity = fresh('author');
    const client = await airlock.client(identity);
    const list = await client.list(`journals/${identity}`);
    const items = await Promise.all(Array.from({ length: 30 }, (_, at) => list.push({ at })));
    const order = [...items].sort((a, b) => a.index - b.index).map((it) => it.data.at);
    assert.deepEqual(order, Array.from({ length: 30 }, (_, at) => at));
    const page = await client.list(`pages/${identity}`).then((it) => it.getItems({ limit: 100 }));
    assert.deepEqual(page.items.map((it) => it.data.at), order);
  });

  test('what a list holds as its context is not `previous` of a new item', async () => {
    const identity = fresh('owner');
    const socket = await airlock.socket(identity);
    const name = `journals/${identity}`;
    const made = await socket.request('POST', '/v3/Lists', { unique_name: name, context: { trusted: true } });
    assert.equal(made.status, 201, made.text);
    const pushed = await socket.request('POST', `/v3/Lists/${encodeURIComponent(name)}/Items`, { data: { at: 1 } });
    assert.equal(pushed.status, 201, pushed.text);
  });

  test('others who change what a rule reads do not change the order of one', async () => {
    const room = fresh('room');
    const names = Array.from({ length: 3 }, () => fresh('mover'));
    const sockets = await Promise.all(names.map((it) => airlock.socket(it)));
    await Promise.all(sockets.map((it, at) => create(it, `moves/${room}/${names[at]}`)));
    // Each move looks at the board and writes it: they contend, and a few may come to the end of their turns.
    const answers = await Promise.all(sockets.map((socket, at) =>
      all(socket, Array.from({ length: 10 }, (_, n) => SET(`moves/${room}/${names[at]}`, { n })))));
    let admitted = 0;
    answers.forEach((own) => {
      const done = own.filter((it) => it.status === 200);
      admitted += done.length;
      assert.ok(own.every((it) => [200, 503].includes(it.status)), own.find((it) => ![200, 503].includes(it.status))?.text);
      const events = done.map((it) => it.body.last_event_id);
      assert.deepEqual(events, [...events].sort((a, b) => a - b));
    });
    const { body } = await sockets[0].request(...GET(`boards/${room}`));
    assert.equal(body.data.moves, admitted, 'each admitted move is counted once');
    for (const [at, socket] of sockets.entries()) {
      const last = answers[at].map((it) => it.status).lastIndexOf(200);
      const own = await socket.request(...GET(`moves/${room}/${names[at]}`));
      assert.equal(own.body.data.n, last, 'the newest acknowledged write stands');
    }
  });

  test('the same attempt twice in flight has one effect and one answer', async () => {
    const identity = fresh('twice');
    const socket = await airlock.socket(identity);
    const name = `ladders/${identity}`;
    await create(socket, name);
    const request = 'a'.repeat(32);
    const path = `/v3/Documents/${encodeURIComponent(name)}`;
    const [one, two, next] = await all(socket, [
      ['POST', path, { data: { n: 1 } }, { request }], ['POST', path, { data: { n: 1 } }, { request }], SET(name, { n: 2 }),
    ]);
    assert.deepEqual(statuses([one, two, next]), [200, 200, 200], `${two.text} ${next.text}`);
    assert.equal(one.body.revision, two.body.revision);
  });
});

describe('a read that waits', () => {
  let airlock;
  before(async () => { airlock = await Airlock.start({ policies: 'policies-order' }); });
  after(() => airlock?.stop());

  test('a page ends at 128 KiB, and its token goes on', async () => {
    const identity = fresh('big');
    const socket = await airlock.socket(identity);
    const made = await socket.request('POST', '/v3/Maps', { unique_name: fresh('map') });
    const path = `/v3/Maps/${made.body.sid}/Items`;
    const text = 'x'.repeat(15_000);
    for (let at = 0; at < 30; at += 1) {
      const { status } = await socket.request('POST', path, { key: `k${String(at).padStart(2, '0')}`, data: { text } });
      assert.equal(status, 201);
    }
    const keys = [];
    let pages = 0;
    for (let token; ;) {
      const params = { PageSize: '100', Order: 'asc', ...(token ? { PageToken: token } : {}) };
      const page = await socket.request('GET', path, undefined, { params });
      assert.equal(page.status, 200, page.text);
      assert.ok(page.text.length < 160 * 1024, `a page of ${page.text.length} bytes`);
      keys.push(...page.body.items.map((it) => it.key));
      pages += 1;
      token = page.body.meta.next_token;
      if (!token) break;
    }
    assert.deepEqual(keys, Array.from({ length: 30 }, (_, at) => `k${String(at).padStart(2, '0')}`));
    assert.ok(3 <= pages, `${pages} pages`);
  });

  test('reads behind a write, on sockets that read nothing, cost the process no more than 2 MiB each', async () => {
    const identity = fresh('deaf');
    const socket = await airlock.socket(identity);
    const made = await socket.request('POST', '/v3/Maps', { unique_name: fresh('map') });
    const path = `/v3/Maps/${made.body.sid}/Items`;
    for (let at = 0; at < 100; at += 1) {
      await socket.request('POST', path, { key: `k${at}`, data: { text: 'x'.repeat(15_000) } });
    }
    const doc = (await socket.request('POST', '/v3/Documents', { data: {} })).body.sid;
    const before = airlock.residentBytes();
    const deaf = await Promise.all(Array.from({ length: 10 }, () => airlock.socket(identity)));
    for (const it of deaf) {
      it.ws._socket.pause();
      for (let at = 0; at < 63; at += 1) {
        it.start('POST', `/v3/Documents/${doc}`, { data: { at } });
        it.start('GET', path, undefined, { params: { PageSize: '100' } });
      }
    }
    // Whoever reads is served all the while, and the requests that wait were taken before this one was sent.
    for (let at = 0; at < 50; at += 1) assert.equal((await socket.request('GET', `/v3/Documents/${doc}`)).status, 200);
    await until(async () => (await socket.request('GET', `/v3/Documents/${doc}`)).body.data.at !== undefined, 'the writes arrive');
    const grown = airlock.residentBytes() - before;
    assert.ok(grown <= 10 * 2 * 1024 * 1024, `the process grew by ${grown} bytes for ten sockets`);
  });
});

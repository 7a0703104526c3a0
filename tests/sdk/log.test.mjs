// The log: one JSON event per decision, with the names of the style guide, and nothing that must stay secret.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, canary, connected, fresh, path, pathOf, refused, subscribed, tail } from './support.mjs';
import { until } from './waiting.mjs';

let airlock;
before(async () => { airlock = await Airlock.start({ log: 'airlock=debug' }); });
after(() => airlock?.stop());

const named = (name) => ({ claims: { name } });
const decisions = () => airlock.lines().filter((it) => it['decision.id'] !== undefined);

test('every line is JSON with time, level and message, and the start says where it listens', async () => {
  const own = `${airlock.raw.stdout}\n${airlock.raw.stderr}`.split('\n').filter((line) => line.trim());
  for (const line of own) assert.doesNotThrow(() => JSON.parse(line), line);
  const listening = await airlock.logged((it) => it.message === 'listening', 'listening');
  assert.ok(JSON.stringify(listening).includes(String(airlock.port)));
  for (const field of ['timestamp', 'level', 'message']) assert.ok(listening[field], field);
});

test('a refusal is one event at info, with who, what, by which rule, where, and the id that the client was told', async () => {
  const [number, eve] = [fresh('room'), fresh('eve')];
  const socket = await airlock.socket(eve, named('Eve'));
  const name = `cursors/${number}/${eve}`;
  const { body } = await socket.request('POST', path('Documents'), { unique_name: name, data: { x: 5_000, y: 1 } });
  const { decision } = tail(body.message);
  await airlock.logged((it) => it['decision.id'] === decision, 'the decision');
  const events = decisions().filter((it) => it['decision.id'] === decision);
  assert.equal(events.length, 1, 'one event per decision');
  const [event] = events;
  assert.equal(event.level, 'INFO');
  assert.equal(event.message, 'change refused');
  const expected = {
    'service.sid': airlock.service, 'caller.identity': eve, 'object.kind': 'document', 'object.name': name,
    'policy.name': 'cursors', 'rule.name': 'schema', 'refusal.pointer': '/x', 'refusal.keyword': 'maximum',
  };
  for (const [field, value] of Object.entries(expected)) assert.equal(event[field], value, field);
  assert.equal(Number(event['refusal.code']), body.code);
  for (const field of ['caller.kind', 'policy.version']) assert.ok(event[field], field);
});

test('each refusal of a client is one event: foreign, shared, size, limit', async () => {
  const [number, eve, ada] = [fresh('room'), fresh('eve'), fresh('ada')];
  const socket = await airlock.socket(eve, named('Eve'));
  const attempts = [
    [`cursors/${number}/${ada}`, { x: 1, y: 1 }, 54007, 'address'],
    [`people/${ada}/status`, { status: 'x' }, 54007, 'address'],
    [`cursors/${number}/${eve}`, { x: 1, y: 1, note: 'n'.repeat(600) }, 54006, 'size'],
  ];
  for (const [name, data, code, rule] of attempts) {
    const { body } = await socket.request('POST', path('Documents'), { unique_name: name, data });
    assert.equal(body.code, code, JSON.stringify(body));
    const found = (it) => it['object.name'] === name && Number(it['refusal.code']) === code && it['caller.identity'] === eve;
    const event = await airlock.logged(found, `${name} ${code}`);
    assert.equal(event['rule.name'], rule, name);
    assert.equal(decisions().filter(found).length, 1, name);
  }
});

test('an admitted write is one event too, with its decision, policy and size or revision', async () => {
  const [number, ada] = [fresh('room'), fresh('ada')];
  const socket = await airlock.socket(ada, named('Ada'));
  const name = `cursors/${number}/${ada}`;
  const made = await socket.request('POST', path('Documents'), { unique_name: name, data: { x: 1, y: 1 } });
  for (let n = 2; n <= 5; n += 1) await socket.request('POST', pathOf(made.body.url), { data: { x: n, y: n } });
  const own = () => decisions().filter((it) => it['object.name'] === name && it['refusal.code'] === undefined);
  await until(() => 5 <= own().length, 'five decisions');
  assert.equal(own().length, 5, 'one per write: the shared side is no decision of its own');
  assert.equal(new Set(own().map((it) => it['decision.id'])).size, 5);
  for (const event of own()) {
    assert.equal(event['caller.identity'], ada);
    assert.equal(event['policy.name'], 'cursors');
    assert.ok(event['policy.version']);
  }
});

test('a refused read and a refused watch are one event each, and a name that does not stand yet is none of note', async () => {
  const [number, ada, eve] = [fresh('room'), fresh('ada'), fresh('eve')];
  const name = `cursors/${number}/${ada}`;
  const owner = await airlock.socket(ada, named('Ada'));
  const made = await owner.request('POST', path('Documents'), { unique_name: name, data: { x: 1, y: 1 } });
  const socket = await airlock.socket(eve, named('Eve'));
  const own = (test) => airlock.lines().filter((it) => it['caller.identity'] === eve && / refused$/.test(it.message) && test(it));
  const expected = { level: 'INFO', 'service.sid': airlock.service, 'caller.kind': 'client', 'object.kind': 'document', 'policy.name': 'cursors', 'rule.name': 'address' };

  assert.equal((await socket.request('GET', path('Documents', name))).body.code, 54007);
  await airlock.logged((it) => it['caller.identity'] === eve && it.message === 'read refused', 'the read');
  const reads = own((it) => it['object.name'] === name);
  assert.deepEqual(reads.map((it) => [it.message, Number(it['refusal.code'])]), [['read refused', 54007]]);
  for (const [field, value] of Object.entries(expected)) assert.equal(reads[0][field], value, field);
  for (const field of ['decision.id', 'policy.version', 'peer.addr']) assert.ok(reads[0][field], field);

  assert.equal((await socket.subscribe(made.body.sid, 'document')).kind, 'subscription_failed');
  await airlock.logged((it) => it['caller.identity'] === eve && it.message === 'watch refused', 'the watch');
  const watches = own((it) => it['object.name'] === made.body.sid);
  assert.deepEqual(watches.map((it) => [it.message, Number(it['refusal.code'])]), [['watch refused', 54007]]);
  for (const [field, value] of Object.entries(expected)) assert.equal(watches[0][field], value, field);

  const none = fresh('none');
  assert.equal((await socket.request('GET', path('Documents', none))).status, 404);
  const miss = await airlock.logged((it) => it['object.name'] === none, 'the miss');
  assert.deepEqual([miss.level, miss.message], ['DEBUG', 'read refused']);
});

test('every line says on which connection or for which request it was written, whichever thread wrote it', async () => {
  const [number, ada] = [fresh('room'), fresh('ada')];
  const [socket, other] = [await airlock.socket(ada, named('Ada')), await airlock.socket(ada, named('Ada'))];
  const name = `cursors/${number}/${ada}`;
  // Admitted by the thread that delivers, refused by the one that reads.
  const made = await socket.request('POST', path('Documents'), { unique_name: name, data: { x: 1, y: 1 } });
  await socket.request('POST', pathOf(made.body.url), { data: { x: 'no', y: 1 } });
  await other.request('POST', pathOf(made.body.url), { data: { x: 2, y: 1 } });
  const own = () => airlock.lines().filter((it) => it['decision.id'] && it['caller.identity'] === ada);
  await until(() => 3 <= own().length, 'three decisions');
  const ids = own().map((it) => it['conn.id']);
  assert.ok(ids.every((it) => Number.isInteger(it)) && ids[0] === ids[1] && ids[0] !== ids[2], JSON.stringify(ids));
  const opened = airlock.lines().find((it) => it.message === 'connection opened' && it['conn.id'] === ids[0]);
  assert.equal(opened['peer.addr'], '127.0.0.1');

  const room = fresh('rest room');
  const secret = canary('query');
  const at = airlock.at('Documents', room);
  for (let n = 0; n < 2; n += 1) await airlock.backend('POST', `${at}?Secret=${secret}`, { Data: 'not json' });
  await airlock.backend('POST', `${at}?Secret=${secret}`, { Data: '{}' });
  const line = await airlock.logged((it) => it['request.path'] === at && it.message.startsWith('change'), 'the request');
  assert.deepEqual([line['request.method'], line['peer.addr']], ['POST', '127.0.0.1']);
  assert.ok(Number.isInteger(line['request.id']) && line['conn.id'] === undefined);
  assert.ok(!airlock.raw.stderr.includes(secret), 'a query in the log');
});

test('field names are those of the style guide, dotted by entity', () => {
  const known = /^(service\.sid|caller\.(identity|kind)|object\.(kind|name|sid)|decision\.id|policy\.(name|version)|rule\.name|refusal\.(code|count|keyword|pointer)|event\.id|revision|conn\.id|request\.(id|method|path)|peer\.addr|duration_ms|size_bytes|timestamp|level|message|target|fields|span|spans|error|admitted|verdict|status|retry_ms|item\.key|filename|line_number|threadId)$/;
  const strange = new Set(decisions().flatMap((it) => Object.keys(it)).filter((field) => !known.test(field)));
  assert.deepEqual([...strange], [], 'fields outside the list: add them to the style guide first');
});

test('no payload, secret or token ever reaches the log or the answers to others', async () => {
  const [number, ada, eve] = [fresh('room'), fresh('ada'), fresh('eve')];
  const canaries = Object.fromEntries(['data', 'note', 'bad', 'claim', 'value', 'header', 'rest', 'injected'].map((word) => [word, canary(word)]));
  const jwt = airlock.token(ada, { claims: { name: 'Ada', secret: canaries.claim } });
  const client = airlock.anyClient(jwt);
  await connected(client);
  const cursor = await client.document(`cursors/${number}/${ada}`);
  await cursor.set({ x: 1, y: 1, note: canaries.note });
  await refused(cursor.set({ x: canaries.bad, y: 1 }));
  await refused(cursor.set({ x: 1, y: 1, [canaries.value]: 1 }));
  await client.document({ id: fresh('plain'), data: { a: canaries.data } });
  const forged = airlock.token(eve, { secret: canaries.header });
  const socket = await airlock.anySocket();
  await socket.init(forged);
  await airlock.backend('POST', airlock.at('Documents'), { UniqueName: fresh('rest'), Data: JSON.stringify({ a: canaries.rest }) });
  await airlock.backend('GET', '/v1/Services', undefined, { user: airlock.account.key, password: canaries.injected });
  const mark = fresh('mark');
  const last = await airlock.socket(mark, named('M'));
  await last.request('POST', path('Documents'), { unique_name: `cursors/${number}/${mark}`, data: { x: 'no', y: 1 } });
  await airlock.logged((it) => it['caller.identity'] === mark, 'the mark');
  const text = airlock.raw.stdout + airlock.raw.stderr;
  for (const [word, value] of Object.entries(canaries)) assert.ok(!text.includes(value), `${word} in the log`);
  for (const part of [...jwt.split('.').slice(1), forged.split('.')[2]]) assert.ok(!text.includes(part), 'a token in the log');
  for (const secret of [airlock.account.token, airlock.account.secret]) {
    assert.ok(!text.includes(secret), 'a credential in the log');
    assert.ok(!text.includes(Buffer.from(`${airlock.account.key}:${secret}`).toString('base64')), 'a Basic credential in the log');
  }
});

test('a name cannot write lines of its own into the log', async () => {
  const evil = `evil\n{"level":"ERROR","message":"planted-${process.pid}"}\u001b[2J`;
  const socket = await airlock.anySocket();
  const reply = await socket.init(airlock.token(evil, named('Eve')));
  if (reply.status.code === 200) await socket.request('POST', path('Documents'), { unique_name: `cursors/x/${fresh('ada')}`, data: {} });
  const other = await airlock.socket(fresh('eve'), named('Eve'));
  await other.request('POST', path('Documents'), { unique_name: `status/${evil}`, data: { text: 'x' } });
  const mark = fresh('mark');
  await (await airlock.socket(mark, named('M'))).request('POST', path('Documents'), { unique_name: `cursors/x/${mark}`, data: { x: 'no' } });
  await airlock.logged((it) => it['caller.identity'] === mark, 'the mark');
  assert.ok(!airlock.lines().some((it) => it.message === `planted-${process.pid}`), 'a planted line');
  assert.ok(!(airlock.raw.stdout + airlock.raw.stderr).includes('\u001b'), 'a control character');
});

test('nobody reads the log: writes are acknowledged and delivered, and the server ends when it is told to', async () => {
  const deaf = await Airlock.start({ log: 'airlock=debug', deaf: true });
  try {
    const ada = fresh('ada');
    const reader = await deaf.client(ada);
    const seen = [];
    const document = await subscribed(await reader.document({ id: fresh('counter'), data: { n: 0 } }));
    document.on('updated', ({ data }) => seen.push(data.n));
    const socket = await deaf.socket(ada);
    // About a megabyte of log: far more than a pipe holds.
    const writes = 2_000;
    for (let n = 1; n <= writes; n += 100) {
      const ids = Array.from({ length: 100 }, (_, at) => socket.start('POST', path('Documents', document.sid), { data: { n: n + at } }));
      for (const id of ids) assert.equal((await socket.finish(id)).status, 200, `write ${n}`);
    }
    await until(() => seen.at(-1) === writes, 'the last write is delivered');
    assert.ok(await deaf.healthy());
    assert.equal((await deaf.terminate()).code, 0);
  } finally {
    await deaf.stop();
  }
});

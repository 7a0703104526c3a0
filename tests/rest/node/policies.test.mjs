// Policies' objects as a backend meets them: private and shared ones, grants on both (decisions 18 to 21, 28, 35).
//
// `cursors`: cursors/{room}/{identity} → item {identity} of the map rooms/{room}/cursors.
// `status`: status/{identity} → the document people/{identity}/status.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, fault, fresh, ownCode, refused, segment } from './support.mjs';

let airlock;
let sid;
let service;
let http;
let as;
before(async () => {
  airlock = await Airlock.start();
  ({ sid, service, http, as } = await airlock.service({ aclEnabled: true }));
});
after(() => airlock?.stop());

const all = { read: true, write: true, manage: true };
/** A room, a player and their names. */
function player() {
  const [room, ada] = [fresh('room'), fresh('ada')];
  const mine = `cursors/${room}/${ada}`;
  return { ada, mine, at: `/Documents/${segment(mine)}`, shared: `rooms/${room}/cursors`, map: `/Maps/${segment(`rooms/${room}/cursors`)}` };
}
function person() {
  const ada = fresh('ada');
  return { ada, mine: `status/${ada}`, at: `/Documents/${segment(`status/${ada}`)}`, shared: `/Documents/${segment(`people/${ada}/status`)}` };
}
const write = (uniqueName, data) => http('POST', '/Documents', { UniqueName: uniqueName, Data: JSON.stringify(data) });
const items = async (map) => (await http('GET', `${map}/Items`)).body.items;

// ---- zero state (18)

test('decision 18: a shared map that does not stand reads as an empty one: 200, a SID, no items, nobody\'s', async () => {
  const { shared, map } = player();
  const { status, body, headers } = await http('GET', map);
  assert.equal(status, 200);
  assert.match(body.sid, /^MP[0-9a-f]{32}$/);
  assert.deepEqual([body.unique_name, body.service_sid, body.date_expires, body.created_by], [shared, sid, null, 'system']);
  assert.equal(headers.etag, `"${body.revision}"`);
  assert.match(body.date_created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(await items(map), []);
  fault(await http('GET', `${map}/Items/ada`), 404, 20404, 'an item that is not there');
});

test('decision 18: a shared document that does not stand reads as {}', async () => {
  const { status, body } = await http('GET', person().shared);
  assert.deepEqual([status, body.data], [200, {}]);
});

test('decision 18: reading stores nothing: no listing shows it, by name and by SID it reads the same again', async () => {
  const { map } = player();
  const first = (await http('GET', map)).body;
  assert.equal((await http('GET', map)).body.sid, first.sid);
  const bySid = await http('GET', `/Maps/${first.sid}`);
  assert.deepEqual([bySid.status, bySid.body.sid], [200, first.sid]);
  assert.ok(!(await service.syncMaps.list()).some((it) => it.sid === first.sid));
});

test('decision 18: the object that is born has the SID that its absence had, and keeps it when it is empty again', async () => {
  const { mine, at, map, ada } = player();
  const before = (await http('GET', map)).body.sid;
  await write(mine, { x: 1, y: 1 });
  assert.equal((await http('GET', map)).body.sid, before);
  assert.equal((await items(map))[0].map_sid, before);
  await http('DELETE', at);
  assert.equal((await http('GET', map)).body.sid, before);
  fault(await http('GET', `${map}/Items/${ada}`), 404, 20404);
});

test('decision 18: a SID that was not derived here is 404, and no name outside the patterns has a zero state', async () => {
  fault(await http('GET', `/Maps/MP${'a'.repeat(32)}`), 404, 20404);
  for (const name of ['rooms/7', 'rooms/7/cursors/x', 'rooms//cursors', 'Rooms/7/cursors']) fault(await http('GET', `/Maps/${segment(name)}`), 404, 20404, name);
});

test('§5.2: 54007 is the clients\' plane\'s: a backend finds no document under the name of a shared map, and no list under a private one', async () => {
  fault(await http('GET', `/Documents/${segment('rooms/7/cursors')}`), 404, 20404);
  fault(await http('GET', `/Lists/${segment('cursors/7/ada')}`), 404, 20404);
  fault(await http('DELETE', `/Documents/${segment('rooms/7/cursors')}`), 404, 20404);
  const made = await http('POST', '/Streams', { UniqueName: 'status/ada' });
  assert.notEqual(made.body.code, 54007, made.text);
});

test('§5.2: 54007 is the clients\' plane\'s: by the SID of a shared object that does not stand a backend\'s write is taken or 404', async () => {
  const map = (await http('GET', player().map)).body.sid;
  const document = (await http('GET', person().shared)).body.sid;
  const rights = { Read: 'true', Write: 'false', Manage: 'false' };
  for (const [method, path, form] of [
    ['POST', `/Maps/${map}/Items`, { Key: 'k', Data: '{}' }], ['POST', `/Maps/${map}/Items/k`, { Data: '{}' }], ['DELETE', `/Maps/${map}/Items/k`], ['DELETE', `/Maps/${map}`],
    ['POST', `/Maps/${map}/Permissions/bob`, rights], ['DELETE', `/Maps/${map}/Permissions/bob`], ['POST', `/Documents/${document}`, { Data: '{}' }],
  ]) {
    const { status, text } = await http(method, path, form);
    assert.ok(status < 300 || status === 404, `${method} ${path} ${text}`);
  }
});

test('decision 18: services derive SIDs of their own, and none reaches the other\'s', async () => {
  const { map, mine } = player();
  const other = await airlock.service();
  const [here, there] = [(await http('GET', map)).body.sid, (await other.http('GET', map)).body.sid];
  assert.notEqual(here, there);
  fault(await other.http('GET', `/Maps/${here}`), 404, 20404);
  await write(mine, { x: 1, y: 1 });
  assert.deepEqual((await other.http('GET', `${map}/Items`)).body.items, [], 'what is published stays in its service');
});

test('decision 18: a private object that does not stand is 404: only shared ones have a zero state', async () => {
  fault(await http('GET', player().at), 404, 20404);
});

// ---- writes under a `from` (21)

test('decision 21: a REST write under a `from` publishes as its owner: take, default, identity, time, TTL', async () => {
  const { ada, mine, map } = player();
  const made = await write(mine, { x: 3, y: 4, tool: 'brush' });
  assert.equal(made.status, 201);
  assert.deepEqual([made.body.data, made.body.created_by, made.body.revision], [{ x: 3, y: 4, tool: 'brush' }, 'system', '0']);
  const [item] = await items(map);
  const { at, ...data } = item.data;
  assert.deepEqual([item.key, data], [ada, { x: 3, y: 4, color: '#808080', name: ada }]);
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 10_000);
  assert.equal(Date.parse(item.date_expires) - Date.parse(item.date_updated), 30_000, 'the target\'s ttl');
});

test('decision 35: what is published is made by `system`, whoever wrote the private side', async () => {
  const { ada, mine, shared } = person();
  assert.equal((await as(ada, 'POST', '/Documents', { unique_name: mine, data: { text: 'hello' } })).status, 201);
  assert.equal((await http('GET', `/Documents/${segment(mine)}`)).body.created_by, ada);
  assert.equal((await http('GET', shared)).body.created_by, 'system');
});

test('decision 21: renames hold and what is not taken stays private', async () => {
  const { ada, mine, shared } = person();
  await write(mine, { text: 'hello', note: 'secret' });
  const { since, ...data } = (await http('GET', shared)).body.data;
  assert.deepEqual(data, { status: 'hello', mood: 'neutral', who: ada });
  assert.equal(typeof since, 'string');
  assert.ok(!(await http('GET', shared)).text.includes('secret'));
});

test('decision 21: an update publishes anew, and its owner reads it as its own', async () => {
  const { ada, mine, at, map } = player();
  await write(mine, { x: 1, y: 1 });
  const changed = await service.documents((await http('GET', at)).body.sid).update({ data: { x: 2, y: 2 }, ifMatch: '0' });
  assert.equal(changed.revision, '1');
  assert.deepEqual([(await items(map))[0].data.x, (await items(map))[0].revision], [2, '1']);
  assert.deepEqual((await as(ada, 'GET', at)).body.data, { x: 2, y: 2 });
  // Decision 27: what is shown until its owner disconnects, its owner writes with an open socket only.
  const refused = await as(ada, 'POST', at, { data: { x: 5, y: 5 } });
  assert.deepEqual([refused.status, refused.body.code], [403, 72014]);
  assert.equal((await items(map))[0].data.x, 2);
});

test('decision 21: a stale If-Match publishes nothing', async () => {
  const { mine, at, map } = player();
  await write(mine, { x: 1, y: 1 });
  fault(await http('POST', at, { Data: '{"x":9,"y":9}' }, { 'if-match': '7' }), 412, 54103);
  assert.deepEqual([(await items(map))[0].data.x, (await http('GET', at)).body.data], [1, { x: 1, y: 1 }]);
});

test('decision 21: the private schema holds for backends: 400 with an own code, naming policy, rule and place; nothing changes', async () => {
  const { mine, at, map } = player();
  fault(await write(mine, { x: 1 }), 400);
  fault(await http('GET', at), 404, 20404, 'nothing was made');
  await write(mine, { x: 1, y: 1 });
  const error = await service.documents(mine.replaceAll('/', '%2F')).update({ data: { x: 10_001, y: 1 } }).then(() => assert.fail(), (it) => it);
  assert.equal(error.status, 400);
  assert.ok(ownCode(error.code), `${error.code}`);
  assert.match(error.message, /\[policy=cursors rule=schema at=\/x /);
  assert.deepEqual([error.details.policy, error.details.rule, error.details.at], ['cursors', 'schema', '/x']);
  assert.deepEqual([(await http('GET', at)).body.revision, (await items(map))[0].revision], ['0', '0']);
});

test('decision 23: `details` and message tell as much as the policy\'s `detail`: with `pointer` no values', async () => {
  const { body } = await write(person().mine, { text: 'x'.repeat(141) });
  assert.ok(body.message.includes('policy=status') && body.message.includes('at=/text'), body.message);
  assert.ok(!JSON.stringify(body).includes('xxxxx'));
});

test('decision 21: the public schema holds for backends: a name that it does not allow is refused, neither side changes', async () => {
  const { map } = player();
  const mine = `cursors/${fresh('room')}/${'a'.repeat(65)}`;
  const answer = await write(mine, { x: 1, y: 1 });
  fault(answer, 400);
  assert.ok(ownCode(answer.body.code), answer.text);
  fault(await http('GET', `/Documents/${segment(mine)}`), 404, 20404);
  assert.deepEqual(await items(map), []);
});

test('decision 21: limits do not bind backends: `status` allows 5 at once, 40 pass', async () => {
  const { mine, at, shared } = person();
  await write(mine, { text: 'n' });
  for (let n = 0; n < 40; n += 1) assert.equal((await http('POST', at, { Data: `{"text":"${n}"}` })).status, 200);
  assert.equal((await http('GET', shared)).body.data.status, '39');
});

test('decision 21: a backend\'s writes do not use up the owner\'s limits', async () => {
  const { ada, mine, at } = person();
  await write(mine, { text: 'n' });
  for (let n = 0; n < 10; n += 1) await http('POST', at, { Data: `{"text":"${n}"}` });
  for (let n = 0; n < 5; n += 1) assert.equal((await as(ada, 'POST', at, { data: { text: `mine ${n}` } })).status, 200);
  assert.equal((await as(ada, 'POST', at, { data: { text: 'too many' } })).status, 429);
});

test('decision 1: `{}` and removal both withdraw what was published', async () => {
  const { mine, at, map } = player();
  await write(mine, { x: 1, y: 1 });
  await http('POST', at, { Data: '{}' });
  assert.deepEqual(await items(map), []);
  await http('POST', at, { Data: '{"x":2,"y":2}' });
  assert.equal((await items(map)).length, 1);
  assert.equal((await http('DELETE', at)).status, 204);
  assert.deepEqual(await items(map), []);
  const other = person();
  await write(other.mine, { text: 'x' });
  await http('DELETE', other.at);
  assert.deepEqual((await http('GET', other.shared)).body.data, {});
});

test('a TTL alone on the private side publishes nothing', async () => {
  const { mine, at, map } = player();
  await write(mine, { x: 1, y: 1 });
  const [before] = await items(map);
  const changed = await http('POST', at, { Ttl: '600' });
  assert.deepEqual([changed.status, changed.body.revision], [200, '0']);
  assert.deepEqual((await items(map))[0], before);
});

test('§8: a private object that expires withdraws what it published', async () => {
  const { mine, at, map } = player();
  await http('POST', '/Documents', { UniqueName: mine, Data: '{"x":1,"y":1}', Ttl: '1' });
  assert.equal((await items(map)).length, 1);
  const deadline = Date.now() + 10_000;
  while ((await http('GET', at)).status === 200 || 0 < (await items(map)).length) {
    assert.ok(Date.now() < deadline, 'it does not go');
    await new Promise((done) => { setTimeout(done, 50); });
  }
});

test('decision 21: a backend may write a shared object itself: a cell without a source, which withdrawals leave', async () => {
  const { mine, at, map, ada } = player();
  const put = await http('POST', `${map}/Items`, { Key: 'house', Data: '{"x":0,"y":0,"color":"#000000","name":"House","at":"2026-01-01T00:00:00Z"}' });
  assert.equal(put.status, 201, put.text);
  await write(mine, { x: 1, y: 1 });
  assert.deepEqual((await items(map)).map((it) => it.key).sort(), [ada, 'house']);
  await http('DELETE', at);
  assert.deepEqual((await items(map)).map((it) => it.key), ['house']);
  assert.equal((await http('POST', `${map}/Items/house`, { Data: '{"x":1,"y":0,"color":"#000000","name":"House","at":"2026-01-01T00:00:00Z"}' })).status, 200);
  assert.equal((await http('DELETE', `${map}/Items/house`)).status, 204);
});

test('decision 18: an item of a map that does not stand cannot be updated: 404, nothing is born', async () => {
  const { map } = player();
  fault(await http('POST', `${map}/Items/ada`, { Data: '{}' }), 404, 20404);
  fault(await http('DELETE', `${map}/Items/ada`), 404, 20404);
  const { sid: none } = (await http('GET', map)).body;
  assert.ok(!(await service.syncMaps.list()).some((it) => it.sid === none));
});

test('§7: listings show private objects, and shared ones once they stand', async () => {
  const { mine, shared } = player();
  await write(mine, { x: 1, y: 1 });
  assert.ok((await service.documents.list()).some((it) => it.uniqueName === mine));
  assert.ok((await service.syncMaps.list()).some((it) => it.uniqueName === shared));
});

// ---- grants (20)

test('decision 20: grants on a shared object are taken with 200, listed, and removed', async () => {
  const { mine, map } = player();
  await write(mine, { x: 1, y: 1 });
  const grants = service.syncMaps((await http('GET', map)).body.sid).syncMapPermissions;
  assert.deepEqual((await grants('bob').update(all)).toJSON().write, true);
  assert.deepEqual((await grants.list()).map((it) => it.identity), ['bob']);
  assert.equal(await grants('bob').remove(), true);
  assert.deepEqual(await grants.list(), []);
});

test('decision 20: on a shared object only `read` counts: write and manage let no client write or remove it', async () => {
  const { mine, map, ada } = player();
  await write(mine, { x: 1, y: 1 });
  for (const identity of ['bob', ada]) {
    assert.equal((await http('POST', `${map}/Permissions/${identity}`, { Read: 'true', Write: 'true', Manage: 'true' })).status, 200);
    assert.equal((await as(identity, 'GET', `${map}/Items`)).status, 200);
    for (const [method, path, body] of [['POST', `${map}/Items`, { key: 'x', data: {} }], ['POST', `${map}/Items/${ada}`, { data: {} }], ['DELETE', `${map}/Items/${ada}`], ['DELETE', map]]) {
      const { status, body: problem } = await as(identity, method, path, body);
      assert.deepEqual([status, problem.code], [403, 54007], `${identity} ${method} ${path}`);
    }
  }
  assert.equal((await items(map))[0].data.x, 1);
});

test('decision 20: grants on a shared object that does not stand yet are taken, and stand when it is born', async () => {
  const { mine, map } = player();
  const set = await http('POST', `${map}/Permissions/bob`, { Read: 'true', Write: 'false', Manage: 'false' });
  assert.equal(set.status, 200, set.text);
  await write(mine, { x: 1, y: 1 });
  assert.equal((await http('GET', `${map}/Permissions/bob`)).body.read, true);
});

test('decision 20: a grant to another on a private object is 409, and it stays its owner\'s', async () => {
  const { mine, at } = player();
  await write(mine, { x: 1, y: 1 });
  for (const rights of [{ Read: 'true', Write: 'false', Manage: 'false' }, { Read: 'false', Write: 'true', Manage: 'true' }]) {
    fault(await http('POST', `${at}/Permissions/bob`, rights), 409);
  }
  fault(await http('GET', `${at}/Permissions/bob`), 404, 20404);
  for (const method of ['GET', 'DELETE']) assert.equal((await as('bob', method, at)).status, 403);
});

test('§5.3: on a private object what is wrong with the rights comes before the 409', async () => {
  const { mine, at } = player();
  await write(mine, { x: 1, y: 1 });
  fault(await http('POST', `${at}/Permissions/bob`, { Read: 'true' }), 400, 20001);
  fault(await http('POST', `${at}/Permissions/${'x'.repeat(257)}`, { Read: 'true', Write: 'true', Manage: 'true' }), 400, 54351);
});

test('decision 20: policies\' objects ignore AclEnabled: with ACL off a private object is its owner\'s, a shared one nobody\'s to write', async () => {
  const open = await airlock.service();
  const { ada, mine, at, map } = player();
  assert.equal((await open.http('POST', '/Documents', { UniqueName: mine, Data: '{"x":1,"y":1}' })).status, 201);
  assert.equal((await open.as(ada, 'GET', at)).status, 200);
  for (const method of ['GET', 'DELETE']) assert.equal((await open.as('bob', method, at)).status, 403);
  assert.equal((await open.as('bob', 'GET', `${map}/Items`)).status, 200);
  assert.equal((await open.as('bob', 'POST', `${map}/Items`, { key: 'bob', data: {} })).status, 403);
});

test('invariant 11: another\'s private object is refused alike whether it stands or not', async () => {
  const [one, other] = [player(), player()];
  await write(one.mine, { x: 1, y: 1 });
  const [there, absent] = [await as('eve', 'GET', one.at), await as('eve', 'GET', other.at)];
  assert.deepEqual([there.status, there.text], [403, absent.text]);
});

test('§7.1: a deleted service takes policies\' objects along; its successor starts with zero states', async () => {
  const { mine, at, map } = player();
  const brief = await airlock.service();
  await brief.http('POST', '/Documents', { UniqueName: mine, Data: '{"x":1,"y":1}' });
  assert.equal(await brief.service.remove(), true);
  fault(await brief.http('GET', map), 404, 20404);
  const next = await airlock.service();
  fault(await next.http('GET', at), 404, 20404);
  assert.deepEqual((await next.http('GET', `${map}/Items`)).body.items, []);
});

test('§9: of many creations of one private object exactly one publishes', async () => {
  const { mine, map } = player();
  const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => write(mine, { x: n, y: n })));
  const won = answers.findIndex((it) => it.status === 201);
  assert.deepEqual(answers.map((it) => it.body.code ?? 201).sort(), [201, ...Array(11).fill(54301)]);
  assert.equal((await items(map))[0].data.x, won);
  await refused(409, 54301, service.documents.create({ uniqueName: mine, data: { x: 1, y: 1 } }));
});

// What the Node library sends otherwise than the Python one, and how it takes the answers (sync-rest, 2 to 5, 9, 10).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createRequire } from 'node:module';
import twilio from 'twilio';
import { Airlock, fault, fresh, refused } from './support.mjs';

const RequestClient = createRequire(import.meta.url)('twilio/lib/base/RequestClient');

let airlock;
let service;
let http;
before(async () => {
  airlock = await Airlock.start();
  ({ service, http } = await airlock.service());
});
after(() => airlock?.stop());

const listItems = async () => service.syncLists((await service.syncLists.create()).sid).syncListItems;
const mapItems = async () => service.syncMaps((await service.syncMaps.create()).sid).syncMapItems;
const many = (count, each) => Promise.all(Array.from({ length: count }, (_, n) => each(n)));

// ---- pointing

test('§2: the account with its token works, by the same line', async () => {
  const client = twilio(airlock.account.sid, airlock.account.token);
  client.sync.baseUrl = airlock.url;
  assert.equal((await client.sync.v1.services('default').fetch()).uniqueName, 'default');
});

test('§2: a custom HTTP client that replaces the prefix works, for page URLs too', async () => {
  class Here extends RequestClient {
    request(options) { return super.request({ ...options, uri: options.uri.replace('https://sync.twilio.com', airlock.url) }); }
  }
  const client = twilio(airlock.account.key, airlock.account.secret, { accountSid: airlock.account.sid, httpClient: new Here() });
  const { sid } = await client.sync.v1.services.create();
  const { documents } = client.sync.v1.services(sid);
  for (let n = 0; n < 3; n += 1) await documents.create();
  assert.equal((await documents.list({ pageSize: 1 })).length, 3);
});

test('§4.4: no answer names the host of the real service', async () => {
  for (const path of ['', '/Documents', '/Maps']) assert.ok(!(await http('GET', path)).text.includes('sync.twilio.com'));
});

// ---- forms

test('§3: a form with %20 for spaces and raw UTF-8 in Data is read as it was meant', async () => {
  const [uniqueName, data] = [fresh('a b + é 😀'), { 'k y': ' x+y é 😀 \u2028 & = % ' }];
  const made = await service.documents.create({ uniqueName, data });
  assert.deepEqual([made.uniqueName, made.data], [uniqueName, data]);
});

test('§3: `ttl: null` is sent as an empty Ttl and means that none is given', async () => {
  const made = await service.documents.create({ ttl: null, data: {} });
  assert.equal(made.dateExpires, null);
  const lasting = await service.documents.create({ ttl: 60 });
  const kept = await service.documents(lasting.sid).update({ ttl: null, data: { a: 1 } });
  assert.deepEqual(kept.dateExpires, lasting.dateExpires, 'it clears nothing');
  const item = await (await mapItems()).create({ key: 'k', data: {}, itemTtl: null, collectionTtl: null, ttl: 60 });
  assert.notEqual(item.dateExpires, null, 'an empty ItemTtl does not hide Ttl');
});

test('§3: `data: null` is sent as null: 54101 on a document\'s creation and update, 54156 and 54206 on items\'', async () => {
  const { sid } = await service.documents.create({ data: { a: 1 } });
  await refused(400, 54101, service.documents.create({ data: null }));
  await refused(400, 54101, service.documents(sid).update({ data: null }));
  const [items, others] = [await listItems(), await mapItems()];
  await items.create({ data: {} });
  await others.create({ key: 'k', data: {} });
  await refused(400, 54156, items(0).update({ data: null }));
  await refused(400, 54206, others('k').update({ data: null }));
  assert.deepEqual((await service.documents(sid).fetch()).data, { a: 1 });
});

test('§3: numbers and booleans as data are 54008', async () => {
  for (const data of [5, true]) await refused(400, 54008, service.documents.create({ data }), JSON.stringify(data));
});

test('§3: an update with no arguments is a POST of zero bytes: 54010', async () => {
  const { sid } = await service.documents.create();
  await refused(400, 54010, service.documents(sid).update());
  await refused(400, 54010, service.update());
});

test('§3: names and keys with space, plus, @, :, comma and letters outside ASCII are reached by the library', async () => {
  const items = await mapItems();
  for (const name of ['a b', 'a+b', 'a@b:c;d=e,f', 'é', 'Ключ 😀', '50%']) {
    const uniqueName = fresh(name);
    const made = await service.documents.create({ uniqueName });
    assert.equal((await service.documents(uniqueName).fetch()).sid, made.sid, name);
    await items.create({ key: name, data: { name } });
    assert.deepEqual((await items(name).fetch()).data, { name });
  }
});

// ---- answers

test('§5: refusals are RestExceptions with status, code, message and moreInfo, for listings too', async () => {
  for (const call of [() => service.documents('none').fetch(), () => service.syncLists('none').syncListItems.list(), () => service.syncMaps('none').syncMapItems.page()]) {
    const error = await refused(404, 20404, call());
    assert.match(error.message, /^The requested resource \/Services\/IS.* was not found$/);
    assert.equal(error.moreInfo, 'https://www.twilio.com/docs/errors/20404');
    assert.equal(error.constructor.name, 'RestException', 'not the exception of RFC 9457');
  }
});

test('§4.3: remove resolves to true, for each kind of thing that can be removed', async () => {
  const [doc, list, map, stream] = await Promise.all([service.documents.create(), service.syncLists.create(), service.syncMaps.create(), service.syncStreams.create()]);
  await service.syncLists(list.sid).syncListItems.create({ data: {} });
  await service.syncMaps(map.sid).syncMapItems.create({ key: 'k', data: {} });
  await service.documents(doc.sid).documentPermissions('ada').update({ read: true, write: true, manage: true });
  for (const one of [
    service.documents(doc.sid).documentPermissions('ada'), service.syncLists(list.sid).syncListItems(0), service.syncMaps(map.sid).syncMapItems('k'),
    service.documents(doc.sid), service.syncLists(list.sid), service.syncMaps(map.sid), service.syncStreams(stream.sid),
  ]) {
    assert.equal(await one.remove(), true);
    await refused(404, 20404, one.remove());
  }
});

test('§4.1: dates are Dates of whole seconds, and date_expires lies exactly Ttl after date_created', async () => {
  const { dateCreated, dateExpires } = await service.syncStreams.create({ ttl: 100 });
  assert.equal(dateExpires - dateCreated, 100_000);
});

test('§3: a 200 KiB body is an exception with code 54006, not a broken connection', async () => {
  await refused(413, 54006, service.documents.create({ data: { a: 'x'.repeat(200_000) } }));
  await refused(413, 54006, (await mapItems()).create({ key: 'k', data: { a: '"'.repeat(60_000) } }));
});

test('§6: 16,384 bytes of raw UTF-8 are accepted, two more are not', async () => {
  const data = { a: 'é'.repeat((16_384 - 8) / 2) };
  assert.deepEqual((await service.documents.create({ data })).data, data);
  await refused(413, 54006, service.documents.create({ data: { a: `${data.a}é` } }));
});

// ---- conditions: the Node library sends If-Match on deletions, the Python one does not (sync-rest, 15.2)

test('§9: deletions of items with If-Match: a stale one is 412 with the code of its kind, the right one removes', async () => {
  const [items, others] = [await listItems(), await mapItems()];
  await items.create({ data: {} });
  await others.create({ key: 'k', data: {} });
  for (const [item, code] of [[items(0), 54155], [others('k'), 54205]]) {
    await item.update({ data: { a: 1 } });
    await refused(412, code, item.remove({ ifMatch: '0' }));
    assert.deepEqual((await item.fetch()).data, { a: 1 });
    assert.equal(await item.remove({ ifMatch: '1' }), true);
  }
});

test('§9: an ETag from the answer\'s headers works as If-Match', async () => {
  const made = await service.documents.createWithHttpInfo();
  assert.equal(made.headers.etag, '"0"');
  assert.equal((await service.documents(made.body.sid).update({ data: {}, ifMatch: made.headers.etag })).revision, '1');
});

test('§9: of many deletions and updates on one revision of one item exactly one wins', async () => {
  const items = await mapItems();
  for (let round = 0; round < 3; round += 1) {
    const key = `k${round}`;
    await items.create({ key, data: {} });
    const answers = await many(16, (n) => (n % 2 ? items(key).remove({ ifMatch: '0' }) : items(key).update({ data: { n }, ifMatch: '0' })).then(() => 'won', (error) => error.status));
    const won = answers.findIndex((it) => it === 'won');
    assert.equal(answers.filter((it) => it === 'won').length, 1, answers.join());
    const lost = answers.filter((it) => it !== 'won');
    assert.ok(lost.every((it) => it === 412 || it === 404), answers.join());
    if (won % 2 === 0) assert.deepEqual([(await items(key).fetch()).data, lost.includes(404)], [{ n: won }, false]);
    else await refused(404, 20404, items(key).fetch());
  }
});

test('§9: two keys of one map do not condition each other', async () => {
  const items = await mapItems();
  await items.create({ key: 'a', data: {} });
  await items.create({ key: 'b', data: {} });
  await items('a').update({ data: { n: 1 } });
  assert.equal((await items('b').update({ data: { n: 1 }, ifMatch: '0' })).revision, '1');
});

test('§9: a refused condition leaves the collection\'s revision, dates and TTL alone', async () => {
  const { sid } = await service.syncMaps.create();
  const items = service.syncMaps(sid).syncMapItems;
  await items.create({ key: 'k', data: {} });
  const before = (await http('GET', `/Maps/${sid}`)).text;
  await refused(412, 54205, items('k').update({ data: {}, ifMatch: '5', collectionTtl: 60 }));
  await refused(412, 54205, items('k').remove({ ifMatch: '5' }));
  assert.equal((await http('GET', `/Maps/${sid}`)).text, before);
});

// ---- pages

test('§10: list({ limit: 500 }) asks for 500 rows a page, gets pages of 100 and all rows', async () => {
  const items = await listItems();
  await many(10, async () => { for (let n = 0; n < 13; n += 1) await items.create({ data: {} }); });
  const all = await items.list({ limit: 500 });
  assert.deepEqual(all.map((it) => it.index), Array.from({ length: 130 }, (_, n) => n));
  assert.equal((await items.page({ pageSize: 500 })).instances.length, 100);
  assert.equal((await items.list({ limit: 105, order: 'desc' })).at(-1).index, 25);
});

test('§10: each() shows every row once, and pages that are emptied as they are read skip none', async () => {
  const items = await mapItems();
  const keys = Array.from({ length: 11 }, (_, n) => `k${String(n).padStart(2, '0')}`);
  await Promise.all(keys.map((key) => items.create({ key, data: {} })));
  const each = [];
  await new Promise((done, failed) => {
    items.each({ pageSize: 3, callback: (item) => each.push(item.key), done: (error) => (error ? failed(error) : done()) });
  });
  assert.deepEqual(each, keys);
  const drained = [];
  for (let page = await items.page({ pageSize: 3 }); page; page = await page.nextPage()) {
    for (const { key } of page.instances) {
      drained.push(key);
      await items(key).remove();
    }
  }
  assert.deepEqual(drained, keys);
  assert.deepEqual(await items.list(), []);
});

test('§4.4: pages lead on and back by the URLs of meta, and getPage takes one', async () => {
  const items = await listItems();
  for (let n = 0; n < 5; n += 1) await items.create({ data: {} });
  const indexes = (page) => page.instances.map((it) => it.index);
  const first = await items.page({ pageSize: 2, order: 'desc' });
  const second = await first.nextPage();
  assert.deepEqual([indexes(first), indexes(second), indexes(await second.previousPage())], [[4, 3], [2, 1], [4, 3]]);
  assert.deepEqual(indexes(await items.getPage(second.nextPageUrl)), [0]);
  assert.equal((await second.nextPage()).nextPageUrl, undefined);
});

test('§10: from, bounds and order by the library, over pages', async () => {
  const items = await mapItems();
  for (const key of ['a', 'b', 'c', 'd', 'e']) await items.create({ key, data: {} });
  const keys = async (query) => (await items.list({ pageSize: 2, ...query })).map((it) => it.key).join('');
  assert.equal(await keys({ from: 'b', bounds: 'exclusive' }), 'cde');
  assert.equal(await keys({ from: 'd', order: 'desc' }), 'dcba');
  assert.equal(await keys({ from: 'bb', bounds: 'inclusive', order: 'asc' }), 'cde');
});

test('§5: bad queries of items are RestExceptions with their codes', async () => {
  const [items, others] = [await listItems(), await mapItems()];
  await refused(400, 54451, items.list({ order: 'up' }));
  await refused(400, 54452, others.list({ bounds: 'open' }));
  await refused(400, 54454, others.page({ pageSize: 1001 }));
  await refused(400, 54453, items.page({ pageToken: 'x' }));
  await refused(400, 54458, items.list({ from: 'x' }));
});

// ---- beyond the library

test('decision 7: a repeated attempt with one Idempotency-Key is one write', async () => {
  const { sid } = await service.syncLists.create();
  const push = (key, data) => http('POST', `/Lists/${sid}/Items`, { Data: data }, { 'idempotency-key': key });
  const first = await push('attempt-1', '{"n":1}');
  const again = await push('attempt-1', '{"n":1}');
  assert.deepEqual([first.status, first.body.index], [201, 0]);
  assert.ok(again.status < 300, again.text);
  assert.equal((await push('attempt-2', '{"n":1}')).body.index, 1, 'another key is another attempt');
  assert.equal((await service.syncLists(sid).syncListItems.list()).length, 2);
});

test('§1: a request in the library\'s words but for another account\'s key is 401/20003', async () => {
  const stranger = twilio(`SK${'0'.repeat(32)}`, airlock.account.secret, { accountSid: airlock.account.sid });
  stranger.sync.baseUrl = airlock.url;
  await refused(401, 20003, stranger.sync.v1.services.list());
  await refused(401, 20003, stranger.sync.v1.services('default').documents.create());
});

test('§4.6: broken requests are answered, and in JSON where there is a route', async () => {
  fault(await http('GET', '/Documents/%FF'), 404, 20404, 'a segment that is no UTF-8');
  fault(await http('POST', '/Documents', 'Data=%FF%FE'), 400, undefined, 'a value that is no UTF-8');
  fault(await http('GET', '/Documents?PageSize=%FF'), 400, undefined, 'a query that is no UTF-8');
  fault(await http('GET', '/Documents//x'), 404, 20404, 'an empty segment');
  fault(await http('GET', `/Documents/${'x'.repeat(4000)}`), 404, 20404, 'a name that nobody can have');
});

test('§4.8: a hundred requests at once on kept connections are all answered', async () => {
  const answers = await many(100, (n) => http('POST', '/Documents', { Data: `{"n":${n}}` }));
  assert.deepEqual([...new Set(answers.map((it) => it.status))], [201]);
  assert.deepEqual(answers.map((it) => it.body.data.n), Array.from({ length: 100 }, (_, n) => n));
});

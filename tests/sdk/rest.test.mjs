// REST v1 for backends, over plain fetch: what the official libraries send and read, and the SDK events that follow.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, fresh, ownCode, path, pathOf, subscribed } from './support.mjs';
import { until, watch } from './waiting.mjs';

let airlock;
before(async () => { airlock = await Airlock.start(); });
after(() => airlock?.stop());

const named = (name) => ({ claims: { name } });
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/; // the libraries parse exactly this
const rest = (...args) => airlock.backend(...args);
const at = (...segments) => airlock.at(...segments);

function fault({ status, body, text }, expected, code, what = '') {
  assert.equal(status, expected, `${what} ${status} ${text}`);
  assert.ok(body, `${what}: every error is JSON: ${text}`);
  assert.equal(body.status, expected, `${what} ${text}`);
  if (code) assert.equal(body.code, code, `${what} ${text}`);
  assert.equal(typeof body.code, 'number', what);
  assert.equal(typeof body.message, 'string', what);
  assert.equal(typeof body.more_info, 'string', what);
  assert.ok(!('type' in body) && !('title' in body), 'RFC 9457 members would change the exception of the libraries');
}

// ---- who

test('a missing or wrong credential is 401/20003, whether or not the object exists', async () => {
  const made = (await rest('POST', at('Documents'), { UniqueName: fresh('doc') })).body;
  for (const where of [at('Documents', made.sid), at('Documents', 'none'), '/v1/Services', '/v1/Services/ISnone']) {
    for (const who of [{ user: airlock.account.key, password: 'wrong' }, { user: airlock.account.sid, password: airlock.account.secret }, { user: 'nobody', password: '' }]) {
      fault(await rest('GET', where, undefined, who), 401, 20003, where);
    }
    const bare = await fetch(airlock.url + where);
    assert.equal(bare.status, 401);
    assert.equal((await bare.json()).code, 20003);
  }
});

test('the account with its token and a key with its secret are the same backend', async () => {
  const made = (await rest('POST', at('Documents'), { UniqueName: fresh('doc') })).body;
  const other = await rest('GET', at('Documents', made.sid), undefined, { user: airlock.account.sid, password: airlock.account.token });
  assert.deepEqual(other.body, made);
});

test('unknown paths are 404/20404 and wrong methods 405/20004, in JSON', async () => {
  fault(await rest('GET', '/v1/Nothing'), 404, 20404);
  fault(await rest('GET', at('Nothing')), 404, 20404);
  fault(await rest('GET', at('Documents', 'none')), 404, 20404);
  fault(await rest('GET', `/v1/Services/IS${'0'.repeat(32)}`), 404, 20404);
  fault(await rest('GET', `/v1/Services/IS${'0'.repeat(32)}/Documents/x`), 404, 20404);
  fault(await rest('DELETE', '/v1/Services'), 405, 20004);
  fault(await rest('PUT', at('Documents', 'none')), 405, 20004);
});

// ---- services

test('services: create with defaults, fetch, update what is given, delete with everything in it', async () => {
  const made = await rest('POST', '/v1/Services', {});
  assert.equal(made.status, 201);
  const { sid } = made.body;
  assert.match(sid, /^IS[0-9a-f]{32}$/);
  const { date_created, date_updated, url, links, ...fields } = made.body;
  assert.match(date_created, DATE);
  assert.match(date_updated, DATE);
  assert.equal(url, `${airlock.url}/v1/Services/${sid}`);
  assert.deepEqual(links, Object.fromEntries(['documents', 'lists', 'maps', 'streams'].map((kind) => [kind, `${url}/${kind[0].toUpperCase()}${kind.slice(1)}`])));
  assert.deepEqual(fields, {
    sid, unique_name: null, account_sid: airlock.account.sid, friendly_name: null, webhook_url: null, webhooks_from_rest_enabled: false,
    reachability_webhooks_enabled: false, acl_enabled: false, reachability_debouncing_enabled: false, reachability_debouncing_window: 5000,
  });
  const updated = await rest('POST', `/v1/Services/${sid}`, { FriendlyName: 'näher', AclEnabled: 'true', ReachabilityDebouncingWindow: '7000' });
  assert.equal(updated.status, 200);
  assert.deepEqual([updated.body.friendly_name, updated.body.acl_enabled, updated.body.reachability_debouncing_window, updated.body.webhook_url], ['näher', true, 7000, null]);
  assert.deepEqual((await rest('GET', `/v1/Services/${sid}`)).body, updated.body);
  const document = await rest('POST', `/v1/Services/${sid}/Documents`, { UniqueName: 'x' });
  assert.equal(document.status, 201);
  const gone = await rest('DELETE', `/v1/Services/${sid}`);
  assert.deepEqual([gone.status, gone.text], [204, '']);
  fault(await rest('GET', `/v1/Services/${sid}`), 404, 20404);
  fault(await rest('GET', `/v1/Services/${sid}/Documents/x`), 404, 20404);
  fault(await rest('DELETE', `/v1/Services/${sid}`), 404, 20404);
});

test('services: parameters out of bounds are 400 with their codes', async () => {
  fault(await rest('POST', '/v1/Services', { FriendlyName: 'x'.repeat(256) }), 400, 54053);
  fault(await rest('POST', '/v1/Services', { WebhookUrl: 'ftp://example.org' }), 400, 54051);
  fault(await rest('POST', '/v1/Services', { ReachabilityDebouncingWindow: '10' }), 400);
});

test('`default` names one service, made on first use, answered with its real SID', async () => {
  const first = await rest('GET', '/v1/Services/default');
  assert.equal(first.status, 200);
  assert.match(first.body.sid, /^IS[0-9a-f]{32}$/);
  assert.equal(first.body.unique_name, 'default');
  assert.equal((await rest('GET', '/v1/Services/default')).body.sid, first.body.sid);
  const made = await rest('POST', '/v1/Services/default/Documents', { UniqueName: fresh('doc') });
  assert.equal(made.body.service_sid, first.body.sid);
  assert.ok(made.body.url.includes(first.body.sid), made.body.url);
});

// ---- documents

test('documents: create, fetch by SID and name, update, delete, with every field of the reference', async () => {
  const name = fresh('doc é/ü');
  const made = await rest('POST', at('Documents'), { UniqueName: name, Data: '{"b":1,"a":{"ключ":"😀"},"n":1.50}', Ttl: '3600' });
  assert.equal(made.status, 201);
  const { sid, date_created, date_updated, date_expires, ...fields } = made.body;
  assert.match(sid, /^ET[0-9a-f]{32}$/);
  for (const date of [date_created, date_updated, date_expires]) assert.match(date, DATE);
  assert.equal(Date.parse(date_expires) - Date.parse(date_created), 3_600_000);
  const url = `${airlock.url}/v1/Services/${airlock.service}/Documents/${sid}`;
  assert.deepEqual(fields, {
    unique_name: name, account_sid: airlock.account.sid, service_sid: airlock.service, url, links: { permissions: `${url}/Permissions` },
    revision: '0', data: { b: 1, a: { ключ: '😀' }, n: 1.5 }, created_by: 'system',
  });
  assert.ok(made.text.includes('"b":1,"a"'), 'the order of keys is kept');
  assert.equal(made.headers.get('etag'), '"0"');
  assert.deepEqual((await rest('GET', at('Documents', sid))).body, made.body);
  assert.deepEqual((await rest('GET', at('Documents', name))).body, made.body, 'a slash in the name reaches as %2F');
  assert.deepEqual((await rest('GET', `${at('Documents', sid)}/`)).body, made.body, 'a trailing slash is tolerated');
  const updated = await rest('POST', at('Documents', name), { Data: '{"c":2}' });
  assert.equal(updated.status, 200);
  assert.deepEqual([updated.body.data, updated.body.revision, updated.headers.get('etag'), updated.body.date_expires], [{ c: 2 }, '1', '"1"', date_expires], 'an update replaces the data and leaves the expiry');
  const never = await rest('POST', at('Documents', name), { Ttl: '0' });
  assert.deepEqual([never.body.date_expires, never.body.revision], [null, '1'], 'a TTL alone is no new revision');
  const gone = await rest('DELETE', at('Documents', name));
  assert.deepEqual([gone.status, gone.text], [204, '']);
  fault(await rest('GET', at('Documents', sid)), 404, 20404);
  fault(await rest('DELETE', at('Documents', name)), 404, 20404);
  const again = await rest('POST', at('Documents'), { UniqueName: name });
  assert.equal(again.status, 201, 'the name is free at once');
  assert.deepEqual(again.body.data, {});
  assert.notEqual(again.body.sid, sid);
});

test('documents: revisions are lower-case hexadecimal and If-Match compares them in every spelling', async () => {
  const { sid } = (await rest('POST', at('Documents'), { UniqueName: fresh('doc') })).body;
  let revision;
  for (let n = 1; n <= 16; n += 1) revision = (await rest('POST', at('Documents', sid), { Data: `{"n":${n}}` })).body.revision;
  assert.equal(revision, '10');
  const update = (match, n) => rest('POST', at('Documents', sid), { Data: `{"n":${n}}` }, { headers: { 'If-Match': match } });
  assert.equal((await update('10', 17)).body.revision, '11');
  assert.equal((await update('"11"', 18)).body.revision, '12');
  assert.equal((await update('W/"12"', 19)).body.revision, '13');
  assert.equal((await update('*', 20)).body.revision, '14');
  fault(await update('13', 21), 412, 54103, 'a stale one');
  fault(await update('no revision', 21), 400, 54003, 'no revision at all');
  assert.deepEqual((await rest('GET', at('Documents', sid))).body.data, { n: 20 });
});

test('documents: of writers with one If-Match exactly one wins', async () => {
  const { sid } = (await rest('POST', at('Documents'), { UniqueName: fresh('doc') })).body;
  const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => rest('POST', at('Documents', sid), { Data: `{"n":${n}}` }, { headers: { 'If-Match': '0' } })));
  assert.deepEqual(answers.map((it) => it.status).sort(), [200, ...Array(11).fill(412)]);
  assert.equal((await rest('GET', at('Documents', sid))).body.revision, '1');
});

test('documents: faults of the request have their codes', async () => {
  const name = fresh('doc');
  const { sid } = (await rest('POST', at('Documents'), { UniqueName: name })).body;
  fault(await rest('POST', at('Documents'), { UniqueName: name }), 409, 54301, 'the name again');
  for (const bad of ['', 'x'.repeat(321), `ET${'a'.repeat(32)}`]) fault(await rest('POST', at('Documents'), { UniqueName: bad }), 400, 54302, bad);
  fault(await rest('POST', at('Documents', sid), { Data: '{' }), 400, 54008, 'no JSON');
  fault(await rest('POST', at('Documents', sid), { Data: '[1]' }), 400, 54008, 'an array');
  fault(await rest('POST', at('Documents', sid), { Data: '"x"' }), 400, 54008, 'a string');
  fault(await rest('POST', at('Documents', sid), { Data: 'null' }), 400, 54101, 'null');
  fault(await rest('POST', at('Documents', sid), {}), 400, 54010, 'nothing');
  fault(await rest('POST', at('Documents', sid)), 400, 54010, 'no body');
  fault(await rest('POST', at('Documents', sid), { Ttl: '-1' }), 400, 54011, 'a negative TTL');
  fault(await rest('POST', at('Documents', sid), { Ttl: '31536001' }), 400, 54011, 'a TTL beyond a year');
  fault(await rest('POST', at('Documents', sid), { Ttl: '1.5' }), 400, 54011, 'half a second');
  fault(await rest('POST', at('Documents', sid), { Data: JSON.stringify({ a: 'x'.repeat(16_385 - 8) }) }), 413, 54006, 'one byte too many');
  fault(await rest('POST', at('Documents', sid), { Data: JSON.stringify({ a: 'x'.repeat(600_000) }) }), 413, 54006, 'far too many');
  assert.equal((await rest('POST', at('Documents', sid), { Data: `{ "a" : "${'x'.repeat(16_384 - 8)}" }` })).status, 200, '16,384 bytes, spaces not counted');
  assert.equal((await rest('POST', at('Documents', sid), { Data: '{"n":1}', Ttl: '' })).body.date_expires, null, 'an empty TTL is none');
  const last = await rest('POST', at('Documents', sid), [['Data', '{"n":2}'], ['Data', '{"n":3}'], ['Unknown', 'x']]);
  assert.deepEqual(last.body.data, { n: 3 }, 'the last of a repeated parameter wins, unknown ones are ignored');
});

// ---- maps

test('maps and items: create, fetch, update, delete, with every field, key encoding and codes', async () => {
  const name = fresh('map');
  const made = await rest('POST', at('Maps'), { UniqueName: name });
  assert.equal(made.status, 201);
  const { sid } = made.body;
  assert.match(sid, /^MP[0-9a-f]{32}$/);
  const url = `${airlock.url}/v1/Services/${airlock.service}/Maps/${sid}`;
  const { date_created, date_updated, ...fields } = made.body;
  assert.deepEqual(fields, {
    sid, unique_name: name, account_sid: airlock.account.sid, service_sid: airlock.service, url,
    links: { items: `${url}/Items`, permissions: `${url}/Permissions` }, revision: '0', date_expires: null, created_by: 'system',
  });
  assert.match(date_created, DATE);
  assert.match(date_updated, DATE);
  fault(await rest('POST', at('Maps'), { UniqueName: name }), 409, 54301);

  const item = await rest('POST', at('Maps', name, 'Items'), { Key: 'k/1 ü', Data: '{"v":1}' });
  assert.equal(item.status, 201);
  assert.deepEqual(
    [item.body.key, item.body.map_sid, item.body.data, item.body.revision, item.body.created_by, item.body.date_expires, item.body.url, item.headers.get('etag')],
    ['k/1 ü', sid, { v: 1 }, '0', 'system', null, `${url}/Items/k%2F1%20%C3%BC`, '"0"'],
  );
  assert.deepEqual((await rest('GET', at('Maps', sid, 'Items', 'k/1 ü'))).body, item.body);
  fault(await rest('POST', at('Maps', sid, 'Items'), { Key: 'k/1 ü', Data: '{}' }), 409, 54208, 'creating is no upsert');
  fault(await rest('POST', at('Maps', sid, 'Items', 'none'), { Data: '{}' }), 404, 20404, 'updating neither');
  fault(await rest('GET', at('Maps', sid, 'Items', 'none')), 404, 20404);
  fault(await rest('GET', at('Maps', 'none', 'Items', 'none')), 404, 20404);
  fault(await rest('POST', at('Maps', sid, 'Items'), { Key: 'x' }), 400, 54206, 'no data');
  fault(await rest('POST', at('Maps', sid, 'Items'), { Key: 'x'.repeat(321), Data: '{}' }), 400, 54209, 'a key too long');
  fault(await rest('POST', at('Maps', sid, 'Items'), { Key: '', Data: '{}' }), 400, 54209, 'an empty key');
  fault(await rest('POST', at('Maps', sid, 'Items', 'k/1 ü'), {}), 400, 54010);

  const updated = await rest('POST', at('Maps', sid, 'Items', 'k/1 ü'), { Data: '{"v":2}' }, { headers: { 'If-Match': '0' } });
  assert.deepEqual([updated.status, updated.body.revision, updated.body.data], [200, '1', { v: 2 }]);
  fault(await rest('POST', at('Maps', sid, 'Items', 'k/1 ü'), { Data: '{"v":3}' }, { headers: { 'If-Match': '0' } }), 412, 54205);
  const root = (await rest('GET', at('Maps', sid))).body;
  assert.notEqual(root.revision, '0', 'a change of an item is a change of the map');
  const ttl = await rest('POST', at('Maps', sid, 'Items', 'k/1 ü'), { ItemTtl: '60', Ttl: '10' });
  assert.ok(Math.abs(Date.parse(ttl.body.date_expires) - Date.now() - 60_000) < 5_000, 'the explicit name wins');
  fault(await rest('DELETE', at('Maps', sid, 'Items', 'k/1 ü'), undefined, { headers: { 'If-Match': '0' } }), 412, 54205);
  const gone = await rest('DELETE', at('Maps', sid, 'Items', 'k/1 ü'), undefined, { headers: { 'If-Match': '1' } });
  assert.deepEqual([gone.status, gone.text], [204, '']);
  fault(await rest('DELETE', at('Maps', sid, 'Items', 'k/1 ü')), 404, 20404);
  const collection = await rest('POST', at('Maps', sid, 'Items'), { Key: 'x', Data: '{}', CollectionTtl: '600' });
  assert.equal(collection.body.date_expires, null);
  assert.ok(Math.abs(Date.parse((await rest('GET', at('Maps', sid))).body.date_expires) - Date.now() - 600_000) < 5_000, 'CollectionTtl is the map\'s');
  assert.deepEqual([(await rest('DELETE', at('Maps', name))).status, (await rest('GET', at('Maps', sid))).status], [204, 404]);
});

test('items are listed in pages that can be followed, in both orders, from a key, with meta as the libraries read it', async () => {
  const { sid } = (await rest('POST', at('Maps'), { UniqueName: fresh('map') })).body;
  const keys = Array.from({ length: 23 }, (_, n) => `k${String(n).padStart(2, '0')}`);
  for (const key of [...keys].reverse()) assert.equal((await rest('POST', at('Maps', sid, 'Items'), { Key: key, Data: `{"k":"${key}"}` })).status, 201);
  const items = at('Maps', sid, 'Items');
  const walk = async (query) => {
    const pages = [];
    let where = `${items}?${query}`;
    while (where) {
      const { status, body } = await rest('GET', where);
      assert.equal(status, 200);
      assert.equal(body.meta.key, 'items');
      for (const field of ['first_page_url', 'next_page_url', 'previous_page_url', 'url', 'page', 'page_size']) assert.ok(field in body.meta, field);
      pages.push({ keys: body.items.map((it) => it.key), meta: body.meta });
      where = body.meta.next_page_url;
      if (where) assert.ok(where.startsWith(airlock.url), where);
    }
    return pages;
  };
  const pages = await walk('PageSize=10');
  assert.deepEqual(pages.map((it) => it.keys.length), [10, 10, 3]);
  assert.deepEqual(pages.flatMap((it) => it.keys), keys);
  assert.equal(pages[0].meta.previous_page_url, null);
  assert.deepEqual((await rest('GET', pages[1].meta.previous_page_url)).body.items.map((it) => it.key), keys.slice(0, 10));
  assert.deepEqual((await walk('PageSize=10&Order=desc')).flatMap((it) => it.keys), [...keys].reverse());
  assert.deepEqual((await walk('PageSize=7&From=k10')).flatMap((it) => it.keys), keys.slice(10));
  assert.deepEqual((await walk('PageSize=7&From=k10&Bounds=exclusive')).flatMap((it) => it.keys), keys.slice(11));
  assert.deepEqual((await walk('PageSize=7&From=k10&Order=desc')).flatMap((it) => it.keys), keys.slice(0, 11).reverse());
  assert.deepEqual((await walk('PageSize=7&From=k105')).flatMap((it) => it.keys), keys.slice(11), 'From need not exist');
  assert.deepEqual((await walk('PageSize=500')).flatMap((it) => it.keys), keys, '500 is clamped, not refused');
  fault(await rest('GET', `${items}?PageSize=0`), 400, 54454);
  fault(await rest('GET', `${items}?PageSize=x`), 400, 54454);
  fault(await rest('GET', `${items}?PageToken=nonsense`), 400, 54453);
  fault(await rest('GET', `${items}?Order=up`), 400, 54451);
  fault(await rest('GET', `${items}?Bounds=loose`), 400, 54452);
  // Deleting what was read does not skip rows: tokens hold a key, not an offset.
  const first = (await rest('GET', `${items}?PageSize=5`)).body;
  for (const it of first.items) await rest('DELETE', at('Maps', sid, 'Items', it.key));
  assert.deepEqual((await rest('GET', first.meta.next_page_url)).body.items.map((it) => it.key), keys.slice(5, 10));
});

test('an object with a TTL is gone when it is over, and its name is free', async () => {
  const name = fresh('brief');
  await rest('POST', at('Documents'), { UniqueName: name, Ttl: '1' });
  assert.equal((await rest('GET', at('Documents', name))).status, 200);
  await until(async () => (await rest('GET', at('Documents', name))).status === 404, 'expired');
  assert.equal((await rest('POST', at('Documents'), { UniqueName: name })).status, 201);
});

// ---- what others see of it

test('REST writes raise the same SDK events as SDK writes', async () => {
  const ada = fresh('ada');
  const client = await airlock.client(ada);
  const document = await subscribed(await client.document({ id: fresh('doc'), data: { n: 0 } }));
  const map = await subscribed(await client.map(fresh('map')));
  const [seen, items] = [watch(document), watch(map)];
  await rest('POST', at('Documents', document.sid), { Data: '{"n":1}' });
  const updated = await seen.until((it) => it.name === 'updated', 'updated');
  assert.deepEqual([updated.data, updated.isLocal, updated.previous], [{ n: 1 }, false, { n: 0 }]);
  await rest('POST', at('Maps', map.sid, 'Items'), { Key: 'k', Data: '{"v":1}' });
  assert.deepEqual((await items.until((it) => it.name === 'itemAdded', 'added')).data, { v: 1 });
  await rest('POST', at('Maps', map.sid, 'Items', 'k'), { Data: '{"v":2}' });
  assert.deepEqual((await items.until((it) => it.name === 'itemUpdated', 'updated')).data, { v: 2 });
  await rest('DELETE', at('Maps', map.sid, 'Items', 'k'));
  assert.deepEqual((await items.until((it) => it.name === 'itemRemoved', 'removed')).previous, { v: 2 });
  await document.set({ n: 2 });
  assert.equal((await rest('GET', at('Documents', document.sid))).body.data.n, 2, 'and REST reads what the SDK wrote');
  await rest('DELETE', at('Documents', document.sid));
  await seen.until((it) => it.name === 'removed', 'removed');
  await rest('DELETE', at('Maps', map.sid));
  await items.until((it) => it.name === 'removed', 'the map is removed');
});

test('SDK-made objects show their maker over REST', async () => {
  const ada = fresh('ada');
  const socket = await airlock.socket(ada);
  const document = (await socket.request('POST', path('Documents'), { unique_name: fresh('doc') })).body;
  const map = (await socket.request('POST', path('Maps'), { unique_name: fresh('map') })).body;
  await socket.request('PUT', `${pathOf(map.links.items)}/k`, { data: { v: 1 } });
  assert.equal((await rest('GET', at('Documents', document.sid))).body.created_by, ada);
  assert.equal((await rest('GET', at('Maps', map.sid))).body.created_by, ada);
  assert.equal((await rest('GET', at('Maps', map.sid, 'Items', 'k'))).body.created_by, ada);
  const [number, name] = [fresh('room'), named('Ada')];
  const player = await airlock.socket(ada, name);
  await player.request('POST', path('Documents'), { unique_name: `cursors/${number}/${ada}`, data: { x: 1, y: 1 } });
  assert.equal((await rest('GET', at('Maps', `rooms/${number}/cursors`, 'Items', ada))).body.created_by, 'system', 'what a policy publishes is the system\'s (decision 35)');
});

test('a backend that writes under a `from` writes as its owner: schema, rewrite, shared side, no limits (decision 21)', async () => {
  const [ada, bob] = [fresh('ada'), fresh('bob')];
  const reader = await airlock.client(bob);
  const shared = await subscribed(await reader.document(`people/${ada}/status`));
  const seen = watch(shared);
  const made = await rest('POST', at('Documents'), { UniqueName: `status/${ada}`, Data: '{"text":"from the office","mood":"fine"}' });
  assert.equal(made.status, 201);
  const event = await seen.until((it) => it.name === 'updated', 'published');
  assert.deepEqual([event.data.status, event.data.by, event.data.mood], ['from the office', ada, 'fine']);
  assert.equal(event.isLocal, false);
  const bad = await rest('POST', at('Documents', `status/${ada}`), { Data: '{"text":7}' });
  fault(bad, 400, undefined, 'the schema holds for backends too');
  assert.ok(ownCode(bad.body.code), `an own code: ${bad.body.code}`);
  assert.equal((await airlock.document(`status/${ada}`)).text, 'from the office');
  for (let n = 0; n < 60; n += 1) {
    assert.equal((await rest('POST', at('Documents', `status/${ada}`), { Data: `{"text":"note ${n}"}` })).status, 200);
  }
  await seen.until((it) => it.data?.status === 'note 59', 'the last one');
  const owner = await airlock.client(ada);
  const own = await owner.document(`status/${ada}`);
  assert.deepEqual(own.data, { text: 'note 59' }, 'the owner may open what the backend made in its name');
  await own.set({ text: 'mine again' });
  await seen.until((it) => it.data?.status === 'mine again', 'and write it');
  await rest('DELETE', at('Documents', `status/${ada}`));
  await seen.until((it) => it.name === 'updated' && Object.keys(it.data).length === 0, 'a backend\'s removal withdraws');
});

test('a backend uses the last claims of the owner (decision 21)', async () => {
  const [number, ada] = [fresh('room'), fresh('ada')];
  const socket = await airlock.socket(ada, named('Ada'));
  await socket.request('POST', path('Documents'), { unique_name: `cursors/${number}/${ada}`, data: { x: 1, y: 1 } });
  assert.equal((await rest('POST', at('Documents', `cursors/${number}/${ada}`), { Data: '{"x":2,"y":2}' })).status, 200);
  const entry = (await airlock.entries(`rooms/${number}/cursors`))[ada];
  assert.deepEqual([entry.left, entry.name], [2, 'Ada']);
});

test('a backend may write a shared object directly: a cell of its own (decision 21)', async () => {
  const [number, ada] = [fresh('room'), fresh('ada')];
  const reader = await airlock.client(fresh('bob'));
  const map = await subscribed(await reader.map(`rooms/${number}/cursors`));
  const seen = watch(map);
  const put = await rest('POST', at('Maps', `rooms/${number}/cursors`, 'Items'), { Key: 'house', Data: '{"left":0,"top":0,"name":"House","at":"-"}' });
  assert.equal(put.status, 201, put.text);
  await seen.until((it) => it.key === 'house', 'the backend\'s entry');
  const player = await airlock.client(ada, named('Ada'));
  const cursor = await player.document(`cursors/${number}/${ada}`);
  await cursor.set({ x: 1, y: 1 });
  await cursor.set({});
  await seen.until((it) => it.name === 'itemRemoved' && it.key === ada, 'the player\'s goes');
  assert.deepEqual(Object.keys(await airlock.entries(`rooms/${number}/cursors`)), ['house'], 'the backend\'s stays');
});

test('a backend reads the zero state of an absent shared object as clients do (decision 18)', async () => {
  const name = `people/${fresh('nobody')}/status`;
  const { status, body } = await rest('GET', at('Documents', name));
  assert.equal(status, 200);
  assert.deepEqual(body.data, {});
  const client = await airlock.client(fresh('bob'));
  assert.equal((await client.document(name)).sid, body.sid);
});

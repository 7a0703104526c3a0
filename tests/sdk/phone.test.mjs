// The Kotlin and Swift core, as it speaks: it starts, and what its own tests assert of the service holds here.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Phone } from './phone.mjs';
import { Airlock, fresh, subscribed } from './support.mjs';
import { watch } from './waiting.mjs';

let airlock;
before(async () => {
  airlock = await Airlock.start({ service: { FriendlyName: 'phones', AclEnabled: 'false' } });
});
after(() => airlock?.stop());

const phones = [];
async function phone(identity = fresh('ada')) {
  const made = await Phone.start(airlock, identity);
  phones.push(made);
  return made;
}
/** Nothing that the core's parser would not take. */
const understood = () => assert.deepEqual(phones.flatMap((it) => it.faults), []);

const document = async (it, ttl = 0, data = {}) => (await it.request('POST', it.links.documents, { unique_name: fresh('doc'), ttl, data })).body;
const collection = async (it, kind) => (await it.request('POST', it.links[`${kind}s`], { unique_name: fresh(kind), ttl: 0 })).body;
const near = (date, seconds) => assert.ok(Math.abs(Date.parse(date) - Date.now() - seconds * 1000) < 10_000, String(date));

test('it starts: `init` answers the account, and the configuration all URLs', async () => {
  const ada = fresh('ada');
  const it = await Phone.open(airlock, ada);
  phones.push(it);
  const header = await it.init();
  assert.equal(header.status.code, 200);
  assert.deepEqual(it.account, { account_sid: airlock.account.sid, instance_sids: { data_sync: airlock.service }, identity: ada });
  const answer = await it.configure();
  assert.equal(answer.status, 200);
  const own = `${airlock.url}/v3/Services/${airlock.service}`;
  assert.deepEqual(it.links, {
    subscriptions: `${airlock.url}/v4/Subscriptions`,
    documents: `${airlock.url}/v3/Documents`, document: `${own}/Documents/{documentId}`,
    lists: `${airlock.url}/v3/Lists`, list: `${own}/Lists/{listId}`, list_items: `${own}/Lists/{listId}/Items`, list_item: `${own}/Lists/{listId}/Items/{itemId}`,
    maps: `${airlock.url}/v3/Maps`, map: `${own}/Maps/{mapId}`, map_items: `${own}/Maps/{mapId}/Items`, map_item: `${own}/Maps/{mapId}/Items/{itemId}`,
    streams: `${airlock.url}/v3/Streams`, stream: `${own}/Streams/{streamId}`, stream_messages: `${own}/Streams/{streamId}/Messages`,
    insights_items: `${airlock.url}/v3/Insights/{indexName}/Items`,
  });
  const http = await fetch(`${airlock.url}/v3/Configuration`, { headers: { Authorization: `Bearer ${it.token}` } });
  assert.deepEqual([http.status, await http.json()], [200, { links: it.links }], 'over HTTP, too');
  assert.equal((await fetch(`${airlock.url}/v3/Configuration`)).status, 401);
  const renewed = await it.update(airlock.token(ada, { ttl: 1_800 }));
  assert.equal(renewed.status.code, 200);
  understood();
});

test('a refused token is told in the words of Sync', async () => {
  const it = await Phone.open(airlock, fresh('ada'));
  it.token = 'no token';
  const { status } = await it.init();
  assert.deepEqual(status, { code: 401, status: 'UNAUTHORIZED', description: 'Invalid Access Token', errorCode: 20101 });
});

test('a document: set under a condition in an array, by ten writers, each once', async () => {
  const writers = await Promise.all(Array.from({ length: 10 }, () => phone()));
  const { sid } = await document(writers[0], 0, { n: 0 });
  const url = writers[0].url('document', { documentId: sid });
  const stale = await writers[0].request('POST', url, { data: { n: 9 } }, { match: '1e' });
  assert.deepEqual([stale.status, stale.body.code, stale.body.message], [412, 54103, 'The revision of the Document does not match the expected revision']);
  await Promise.all(writers.map(async (it) => {
    for (;;) {
      const { body } = await it.request('GET', url);
      const answer = await it.request('POST', url, { data: { n: body.data.n + 1 } }, { match: body.revision });
      if (answer.status === 200) {
        assert.equal(answer.body.data, undefined, 'no data in the reply to a POST');
        return;
      }
      assert.equal(answer.status, 412);
    }
  }));
  const { body } = await writers[0].request('GET', url);
  assert.deepEqual([body.data, body.revision], [{ n: 10 }, 'a']);
  understood();
});

test('a time to live alone is an event for the others, with the same data, the revision of before, and the date and id of the reply', async () => {
  const [one, two] = [await phone(), await phone()];
  const doc = await document(one, 0, { n: 1 });
  await two.subscribe(doc.sid, 'document', doc.last_event_id);
  const reply = (await one.request('POST', one.url('document', { documentId: doc.sid }), { ttl: 3_600 })).body;
  near(reply.date_expires, 3_600);
  assert.equal(reply.revision, '0');
  const event = await two.event('document_updated');
  assert.deepEqual(
    [event.id, event.document_revision, event.date_created, event.date_expires, event.document_data],
    [reply.last_event_id, reply.revision, reply.date_updated, reply.date_expires, { n: 1 }],
  );
  assert.ok(doc.last_event_id < event.id);
  const kept = (await one.request('POST', one.url('document', { documentId: doc.sid }), { data: { n: 2 } })).body;
  assert.equal(kept.date_expires, reply.date_expires, 'a write leaves it where it is');
  const never = (await one.request('POST', one.url('document', { documentId: doc.sid }), { ttl: 0 })).body;
  const last = await two.event('document_updated', (it) => it.id === never.last_event_id);
  assert.deepEqual([last.date_expires, last.document_data, last.document_revision], [null, { n: 2 }, '1']);
  const seen = two.events('document_updated').length;
  await one.request('POST', one.url('document', { documentId: doc.sid }), { ttl: 0 });
  const mark = (await one.request('POST', one.url('document', { documentId: doc.sid }), { data: { n: 3 } })).body;
  await two.event('document_updated', (it) => it.id === mark.last_event_id);
  assert.equal(two.events('document_updated').length, seen + 1, 'what was never to expire before is no change');
  understood();
});

for (const [kind, item] of [['list', 'index'], ['map', 'key']]) {
  test(`a time to live alone of an item of a ${kind} is an event, and the ${kind} keeps its revision`, async () => {
    const [one, two] = [await phone(), await phone()];
    const { sid } = await collection(one, kind);
    const items = one.url(`${kind}_items`, { [`${kind}Id`]: sid });
    const made = (await one.request('POST', items, { ...(kind === 'map' ? { key: 'k' } : {}), data: { n: 1 }, ttl: 0 })).body;
    const before = (await one.request('GET', one.url(kind, { [`${kind}Id`]: sid }))).body;
    await two.subscribe(sid, kind, before.last_event_id);
    const reply = (await one.request('POST', one.url(`${kind}_item`, { [`${kind}Id`]: sid, itemId: made[item] }), { ttl: 60 })).body;
    near(reply.date_expires, 60);
    const event = await two.event(`${kind}_item_updated`);
    assert.deepEqual(
      [event.id, event[`item_${item}`], event.item_revision, event.item_data, event.date_expires, event.date_created, event[`${kind}_revision`]],
      [reply.last_event_id, made[item], '0', { n: 1 }, reply.date_expires, reply.date_updated, before.revision],
    );
    const now = (await one.request('GET', one.url(kind, { [`${kind}Id`]: sid }))).body;
    assert.deepEqual([now.revision, now.last_event_id], [before.revision, event.id]);

    const third = await phone();
    const { correlation, answer } = await third.subscribe(sid, kind, before.last_event_id);
    assert.equal(answer.last_event_id, event.id);
    const late = await third.event(`${kind}_item_updated`);
    assert.deepEqual([late.correlation, late.id, late.date_expires], [correlation, event.id, reply.date_expires], 'who comes later is told, under the number of its request');

    const own = (await one.request('POST', one.url(kind, { [`${kind}Id`]: sid }), { ttl: 600 })).body;
    near(own.date_expires, 600);
    assert.equal(own.revision, before.revision);
    understood();
  });
}

test('a late subscriber of a document learns its expiry, once and for all', async () => {
  const [one, two] = [await phone(), await phone()];
  const doc = await document(one, 0, { n: 1 });
  const { body } = await one.request('POST', one.url('document', { documentId: doc.sid }), { ttl: 60 });
  const { correlation } = await two.subscribe(doc.sid, 'document', doc.last_event_id);
  const event = await two.event('document_updated');
  assert.deepEqual([event.correlation, event.id, event.date_expires], [correlation, body.last_event_id, body.date_expires]);
  understood();
});

test('what was missed names the request that asked, what is live names none', async () => {
  const [one, two] = [await phone(), await phone()];
  const { sid, last_event_id: since } = await collection(one, 'map');
  const items = one.url('map_items', { mapId: sid });
  for (const key of ['a', 'b', 'c']) await one.request('POST', items, { key, data: { key }, ttl: 0 });
  await one.request('DELETE', one.url('map_item', { mapId: sid, itemId: 'b' }));
  const { correlation } = await two.subscribe(sid, 'map', since);
  await one.request('POST', one.url('map_item', { mapId: sid, itemId: 'a' }), { data: { live: true } });
  await two.event('map_item_updated', (it) => it.item_data.live);
  const told = (type) => two.events(type).map((it) => [it.item_key, it.correlation]);
  assert.deepEqual(told('map_item_added'), [['a', correlation], ['c', correlation]]);
  assert.deepEqual(told('map_item_updated'), [['a', undefined]]);
  understood();
});

test('items of a map: added by POST, read as a page, changed, removed with all fields', async () => {
  const it = await phone();
  const { sid } = await collection(it, 'map');
  const [items, one] = [it.url('map_items', { mapId: sid }), it.url('map_item', { mapId: sid, itemId: 'key 1' })];
  const added = await it.request('POST', items, { key: 'key 1', data: { n: null }, ttl: 0 });
  assert.deepEqual([added.status, added.body.key, added.body.data], [201, 'key 1', undefined]);
  const again = await it.request('POST', items, { key: 'key 1', data: {}, ttl: 0 });
  assert.deepEqual([again.status, again.body.code], [409, 54208]);
  assert.equal((await it.request('POST', one, { data: { n: 2 } }, { match: added.body.revision })).status, 200);
  await it.request('POST', items, { key: 'key 2', data: { n: 3 }, ttl: 0 });
  const page = (params) => it.request('GET', items, undefined, { params });
  const found = (await page({ PageSize: 1, Bounds: 'inclusive', From: encodeURIComponent('key 1') })).body;
  assert.deepEqual([found.items.map((row) => [row.key, row.data]), found.meta.previous_token], [[['key 1', { n: 2 }]], null]);
  assert.notEqual(found.meta.next_token, null);
  const behind = (await page({ PageSize: 10, Bounds: 'exclusive', From: encodeURIComponent('key 1') })).body;
  assert.deepEqual([behind.items.map((row) => row.key), behind.meta.next_token], [['key 2'], null]);
  const removed = await it.request('DELETE', one);
  assert.equal(removed.status, 200);
  for (const field of ['key', 'url', 'revision', 'last_event_id', 'date_created', 'date_updated']) assert.ok(field in removed.body, field);
  const none = await it.request('POST', one, { data: {} });
  assert.deepEqual([none.status, none.body.code, none.body.message], [404, 54201, 'Item not found']);
  understood();
});

test('what is refused is told word by word, with nothing appended', async () => {
  const it = await phone();
  const [ghost, none] = [`ET${'0'.repeat(32)}`, fresh('none')];
  const told = async (method, url, body) => {
    const answer = await it.request(method, url, body);
    return [answer.status, answer.body.code, answer.body.message];
  };
  assert.deepEqual(await told('GET', it.url('document', { documentId: none })), [404, 54300, 'Unique name not found']);
  assert.deepEqual(await told('GET', it.url('document', { documentId: ghost })), [404, 54100, 'Document not found']);
  assert.deepEqual(await told('POST', it.url('document', { documentId: ghost }), { data: {} }), [404, 54100, 'Document not found']);
  const taken = await document(it);
  assert.deepEqual(await told('POST', it.links.documents, { unique_name: taken.unique_name, data: {}, ttl: 0 }), [409, 54301, 'Unique name already exists']);
  const [status, code, message] = await told('POST', it.links.maps, { unique_name: 'x'.repeat(321), ttl: 0 });
  assert.deepEqual([status, code], [400, 54302]);
  assert.match(message, /^Invalid unique name\. Expected a string with length 1-320 not matching the SID pattern \[A-Z\]\{2\}\[a-f0-9\]\{32\}$/);
  const { kind, answer } = await it.subscribe(ghost, 'document', 0);
  assert.deepEqual([kind, answer.error], ['subscription_failed', { status: 404, code: 54100, message: 'Document not found' }]);
  understood();
});

test('live queries are "not supported", under a code of their own', async () => {
  const it = await phone();
  const asked = await it.request('POST', it.url('insights_items', { indexName: 'tr-worker' }), { query_string: '', type: 'live_query' });
  assert.deepEqual([asked.status, asked.body.code, asked.body.message], [501, 72019, 'Live queries are not supported']);
  const { kind, answer } = await it.subscribe(`QR${'0'.repeat(32)}`, 'live_query', 0);
  assert.deepEqual([kind, answer.error.code], ['subscription_failed', 72019]);
  const client = await airlock.client(fresh('ada'));
  await assert.rejects(client.liveQuery('tr-worker', 'data.x > 1'), (error) => error.code === 72019 && error.status === 501, 'and the JavaScript SDK does not ask again');
  understood();
});

test('a stream by name, and cancel beside establish', async () => {
  const [one, two] = [await phone(), await phone()];
  const stream = (await one.request('POST', one.links.streams, { unique_name: fresh('stream'), ttl: 0 })).body;
  await two.subscribe(stream.sid, 'stream');
  const url = one.url('stream_messages', { streamId: stream.unique_name });
  assert.equal((await one.request('POST', url, { data: { text: 'hello' } })).status, 201);
  assert.deepEqual((await two.event('stream_message_published')).message_data, { text: 'hello' });
  const entry = { object_sid: stream.sid, object_type: 'stream' };
  const [first, cancel, last] = await Promise.all([
    two.subscriptions('establish', [entry]), two.subscriptions('cancel', [entry]), two.subscriptions('establish', [entry]),
  ]);
  assert.equal((await two.terminal(cancel.correlation)).body.event_type, 'subscription_canceled');
  assert.equal((await two.terminal(last.correlation)).body.event_type, 'subscription_established');
  assert.deepEqual([first, cancel, last].map((it) => it.status), [202, 202, 202]);
  understood();
});

test('200 items come and go while the other subscribes again and again: nothing is lost', async () => {
  const [one, two] = [await phone(), await phone()];
  const { sid, last_event_id: since } = await collection(one, 'map');
  const items = one.url('map_items', { mapId: sid });
  let busy = true;
  const subscribing = (async () => {
    let last = since;
    while (busy) {
      const { answer } = await two.subscribe(sid, 'map', last);
      last = answer.last_event_id; // what comes until the next request is told again
    }
  })();
  await Promise.all(Array.from({ length: 8 }, async (_, worker) => {
    for (let n = worker; n < 200; n += 8) {
      const at = one.url('map_item', { mapId: sid, itemId: `k${n}` });
      assert.equal((await one.request('POST', items, { key: `k${n}`, data: { n }, ttl: 0 })).status, 201);
      assert.equal((await one.request('POST', at, { data: { n: -n } })).status, 200);
      assert.equal((await one.request('DELETE', at)).status, 200);
    }
  }));
  busy = false;
  await subscribing;
  await one.request('POST', items, { key: 'last', data: {}, ttl: 0 });
  await two.event('map_item_added', (it) => it.item_key === 'last');
  // An item that was made and removed between two requests is nobody's loss; what was added is removed.
  const removed = two.events('map_item_removed').map((it) => it.item_key);
  const added = [...two.events('map_item_added'), ...two.events('map_item_updated')].map((it) => it.item_key).filter((key) => key !== 'last');
  assert.deepEqual([...new Set(added)].filter((key) => !removed.includes(key)), []);
  assert.ok(0 < removed.length);
  understood();
});

test('a subscription that ends unasked is ended under the number that established it, and under null for the JavaScript SDK', async () => {
  const strict = (await airlock.backend('POST', '/v1/Services', { FriendlyName: 'strict', AclEnabled: 'true' })).body.sid;
  const [name, ada] = [fresh('doc'), fresh('ada')];
  const made = (await airlock.backend('POST', `/v1/Services/${strict}/Documents`, { UniqueName: name, Data: '{}' })).body;
  await airlock.grant('Documents', name, ada, 'r', strict);
  const it = await Phone.start(airlock, ada, { service: strict });
  phones.push(it);
  const raw = await airlock.socket(ada, { service: strict });
  const { correlation, kind } = await it.subscribe(made.sid, 'document', 0);
  assert.equal(kind, 'subscription_established');
  await raw.subscribe(made.sid, 'document', 0);
  const sdk = await airlock.client(ada, { service: strict });
  const heard = watch(await subscribed(await sdk.document({ id: name, mode: 'open_existing' })));
  await airlock.grant('Documents', name, ada, '', strict);
  const ended = await it.terminal(correlation, /^subscription_failed$/);
  assert.deepEqual([ended.body.events[0].object_sid, ended.body.events[0].error.code], [made.sid, 54007]);
  await heard.until((event) => event.name === 'failure' && event.status === 403, 'the SDK hears it');
  const unasked = await raw.frame((frame) => frame.body?.event_type === 'subscription_failed', 'the notice');
  assert.equal(unasked.body.correlation_id, null);
  understood();
});

test('a time to live alone costs a token of a policy\'s limit, like any write', async () => {
  const ada = fresh('ada');
  const it = await phone(ada);
  const made = await it.request('POST', it.links.documents, { unique_name: `terse/${ada}`, data: { n: 1 }, ttl: 0 });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const url = it.url('document', { documentId: made.body.sid });
  const answers = [];
  for (const ttl of [60, 120, 180]) answers.push(await it.request('POST', url, { ttl }));
  // The policy lets three through at once; the first of them made the document.
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 429]);
  understood();
});

// ---- the version of the event protocol

test('each request is answered in the version that it names, and notices in the one named last', async () => {
  const strict = (await airlock.backend('POST', '/v1/Services', { FriendlyName: 'versions', AclEnabled: 'true' })).body.sid;
  const ada = fresh('ada');
  const socket = await airlock.socket(ada, { service: strict });
  const names = [fresh('doc'), fresh('doc')];
  const made = await Promise.all(names.map(async (name) => {
    const { sid } = (await airlock.backend('POST', `/v1/Services/${strict}/Documents`, { UniqueName: name, Data: '{"n":0}' })).body;
    await airlock.backend('POST', `/v1/Services/${strict}/Documents/${sid}`, { Data: '{"n":1}' });
    await airlock.grant('Documents', name, ada, 'r', strict);
    return sid;
  }));
  let correlation = 0;
  const ask = async (version, action, sid) => {
    correlation += 1;
    const own = correlation;
    const entry = { object_sid: sid, object_type: 'document', ...(action === 'establish' ? { last_event_id: 0 } : {}) };
    await socket.request('POST', '/v4/Subscriptions', { ...version, action, correlation_id: own, retried_requests: 0, ttl_in_s: -1, requests: [entry] });
    const notice = await socket.frame((it) => it.body?.correlation_id === own && /^subscription_/.test(it.body.event_type), 'the notice');
    const replay = socket.frames.find((it) => it.body?.correlation_id === own && it.body.event_type === 'document_updated');
    return [notice.body, replay?.body];
  };
  const old = { event_protocol_version: 3 };
  const one = (body, sid) => assert.deepEqual([body.event_protocol_version, body.event?.object_sid, 'events' in body], [3, sid, false], JSON.stringify(body));
  const several = (body, sid) => assert.deepEqual([body.event_protocol_version, body.events?.[0].object_sid, 'event' in body], [4, sid, false], JSON.stringify(body));

  const [established, replayed] = await ask(old, 'establish', made[0]);
  one(established, made[0]);
  assert.deepEqual([established.event_type, established.event.replay_status], ['subscription_established', 'completed']);
  assert.deepEqual([replayed.event_protocol_version, replayed.event.document_data], [3, { n: 1 }]);
  one((await ask(old, 'establish', `ET${'0'.repeat(32)}`))[0], `ET${'0'.repeat(32)}`);
  one((await ask(old, 'cancel', made[0]))[0], made[0]);
  several((await ask({ event_protocol_version: 4 }, 'establish', made[0]))[0], made[0]);
  several((await ask({}, 'establish', made[1]))[0], made[1]);
  several((await ask({}, 'cancel', `ET${'0'.repeat(32)}`))[0], `ET${'0'.repeat(32)}`);

  const revoked = async (name, sid) => {
    await airlock.grant('Documents', name, ada, '', strict);
    return (await socket.frame((it) => it.body?.event_type === 'subscription_failed' && it.body.correlation_id === null && JSON.stringify(it.body).includes(sid), 'the notice')).body;
  };
  several(await revoked(names[0], made[0]), made[0]);
  one((await ask(old, 'cancel', made[0]))[0], made[0]);
  await airlock.backend('POST', `/v1/Services/${strict}/Documents/${made[1]}`, { Data: '{"n":2}' });
  const live = await socket.frame((it) => it.body?.event?.document_data?.n === 2, 'a live event');
  assert.deepEqual([live.body.event_protocol_version, 'correlation_id' in live.body], [3, false]);
  one(await revoked(names[1], made[1]), made[1]);
});

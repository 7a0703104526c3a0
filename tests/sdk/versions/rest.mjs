// Twelve steps with one release of the server library, in a process of its own: `node rest.mjs ALIAS`. Where the server
// is comes as JSON in SMOKE. Prints a line of JSON for each step, and one for each error that nobody caught.

import { createRequire } from 'node:module';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
for (const kind of ['uncaughtException', 'unhandledRejection']) {
  process.on(kind, (error) => say({ uncaught: kind, error: String(error?.stack ?? error) }));
}

const { account, url, service: sid } = JSON.parse(process.env.SMOKE);
const twilio = createRequire(import.meta.url)(process.argv[2]);
const client = twilio(account.key, account.secret, { accountSid: account.sid });
client.sync.baseUrl = url;
const service = client.sync.services(sid);
const name = (word) => `smoke/${word}-${process.argv[2]}`.replaceAll('/', '-');

const equal = (got, expected) => {
  if (JSON.stringify(got) !== JSON.stringify(expected)) throw new Error(`${JSON.stringify(got)} is not ${JSON.stringify(expected)}`);
};
const failure = async (promise) => {
  const error = await promise.then(() => null, (it) => it);
  return [error?.status, error?.code];
};

let steps = 0;
async function step(what, act) {
  steps += 1;
  try {
    const got = await act();
    say({ step: steps, what, ok: true });
    return got;
  } catch (error) {
    say({ step: steps, what, ok: false, error: String(error?.stack ?? error) });
    process.exit(1);
  }
}

await step('the service is fetched', async () => equal((await service.fetch()).sid, sid));

const doc = await step('a document is made and fetched by name and SID', async () => {
  const made = await service.documents.create({ uniqueName: name('doc'), data: { n: 1, text: 'é' } });
  const [byName, bySid] = [await service.documents(name('doc')).fetch(), await service.documents(made.sid).fetch()];
  equal([byName.sid, byName.data, byName.revision, byName.createdBy], [made.sid, { n: 1, text: 'é' }, '0', 'system']);
  equal(bySid.dateCreated instanceof Date, true);
  return service.documents(made.sid);
});

await step('a condition that holds passes, and one that does not is 412', async () => {
  equal((await doc.update({ data: { n: 2 }, ifMatch: '0' })).revision, '1');
  equal(await failure(doc.update({ data: { n: 3 }, ifMatch: '0' })), [412, 54103]);
  equal((await doc.fetch()).data, { n: 2 });
});

await step('a time to live is set and taken away', async () => {
  equal((await doc.update({ ttl: 600 })).dateExpires instanceof Date, true);
  const never = await doc.update({ ttl: 0 });
  equal([never.dateExpires instanceof Date && !Number.isNaN(never.dateExpires.getTime()), never.revision], [false, '1']);
});

const list = await step('items are appended to a list', async () => {
  const made = await service.syncLists.create({ uniqueName: name('list') });
  const items = service.syncLists(made.sid).syncListItems;
  for (let n = 0; n < 7; n += 1) equal((await items.create({ data: { n } })).index, n);
  return service.syncLists(made.sid);
});

await step('a list is paged through', async () => {
  const rows = await list.syncListItems.list({ pageSize: 3 });
  equal(rows.map((it) => it.data.n), [0, 1, 2, 3, 4, 5, 6]);
  const some = await list.syncListItems.list({ order: 'desc', from: '4', bounds: 'exclusive', limit: 2 });
  equal(some.map((it) => it.index), [3, 2]);
});

await step('an item of a list is changed and removed', async () => {
  const item = list.syncListItems(3);
  equal((await item.update({ data: { n: 'three' } })).revision, '1');
  equal(await item.remove(), true);
  equal(await failure(item.fetch()), [404, 20404]);
});

const map = await step('items are put into a map, each key once', async () => {
  const made = await service.syncMaps.create({ uniqueName: name('map'), ttl: 600 });
  const { syncMapItems: items } = service.syncMaps(made.sid);
  for (const key of ['b', 'a', 'c d']) equal((await items.create({ key, data: { key } })).key, key);
  equal(await failure(items.create({ key: 'a', data: {} })), [409, 54208]);
  return service.syncMaps(made.sid);
});

await step('a map is listed by key', async () => {
  equal((await map.syncMapItems.list()).map((it) => it.key), ['a', 'b', 'c d']);
  equal((await map.syncMapItems('c d').fetch()).data, { key: 'c d' });
  equal(await map.syncMapItems('b').remove(), true);
});

await step('a message goes through a stream', async () => {
  const stream = await service.syncStreams.create({ uniqueName: name('stream') });
  const message = await service.syncStreams(stream.sid).streamMessages.create({ data: { text: 'hello' } });
  equal([message.sid.slice(0, 2), message.data], ['TZ', { text: 'hello' }]);
});

await step('grants are made, listed and taken away', async () => {
  const grants = doc.documentPermissions;
  await grants('ada').update({ read: true, write: false, manage: false });
  equal((await grants.list()).map((it) => [it.identity, it.read, it.write, it.manage]), [['ada', true, false, false]]);
  equal(await grants('ada').remove(), true);
  equal(await failure(grants('ada').fetch()), [404, 20404]);
});

await step('a token of the library is good, and a removed document is gone', async () => {
  const { AccessToken } = twilio.jwt;
  const token = new AccessToken(account.sid, account.key, account.secret, { identity: 'ada', ttl: 60 });
  token.identity = 'ada'; // where older releases take it from
  token.addGrant(new AccessToken.SyncGrant({ serviceSid: sid }));
  const shown = await fetch(`${url}/v3/Documents/${name('doc')}`, { headers: { Authorization: `Bearer ${token.toJwt()}` } });
  equal([shown.status, (await shown.json()).data], [200, { n: 2 }]);
  equal(await doc.remove(), true);
  equal(await failure(doc.fetch()), [404, 20404]);
});

say({ done: steps });
process.exit(0);

// Twelve steps with one release of the client SDK, in a process of its own: `node sync.mjs ALIAS`. Where the server is
// and who is who comes as JSON in SMOKE. Prints a line of JSON for each step, and one for each error that nobody caught.

import { createRequire } from 'node:module';
import { Cable } from '../cable.mjs';
import { next, until, within } from '../waiting.mjs';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
for (const kind of ['uncaughtException', 'unhandledRejection']) {
  process.on(kind, (error) => say({ uncaught: kind, error: String(error?.stack ?? error) }));
}

const { port, ada, renewed, ben, guest, closed } = JSON.parse(process.env.SMOKE);
const { SyncClient } = createRequire(import.meta.url)(process.argv[2]);

/** Data under the name of either generation: `value` before 1.0, where an item also has a `data` of another kind. */
const data = (it) => it.value ?? it.data;
/** What an object tells, in order, copied at once. */
function heard(object, names) {
  const seen = [];
  const note = (name) => (event) => {
    const it = event?.item ?? event?.message ?? event;
    seen.push(structuredClone({ name, data: it && data(it), key: event?.key ?? it?.key, index: event?.index ?? it?.index, expires: event?.item?.dateExpires }));
  };
  for (const name of names) object.on(name, note(name));
  return { seen, until: (test, what) => until(() => seen.find(test), `${what} (heard: ${JSON.stringify(seen)})`) };
}
/** The state of an object's subscription, wherever this release keeps it. */
const state = (object) => {
  const inner = object.syncDocumentImpl ?? object.syncMapImpl ?? object.syncListImpl ?? object.syncStreamImpl ?? object;
  return inner.subscriptionState ?? inner._subscriptionState;
};
const established = (...objects) => until(() => objects.every((it) => state(it) === 'established'), `subscriptions: ${objects.map(state)}`);
const failure = (promise) => promise.then(() => null, (error) => error);
const equal = (got, expected) => {
  if (JSON.stringify(got) !== JSON.stringify(expected)) throw new Error(`${JSON.stringify(got)} is not ${JSON.stringify(expected)}`);
};
async function client(token, uri) {
  const made = new SyncClient(token, { Twilsock: { uri }, logLevel: 'silent' });
  if (made.connectionState !== 'connected') {
    await next(made, 'connectionStateChanged', { test: () => made.connectionState === 'connected', what: 'connected' });
  }
  return made;
}

let steps = 0;
async function step(what, act) {
  steps += 1;
  try {
    const got = await within(act(), what, 30_000);
    say({ step: steps, what, ok: true });
    return got;
  } catch (error) {
    say({ step: steps, what, ok: false, error: String(error?.stack ?? error) });
    process.exit(1);
  }
}

const cable = await Cable.open(port);
const straight = `ws://127.0.0.1:${port}/v3/wsconnect`;
const tag = `${process.argv[2]}-${process.pid}`;
const name = (word) => `smoke/${word}-${tag}`;

const [one, two] = await step('two clients connect', () => Promise.all([client(ada, straight), client(ben, cable.ws)]));

const [doc, other] = await step('a document is made, opened by the other, and both subscriptions are established', async () => {
  const mine = await one.document(name('doc'));
  const yours = await two.document(name('doc'));
  equal(mine.sid, yours.sid);
  await established(mine, yours);
  return [mine, yours];
});
const news = heard(other, ['updated', 'removed']);

await step('what one sets, the other hears', async () => {
  await doc.set({ n: 1 });
  await news.until((it) => it.data?.n === 1, 'the update');
});

await step('conflicts are solved by mutate', async () => {
  const add = (it) => ({ ...it, n: it.n + 1 });
  await Promise.all([doc.mutate(add), other.mutate(add), doc.mutate(add), other.mutate(add)]);
  await until(() => data(doc).n === 5 && data(other).n === 5, 'both have counted to 5');
});

await step('a time to live alone is heard as an update with the same data', async () => {
  const before = news.seen.length;
  await doc.setTtl(600);
  await until(() => before < news.seen.length, 'one more event');
  equal([news.seen.at(-1).name, data(other)], ['updated', { n: 5 }]);
});

const list = await step('items of a list are pushed, set, heard, and paged through', async () => {
  const mine = await one.list(name('list'));
  const yours = await two.list(name('list'));
  await established(mine, yours);
  const there = heard(yours, ['itemAdded', 'itemUpdated', 'itemRemoved']);
  for (let n = 0; n < 25; n += 1) await mine.push({ n });
  await mine.set(3, { n: 'three' });
  await there.until((it) => it.name === 'itemUpdated' && it.data.n === 'three', 'the set item');
  await mine.remove(4);
  await there.until((it) => it.name === 'itemRemoved' && it.index === 4, 'the removed item');
  const found = [];
  for (let page = await yours.getItems({ pageSize: 10 }); ; page = await page.nextPage()) {
    found.push(...page.items.map((it) => it.index));
    if (!page.hasNextPage) break;
  }
  equal(found, Array.from({ length: 25 }, (_, n) => n).filter((n) => n !== 4));
  return yours;
});

const [map, items] = await step('items of a map are set, mutated, removed and heard', async () => {
  const mine = await one.map(name('map'));
  const yours = await two.map(name('map'));
  await established(mine, yours);
  const there = heard(yours, ['itemAdded', 'itemUpdated', 'itemRemoved', 'removed', 'failure']);
  await mine.set('a/b é', { n: 1 });
  await there.until((it) => it.name === 'itemAdded' && it.key === 'a/b é', 'the new item');
  await mine.mutate('a/b é', (it) => ({ n: it.n + 1 }));
  await there.until((it) => it.name === 'itemUpdated' && it.data.n === 2, 'the mutated item');
  await mine.set('gone', {});
  await mine.remove('gone');
  await there.until((it) => it.name === 'itemRemoved' && it.key === 'gone', 'the removed item');
  equal(data(await yours.get('a/b é')), { n: 2 });
  return [mine, there];
});

await step('a message goes through a stream', async () => {
  const mine = await one.stream(name('stream'));
  const yours = await two.stream(name('stream'));
  await established(mine, yours);
  const there = heard(yours, ['messagePublished']);
  await mine.publishMessage({ text: 'hello' });
  await there.until((it) => it.data?.text === 'hello', 'the message');
});

await step('what happened while it was away is told after a reconnect, and subscriptions are established again', async () => {
  cable.cut();
  await until(() => two.connectionState !== 'connected', 'the loss is noticed');
  await doc.set({ n: 'away' });
  await map.set('away', { n: 1 });
  await map.remove('a/b é');
  cable.mend();
  await news.until((it) => it.data?.n === 'away', 'the missed update');
  await items.until((it) => it.key === 'away', 'the missed item');
  await items.until((it) => it.name === 'itemRemoved' && it.key === 'a/b é', 'the missed removal');
  await established(other, list);
});

await step('the token is renewed', async () => {
  await one.updateToken(renewed);
  await doc.set({ n: 'renewed' });
  await news.until((it) => it.data?.n === 'renewed', 'the update under the new token');
});

await step('what is refused is an error with status, code and message', async () => {
  const error = await failure(two.document({ id: 'none', mode: 'open_existing' }));
  equal([error?.status, error?.code, /^Unique name not found/.test(error?.message)], [404, 54300, true]);
  const stranger = await client(guest, straight);
  const refused = await failure(stranger.document(closed));
  equal([refused?.status, refused?.code], [403, 54007]);
  await stranger.shutdown();
});

await step('a removed object is heard, and the clients end', async () => {
  await (doc.removeDocument ?? doc.remove).call(doc);
  await news.until((it) => it.name === 'removed', 'the removal');
  list.close();
  await one.shutdown();
  await two.shutdown();
});

cable.close();
say({ done: steps });
process.exit(0);

// `until = "disconnect"`: what is shown while connected goes when the last socket has been gone for a while (decision 27).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, fresh, path, subscribed, tail } from './support.mjs';
import { until, watch } from './waiting.mjs';

const PATIENCE = 400; // ms instead of 30 s, in the test build only
let airlock;
before(async () => { airlock = await Airlock.start({ env: { AIRLOCK_PRESENCE_MS: String(PATIENCE) } }); });
after(() => airlock?.stop());

const room = () => fresh('room');
const show = async (client, place, identity, mood) => {
  const document = await client.document(`here/${place}/${identity}`);
  await document.set({ mood });
  return document;
};
const gone = (place) => until(async () => Object.keys(await airlock.entries(`present/${place}`)).length === 0, `nobody is shown in ${place}`);

test('the last socket goes: the entry is withdrawn, and watchers hear it', async () => {
  const [place, ada] = [room(), fresh('ada')];
  const seen = watch(await subscribed(await (await airlock.client(fresh('bob'))).map(`present/${place}`)));
  const client = await airlock.client(ada);
  await show(client, place, ada, 'calm');
  await seen.until((it) => it.name === 'itemAdded' && it.key === ada, 'she is shown');
  await client.shutdown();
  await seen.until((it) => it.name === 'itemRemoved' && it.key === ada, 'she is gone');
  assert.deepEqual(await airlock.document(`here/${place}/${ada}`), {}, 'the private document says nothing, and stands');
});

test('one of two sockets goes: nothing is withdrawn', async () => {
  const [place, ada] = [room(), fresh('ada')];
  const [one, two] = [await airlock.client(ada), await airlock.client(ada)];
  await show(one, place, ada, 'calm');
  await one.shutdown();
  // Somebody else leaves later, and is withdrawn: by then her time would have been over, too.
  const carl = fresh('carl');
  const other = await airlock.client(carl);
  await show(other, place, carl, 'brief');
  await other.shutdown();
  await until(async () => !(carl in await airlock.entries(`present/${place}`)), 'who left later is withdrawn');
  assert.deepEqual(await airlock.entries(`present/${place}`), { [ada]: { mood: 'calm' } });
  await two.shutdown();
  await gone(place);
});

test('who comes back in time keeps what is shown', async () => {
  const [place, ada] = [room(), fresh('ada')];
  const first = await airlock.client(ada);
  await show(first, place, ada, 'calm');
  await first.shutdown();
  await airlock.client(ada);
  const carl = fresh('carl');
  const other = await airlock.client(carl);
  await show(other, place, carl, 'brief');
  await other.shutdown();
  await until(async () => !(carl in await airlock.entries(`present/${place}`)), 'who left later is withdrawn');
  assert.deepEqual(await airlock.entries(`present/${place}`), { [ada]: { mood: 'calm' } });
});

test('who comes back late can show something again', async () => {
  const [place, ada] = [room(), fresh('ada')];
  const first = await airlock.client(ada);
  await show(first, place, ada, 'calm');
  await first.shutdown();
  await gone(place);
  await show(await airlock.client(ada), place, ada, 'back');
  assert.deepEqual(await airlock.entries(`present/${place}`), { [ada]: { mood: 'back' } });
});

test('a caller without a socket is refused, and told why', async () => {
  const [place, ada] = [room(), fresh('ada')];
  const ask = () => fetch(airlock.url + path('Documents'), {
    method: 'POST',
    headers: { Authorization: `Bearer ${airlock.token(ada)}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ unique_name: `here/${place}/${ada}`, data: { mood: 'calm' } }),
  });
  const refused = await ask();
  const body = await refused.json();
  assert.deepEqual([refused.status, body.code], [403, 72_014]);
  assert.equal(tail(body.message).rule, 'standing');
  assert.deepEqual(await airlock.entries(`present/${place}`), {});
  await airlock.client(ada);
  assert.equal((await ask()).status, 201, 'with a socket of hers open, any door will do');
});

test('kill -9: after a start all count as gone, and whoever does not come back is withdrawn', async () => {
  const [place, ada, bea] = [room(), fresh('ada'), fresh('bea')];
  const [one, two] = [await airlock.client(ada), await airlock.client(bea)];
  await show(one, place, ada, 'calm');
  await show(two, place, bea, 'calm');
  await airlock.kill9();
  await two.shutdown();
  await airlock.restart();
  await airlock.socket(ada); // the first to be back; her SDK client follows when its back-off allows
  await until(async () => !(bea in await airlock.entries(`present/${place}`)), 'who did not come back is withdrawn');
  assert.deepEqual(await airlock.entries(`present/${place}`), { [ada]: { mood: 'calm' } });
});

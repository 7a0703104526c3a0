// Services are apart: what a client of one uses up is not missing in another.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Airlock, fresh } from './support.mjs';

describe('two services under the same policies', () => {
  let airlock;
  let other;
  before(async () => {
    airlock = await Airlock.start();
    other = (await airlock.backend('POST', '/v1/Services', { FriendlyName: 'other', AclEnabled: 'true' })).body.sid;
  });
  after(() => airlock?.stop());

  const seat = async (socket, room, identity) =>
    socket.request('POST', '/v3/Documents', { unique_name: `seats/${room}/${identity}`, data: { seat: 1 } });

  test('a person has another pseudonym in each service, the same one after a restart', async () => {
    const identity = fresh('ada');
    const shown = async (service) => {
      const socket = await airlock.socket(identity, { service });
      const path = `/v3/Documents/${encodeURIComponent(`masks/${identity}`)}`;
      const made = await socket.request('POST', '/v3/Documents', { unique_name: `masks/${identity}`, data: { n: 1 } });
      if (made.status !== 201) await socket.request('POST', path, { data: { n: 2 } });
      const found = await socket.request('GET', '/v3/Maps/ball/Items', undefined, { params: { PageSize: '100' } });
      assert.equal(found.status, 200, found.text);
      return found.body.items.map((it) => it.key);
    };
    const before = [await shown(airlock.service), await shown(other)];
    assert.equal(new Set(before.flat()).size, 2, `two pseudonyms: ${before}`);
    await airlock.restart();
    assert.deepEqual([await shown(airlock.service), await shown(other)], before);
  });

  test('a limit that a room shares is spent in its own service only', async () => {
    const room = fresh('room');
    const statuses = [];
    for (let at = 0; at < 6; at += 1) {
      const identity = fresh('guest');
      statuses.push((await seat(await airlock.socket(identity), room, identity)).status);
    }
    assert.deepEqual(statuses, [201, 201, 201, 201, 201, 429], 'the room takes five');
    const identity = fresh('guest');
    const elsewhere = await seat(await airlock.socket(identity, { service: other }), room, identity);
    assert.equal(elsewhere.status, 201, elsewhere.text);
  });

  test('a limit of an identity is spent in its own service only', async () => {
    const identity = fresh('eager');
    const socket = await airlock.socket(identity);
    const answers = await Promise.all(Array.from({ length: 120 }, (_, at) => seat(socket, `r${at}`, identity)));
    assert.ok(answers.some((it) => it.status === 429), 'the limit is spent here');
    const elsewhere = await seat(await airlock.socket(identity, { service: other }), fresh('room'), identity);
    assert.equal(elsewhere.status, 201, elsewhere.text);
  });
});

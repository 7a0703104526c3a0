// The sample policy `scores`: a score never falls, whoever writes at the same time, and the table is the ten best.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, fresh, path, pathOf, refused, subscribed, tail } from './support.mjs';
import { watch } from './waiting.mjs';

let airlock;
before(async () => { airlock = await Airlock.start({ policies: '../../policies' }); });
after(() => airlock?.stop());

/** A player with a name in the token, and their document. */
async function player(game, name = 'Ada') {
  const identity = fresh('player');
  const client = await airlock.client(identity, { claims: { name } });
  return { identity, client, document: await client.document(`scores/${game}/${identity}`) };
}
const table = (game) => airlock.document(`games/${game}/top`);

test('the table has the ten best of twelve, first come first, under the names of their tokens', async () => {
  const game = fresh('game');
  const watcher = await subscribed(await (await airlock.client(fresh('watcher'))).document(`games/${game}/top`));
  const seen = watch(watcher);
  assert.deepEqual(watcher.data, { best: [], players: 0, highest: null, mean: null });
  const scores = [5, 11, 3, 8, 8, 1, 9, 2, 7, 10, 4, 6];
  for (const [at, score] of scores.entries()) await (await player(game, `p${at}`)).document.set({ score });
  const sorted = scores.map((score, at) => ({ name: `p${at}`, score })).sort((one, two) => two.score - one.score);
  const expected = { best: sorted.slice(0, 10), players: 12, highest: 11, mean: 6.166667 };
  await seen.until((it) => it.data?.players === 12, 'all twelve');
  assert.deepEqual(watcher.data, expected);
  assert.deepEqual(await table(game), expected);
  assert.deepEqual(seen.seen.map((it) => it.data.players), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 'one event for each');
});

test('a score stays or rises: a lower one is refused with the rule\'s name', async () => {
  const game = fresh('game');
  const { document } = await player(game);
  for (const score of [5, 5, 6]) await document.set({ score });
  const error = await refused(document.set({ score: 5 }), 'it would fall');
  assert.deepEqual([error.status, tail(error.message).rule], [400, 'never-falls'], error.message);
  assert.match(error.message, /a score never falls/);
  assert.deepEqual((await table(game)).best, [{ name: 'Ada', score: 6 }]);
});

test('of writes in flight at once none makes the score fall: what was admitted last is the highest', async () => {
  const game = fresh('game');
  const { identity, document } = await player(game);
  const sockets = await Promise.all([1, 2, 3].map(() => airlock.socket(identity, { claims: { name: 'Ada' } })));
  const url = path('Documents', document.sid);
  const scores = [300, 100, 200, 250, 150, 50];
  const answers = await Promise.all(scores.map((score, at) => sockets[at % 3].request('POST', url, { data: { score } })));
  for (const [at, answer] of answers.entries()) {
    if (answer.status !== 200) assert.equal(tail(answer.body.message)?.rule, 'never-falls', `${scores[at]}: ${answer.text}`);
  }
  const admitted = answers.flatMap((it, at) => (it.status === 200 ? [{ score: scores[at], id: it.body.last_event_id }] : []));
  assert.ok(admitted.some((it) => it.score === 300), 'the highest is always admitted');
  const ids = admitted.map((it) => it.id);
  assert.ok(ids.every(Number.isInteger) && new Set(ids).size === ids.length, `in some order: ${ids}`);
  admitted.sort((one, two) => one.id - two.id);
  assert.ok(admitted.every((it, at) => at === 0 || admitted[at - 1].score <= it.score), `it never falls: ${JSON.stringify(admitted)}`);
  assert.deepEqual((await table(game)).best, [{ name: 'Ada', score: 300 }]);
});

test('a score is final: it is not emptied, not removed, and not written to expire', async () => {
  const game = fresh('game');
  const { identity, document } = await player(game);
  await document.set({ score: 7 });
  for (const [what, attempt] of [
    ['emptied', () => document.set({})],
    ['removed', () => document.removeDocument()],
    ['written to expire', () => document.set({ score: 8 }, { ttl: 1 })],
    ['left to expire', () => document.setTtl(1)],
  ]) {
    const error = await refused(attempt(), `it is ${what}`);
    assert.equal(error.status, 403, `${what}: ${error}`);
  }
  assert.deepEqual((await table(game)).best, [{ name: 'Ada', score: 7 }]);
  const removed = await airlock.backend('DELETE', airlock.at('Documents', `scores/${game}/${identity}`));
  assert.equal(removed.status, 204, 'a backend may');
  assert.deepEqual(await table(game), { best: [], players: 0, highest: null, mean: null });
});

test('a backend that has checked a game writes the score in the player\'s name', async () => {
  const game = fresh('game');
  const { identity, document } = await player(game, 'Grace');
  await document.set({ score: 3 });
  const written = await airlock.backend('POST', airlock.at('Documents', `scores/${game}/${identity}`), { Data: '{"score":2}' });
  assert.equal(written.status, 200, written.text);
  assert.deepEqual((await table(game)).best, [{ name: 'Grace', score: 2 }], 'conditions are for clients');
});

test('no client writes the table, none scores for somebody else, and a token without a name is in no table', async () => {
  const game = fresh('game');
  const { identity } = await player(game);
  const eve = fresh('eve');
  const socket = await airlock.socket(eve);
  for (const name of [`games/${game}/top`, `scores/${game}/${identity}`]) {
    const answer = await socket.request('POST', path('Documents'), { unique_name: name, data: { score: 9 } });
    assert.deepEqual([answer.status, answer.body.code], [403, 54007], name);
  }
  const own = await socket.request('POST', path('Documents'), { unique_name: `scores/${game}/${eve}`, data: { score: 9 } });
  assert.equal(tail(own.body.message)?.rule, 'rewrite', own.text);
  const empty = await socket.request('POST', path('Documents'), { unique_name: `scores/${game}/${eve}` });
  assert.equal(empty.status, 201, 'nothing said needs no name');
  const later = await socket.request('POST', pathOf(empty.body.url), { data: { score: 9 } });
  assert.equal(tail(later.body.message)?.rule, 'rewrite', later.text);
  assert.equal((await table(game))?.players ?? 0, 0);
});

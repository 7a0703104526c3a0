// The sample policy `tictactoe`: the board is the server's, and of two moves at once one is made.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, fresh, path, refused, subscribed, tail } from './support.mjs';
import { until, watch } from './waiting.mjs';

const LINES = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];
let airlock;
before(async () => { airlock = await Airlock.start({ policies: '../../policies' }); });
after(() => airlock?.stop());

const empty = () => Array(9).fill('');
const board = (game) => airlock.document(`games/${game}/board`);

/** The board after a move, computed by the rules of the game. */
function moved(before, cell) {
  const { turn } = before;
  const cells = before.cells.with(cell, turn);
  const won = LINES.some((line) => line.every((it) => cells[it] === turn));
  const full = cells.every((it) => it !== '');
  return { ...before, cells, turn: turn === 'x' ? 'o' : 'x', winner: won ? turn : full ? 'draw' : '' };
}

/** A game that a backend has started, with a client and the document of the moves of both players. */
async function game(start = {}) {
  const name = fresh('game');
  const [x, o] = [fresh('x'), fresh('o')];
  const begun = { x, o, turn: 'x', cells: empty(), winner: '', ...start };
  const made = await airlock.backend('POST', airlock.at('Documents'), { UniqueName: `games/${name}/board`, Data: JSON.stringify(begun) });
  assert.equal(made.status, 201, made.text);
  const seat = async (identity) => {
    const client = await airlock.client(identity);
    const document = await client.document(`moves/${name}/${identity}`);
    return { identity, client, document, move: (cell) => document.set({ cell }) };
  };
  return { name, begun, x: await seat(x), o: await seat(o) };
}

async function rule(attempt, expected, what) {
  const error = await refused(attempt, what);
  assert.equal(tail(error.message)?.rule, expected, `${what}: ${error.message}`);
}

test('a game is played to its end, and a watcher sees each board once', async () => {
  const { name, begun, x, o } = await game();
  const watcher = await subscribed(await (await airlock.client(fresh('watcher'))).document(`games/${name}/board`));
  const seen = watch(watcher);
  const boards = [begun];
  for (const cell of [4, 0, 2, 6, 3, 5, 1, 7, 8]) {
    const now = boards.at(-1);
    await (now.turn === 'x' ? x : o).move(cell);
    boards.push(moved(now, cell));
    assert.deepEqual(await board(name), boards.at(-1));
  }
  await seen.until((it) => it.data.winner === 'draw', 'the end');
  assert.deepEqual(seen.seen.map((it) => it.data), boards.slice(1));
  await rule(o.move(0), 'not-over', 'after the end');
});

test('random games come out as the rules say', async () => {
  for (let round = 0; round < 4; round += 1) {
    const { name, begun, x, o } = await game();
    let now = begun;
    while (!now.winner) {
      const free = now.cells.flatMap((it, at) => (it === '' ? [at] : []));
      const cell = free[Math.floor(Math.random() * free.length)];
      await (now.turn === 'x' ? x : o).move(cell);
      now = moved(now, cell);
      assert.deepEqual(await board(name), now);
    }
    await rule((now.turn === 'x' ? x : o).move(0), 'not-over', 'after the end');
  }
});

test('no move out of turn, no cell twice, no cell beside the board, and a refused move changes nothing', async () => {
  const { name, begun, x, o } = await game();
  await rule(o.move(0), 'my-turn', 'noughts do not begin');
  await x.move(0);
  await rule(x.move(1), 'my-turn', 'crosses do not move twice');
  await rule(o.move(0), 'free-cell', 'a cell is taken once');
  await rule(o.move(9), 'schema', 'there is no ninth cell');
  await rule(o.document.set({ cell: 1, winner: 'o' }), 'schema', 'a winner is not sent along');
  assert.deepEqual(await board(name), moved(begun, 0));
});

test('no move for the other, none by a third person, and no client writes a board', async () => {
  const { name, begun, x, o } = await game();
  const eve = fresh('eve');
  const third = await airlock.client(eve);
  const own = await third.document(`moves/${name}/${eve}`);
  await rule(own.set({ cell: 0 }), 'is-player', 'a third person');
  for (const [identity, target] of [[o.identity, `moves/${name}/${x.identity}`], [eve, `moves/${name}/${x.identity}`], [x.identity, `games/${name}/board`]]) {
    const socket = await airlock.socket(identity);
    const made = await socket.request('POST', path('Documents'), { unique_name: target, data: { cell: 0 } });
    assert.deepEqual([made.status, made.body.code], [403, 54007], `${identity} makes ${target}`);
    const set = await socket.request('POST', path('Documents', target), { data: { cell: 0 } });
    assert.deepEqual([set.status, set.body.code], [403, 54007], `${identity} sets ${target}`);
  }
  const nowhere = await airlock.socket(eve);
  const begin = await nowhere.request('POST', path('Documents'), { unique_name: `moves/${fresh('game')}/${eve}`, data: { cell: 0 } });
  assert.equal(tail(begin.body.message)?.rule, 'lookup', begin.text);
  assert.deepEqual(await board(name), begun);
});

test('two moves at once: one is made, the other is judged on the board after it', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { name, begun, x } = await game();
    const sockets = await Promise.all([0, 1].map(() => airlock.socket(x.identity)));
    const cells = [0, 8];
    const answers = await Promise.all(cells.map((cell, at) => sockets[at].request('POST', path('Documents', x.document.sid), { data: { cell } })));
    const made = cells.filter((_, at) => answers[at].status === 200);
    assert.equal(made.length, 1, answers.map((it) => it.text).join('\n'));
    const other = answers.find((it) => it.status !== 200);
    assert.equal(tail(other.body.message)?.rule, 'my-turn', other.text);
    assert.deepEqual(await board(name), moved(begun, made[0]));
  }
});

test('both players at once for one cell: never are both on it', async () => {
  const { name, begun, x, o } = await game();
  const both = await Promise.allSettled([x.move(4), o.move(4)]);
  assert.equal(both[0].status, 'fulfilled');
  assert.equal(both[1].status, 'rejected');
  assert.ok(['my-turn', 'free-cell'].includes(tail(both[1].reason.message)?.rule), both[1].reason.message);
  assert.deepEqual(await board(name), moved(begun, 4));
});

test('a move is made for good: emptied, removed or expired it changes nothing on the board, and whose turn it is', async () => {
  for (const [what, take] of [
    ['emptied', ({ document }) => document.set({})],
    ['removed', ({ document }) => document.removeDocument()],
    ['removed by a backend', ({ identity }, name) => airlock.backend('DELETE', airlock.at('Documents', `moves/${name}/${identity}`))],
    ['written to expire', async ({ document, identity }, name) => {
      await document.setTtl(1);
      await until(async () => (await airlock.document(`moves/${name}/${identity}`)) === null, 'it has expired', 15_000);
    }],
  ]) {
    const { name, begun, x, o } = await game();
    await x.move(4);
    await take(x, name);
    assert.deepEqual(await board(name), moved(begun, 4), what);
    const again = await (await airlock.client(x.identity)).document(`moves/${name}/${x.identity}`);
    await rule(again.set({ cell: 0 }), 'my-turn', `after it was ${what}`);
    await o.move(0);
    assert.deepEqual(await board(name), moved(moved(begun, 4), 0), what);
  }
});

test('a backend starts the game again', async () => {
  const { name, begun, x, o } = await game();
  await x.move(4);
  await o.move(0);
  const again = await airlock.backend('POST', airlock.at('Documents', `games/${name}/board`), { Data: JSON.stringify(begun) });
  assert.equal(again.status, 200, again.text);
  await x.move(0);
  assert.deepEqual(await board(name), moved(begun, 0));
});

test('the game goes on after a crash', async () => {
  const { name, begun, x, o } = await game();
  await x.move(4);
  await airlock.kill9();
  await airlock.restart();
  const socket = await airlock.socket(o.identity);
  const set = await socket.request('POST', path('Documents', o.document.sid), { data: { cell: 0 } });
  assert.equal(set.status, 200, set.text);
  assert.deepEqual(await board(name), moved(moved(begun, 4), 0));
});

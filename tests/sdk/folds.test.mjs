// Folds, whatever comes first: a grant, a watcher, a share, its withdrawal, a hard end. And digits: all of them, or none.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Airlock, fresh, run, subscribed } from './support.mjs';
import { until } from './waiting.mjs';

let airlock;
let folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-folds-'));
  cpSync('../../policies/poll', join(folder, 'poll'), { recursive: true });
  mkdirSync(join(folder, 'purse'));
  writeFileSync(join(folder, 'purse', 'policy.toml'), `
[from]
document = "purses/{town}/{identity}"
[[to]]
document = "towns/{town}/purse"
read = "everyone"
[to.fold]
coins = { sum = "data.coins" }
most = { max = "data.coins" }
`);
  airlock = await Airlock.start({ policies: folder });
});
after(async () => {
  await airlock?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const write = async (name, data) => {
  const form = { Data: typeof data === 'string' ? data : JSON.stringify(data) };
  const answer = await airlock.backend('POST', airlock.at('Documents', name), form);
  if (answer.status !== 404) return answer;
  return airlock.backend('POST', airlock.at('Documents'), { UniqueName: name, ...form });
};

function* orders(left, taken = []) {
  if (left.length === 0) yield taken;
  for (const it of left) yield* orders(left.filter((other) => other !== it), [...taken, it]);
}

test('in every order of grant, watch, shares and withdrawal the tally is what the ballots give, and so after a hard end', async () => {
  const watcher = await airlock.client(fresh('watcher'));
  const polls = [];
  for (const order of orders(['grant', 'watch', 'yes', 'no', 'withdraw'])) {
    const poll = fresh('poll');
    assert.equal((await write(`polls/${poll}/settings`, { open: true })).status, 201);
    const tally = `polls/${poll}/tally`;
    const ballot = async (choice) => {
      const answer = await write(`ballots/${poll}/${choice}-voter`, { choice });
      assert.ok([200, 201].includes(answer.status), answer.text);
    };
    const stand = { votes: {}, voters: 0 };
    let watched;
    const steps = {
      grant: () => airlock.grant('Documents', tally, 'reader', 'r'),
      watch: async () => { watched = await subscribed(await watcher.document(tally)); },
      yes: () => ballot('yes'),
      no: () => ballot('no'),
      withdraw: () => write(`ballots/${poll}/yes-voter`, {}),
    };
    let yes = false;
    for (const step of order) {
      await steps[step]();
      if (step === 'yes') yes = true;
      if (step === 'withdraw') yes = false;
      if (step === 'yes' || step === 'no' || step === 'withdraw') {
        const no = order.indexOf('no') <= order.indexOf(step);
        stand.votes = { ...(no ? { no: 1 } : {}), ...(yes ? { yes: 1 } : {}) };
        stand.voters = Object.keys(stand.votes).length;
      }
      assert.deepEqual(await airlock.document(tally), stand, `${step} of ${order}`);
    }
    await until(() => JSON.stringify(watched.data) === JSON.stringify(stand), `who watches sees it: ${order}`);
    polls.push([tally, stand, order]);
  }
  await airlock.kill9();
  const { code, stdout, stderr } = await run(['verify', '--data', join(airlock.folder, 'data'), '--policies', folder]);
  assert.equal(code, 0, stdout + stderr);
  await airlock.restart();
  for (const [tally, stand, order] of polls) assert.deepEqual(await airlock.document(tally), stand, `${order}`);
});

test('sums have all their digits, and a number that a double would round is refused', async () => {
  const town = fresh('town');
  const sum = async () => (await airlock.backend('GET', airlock.at('Documents', `towns/${town}/purse`))).text;
  for (const [at, coins] of ['9007199254740991', '9007199254740991.5', '0.000000001', '0.1'].entries()) {
    const answer = await write(`purses/${town}/p${at}`, `{"coins":${coins}}`);
    assert.equal(answer.status === 201, coins !== '9007199254740991.5', `${coins}: ${answer.text}`);
    if (answer.status !== 201) assert.deepEqual([answer.status, answer.body.code], [400, 72002], answer.text);
  }
  assert.match(await sum(), /"coins":\s*9007199254740991\.100000001,\s*"most":\s*9007199254740991\s*\}/);
  for (const coins of ['123456789012345678', '123456789.123456789', '0.1234567891', '1e18']) {
    const answer = await write(`purses/${town}/other`, `{"coins":${coins}}`);
    assert.equal(answer.status, 400, `${coins}: ${answer.text}`);
  }
  const cable = await airlock.client(fresh('watcher'));
  const purse = await subscribed(await cable.document(`towns/${town}/purse`));
  assert.equal(purse.data.coins, 9007199254740991, 'a client of JavaScript reads what a double holds');
});

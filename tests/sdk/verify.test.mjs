// `airlock verify`: a store held against itself after a hard end; what it must find, and when it must not look.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Airlock, fresh, run } from './support.mjs';

let airlock;
let folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-verify-'));
  airlock = await Airlock.start({ policies: '../../policies' });
  const poll = fresh('poll');
  const form = { UniqueName: `polls/${poll}/settings`, Data: JSON.stringify({ open: true }) };
  assert.equal((await airlock.backend('POST', airlock.at('Documents'), form)).status, 201);
  for (let voter = 0; voter < 6; voter += 1) {
    const name = fresh('voter');
    const ballot = await (await airlock.client(name)).document(`ballots/${poll}/${name}`);
    await ballot.set({ choice: voter % 2 ? 'yes' : 'no' });
    if (voter === 5) await ballot.set({});
  }
});
after(async () => {
  await airlock?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const verify = (policies) => run(['verify', '--data', join(airlock.folder, 'data'), '--policies', policies]);

test('a store that a server holds is not looked at', async () => {
  const { code, stderr } = await verify(airlock.policies);
  assert.equal(code, 3);
  assert.match(stderr, /stop the other process/);
});

test('after a hard end each fold is what the private objects give', async () => {
  await airlock.kill9();
  const { code, stdout, stderr } = await verify(airlock.policies);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /the chain holds; 1 folds over 6 private objects: 0 differences/);
});

test('a fold that its private objects do not give is named, source by source', async () => {
  // As if the store had counted otherwise: the policy that is asked counts one thing more.
  const other = join(folder, 'policies');
  cpSync(airlock.policies, other, { recursive: true });
  const file = join(other, 'poll', 'policy.toml');
  const changed = readFileSync(file, 'utf8').replace(/^\[to\.fold\]/m, '[to.fold]\nmore = { count = true }');
  writeFileSync(file, changed);
  const { code, stdout, stderr } = await verify(other);
  assert.equal(code, 1, stdout + stderr);
  assert.equal(stderr.match(/contributes something else than its data gives/g)?.length, 5, stderr);
});

test('where there is no store, there is nothing to verify', async () => {
  const { code, stderr } = await run(['verify', '--data', folder, '--policies', airlock.policies]);
  assert.equal(code, 2);
  assert.match(stderr, /there is no store/);
});

// The sample policy `poll`: a tally over the ballots that stand, and the two ways in which a poll closes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Airlock, fresh, path, refused, subscribed, tail } from './support.mjs';
import { until, watch } from './waiting.mjs';

const VOTERS = 30;
const CHOICES = ['yes', 'no', 'abstain'];
let airlock;
before(async () => { airlock = await Airlock.start({ policies: '../../policies' }); });
after(() => airlock?.stop());

/** What a backend writes to open a poll, or to close it. */
async function settings(poll, data) {
  const name = `polls/${poll}/settings`;
  const standing = await airlock.document(name);
  const form = { Data: JSON.stringify(data) };
  const answer = standing
    ? await airlock.backend('POST', airlock.at('Documents', name), form)
    : await airlock.backend('POST', airlock.at('Documents'), { UniqueName: name, ...form });
  assert.ok(answer.status < 300, answer.text);
}

async function opened(data = { open: true }) {
  const poll = fresh('poll');
  await settings(poll, data);
  return poll;
}

/** A watcher of the tally. */
async function watcher(poll) {
  const client = await airlock.client(fresh('watcher'));
  const document = await subscribed(await client.document(`polls/${poll}/tally`));
  return { document, seen: watch(document) };
}

/** A voter's ballot; opening it counts for nothing. */
async function ballot(poll, voter = fresh('voter')) {
  const client = await airlock.client(voter);
  return { voter, client, document: await client.document(`ballots/${poll}/${voter}`) };
}

/** The tally, computed anew. */
function counted(choices) {
  const votes = {};
  for (const choice of choices) votes[choice] = (votes[choice] ?? 0) + 1;
  return { votes, voters: choices.length };
}

function sound(tally, most) {
  const sum = Object.values(tally.votes).reduce((one, two) => one + two, 0);
  assert.equal(sum, tally.voters, `votes and voters agree: ${JSON.stringify(tally)}`);
  assert.ok(0 <= tally.voters && tally.voters <= most, JSON.stringify(tally));
  assert.ok(Object.entries(tally.votes).every(([choice, count]) => CHOICES.includes(choice) && 0 < count), JSON.stringify(tally));
}

test('thirty vote, change and withdraw: the tally is the count of the ballots that stand, at each step and in the end', async () => {
  const poll = await opened();
  const { document, seen } = await watcher(poll);
  assert.deepEqual(document.data, counted([]), 'before the first vote there are zeros');
  const voters = await Promise.all(Array.from({ length: VOTERS }, () => ballot(poll)));
  let changes = 0;
  const standing = await Promise.all(voters.map(async ({ document: own }, at) => {
    const first = CHOICES[at % 3];
    const second = CHOICES[(at + 1) % 3];
    const step = async (data) => {
      await own.set(data);
      changes += 1;
      // Whatever others do meanwhile: what is acknowledged is in a tally that adds up.
      sound(await airlock.document(`polls/${poll}/tally`), VOTERS);
    };
    await step({ choice: first });
    if (at % 2) await step({ choice: second });
    if (at % 5) return at % 2 ? second : first;
    await step({});
    return null;
  }));
  const expected = counted(standing.filter(Boolean));
  const settled = () => JSON.stringify(Object.entries(document.data.votes).sort()) === JSON.stringify(Object.entries(expected.votes).sort());
  await until(settled, 'the tally that the watcher sees is the count');
  assert.deepEqual(document.data, expected);
  assert.deepEqual(await airlock.document(`polls/${poll}/tally`), expected);
  const updates = seen.seen.filter((it) => it.name === 'updated');
  updates.forEach((it) => sound(it.data, VOTERS));
  assert.equal(updates.length, changes, 'one event for each change');
});

test('one change is one event, and none is one that changes nothing', async () => {
  const poll = await opened();
  const { seen } = await watcher(poll);
  const { document } = await ballot(poll);
  const told = async (data, tally) => {
    await document.set(data);
    await seen.until((it) => JSON.stringify(it.data) === JSON.stringify(tally), JSON.stringify(tally));
  };
  await told({ choice: 'yes' }, { votes: { yes: 1 }, voters: 1 });
  await document.set({ choice: 'yes' });
  await told({ choice: 'no' }, { votes: { no: 1 }, voters: 1 });
  await told({}, { votes: {}, voters: 0 });
  assert.deepEqual(seen.seen.map((it) => it.data.voters), [1, 1, 0]);
});

test('a removed ballot takes its vote back, and nobody reads anybody else\'s', async () => {
  const poll = await opened();
  const { seen } = await watcher(poll);
  const { voter, document } = await ballot(poll);
  await document.set({ choice: 'abstain' });
  await seen.until((it) => it.data.voters === 1, 'the vote');
  const eve = await airlock.socket(fresh('eve'));
  const read = await eve.request('GET', path('Documents', `ballots/${poll}/${voter}`));
  assert.deepEqual([read.status, read.body.code], [403, 54007]);
  await document.removeDocument();
  await seen.until((it) => it.data.voters === 0, 'it is taken back');
});

test('the poll closes: a vote is refused with the rule\'s name and its text, and the tally stands', async () => {
  const poll = await opened();
  const { document } = await ballot(poll);
  await document.set({ choice: 'yes' });
  await settings(poll, { open: false });
  const error = await refused(document.set({ choice: 'no' }), 'the poll is closed');
  assert.equal(error.status, 400, String(error));
  assert.equal(tail(error.message).rule, 'open', error.message);
  assert.match(error.message, /the poll is closed/);
  assert.deepEqual(await airlock.document(`polls/${poll}/tally`), { votes: { yes: 1 }, voters: 1 });
  await settings(poll, { open: true });
  await document.set({ choice: 'no' });
  assert.deepEqual(await airlock.document(`polls/${poll}/tally`), { votes: { no: 1 }, voters: 1 });
});

test('the poll has an end of its own', async () => {
  const poll = await opened({ open: true, closes: new Date(Date.now() - 1).toISOString() });
  const { document } = await ballot(poll);
  const error = await refused(document.set({ choice: 'yes' }), 'the end is over');
  assert.equal(tail(error.message).rule, 'in-time', error.message);
  await settings(poll, { open: true, closes: new Date(Date.now() + 3_600_000).toISOString() });
  await document.set({ choice: 'yes' });
});

test('what nobody has opened is no poll, and no client opens one', async () => {
  const poll = fresh('poll');
  const voter = fresh('voter');
  const socket = await airlock.socket(voter);
  const vote = await socket.request('POST', path('Documents'), { unique_name: `ballots/${poll}/${voter}`, data: { choice: 'yes' } });
  assert.equal(tail(vote.body.message)?.rule, 'lookup', vote.text);
  const open = await socket.request('POST', path('Documents'), { unique_name: `polls/${poll}/settings`, data: { open: true } });
  assert.deepEqual([open.status, open.body.code], [403, 54007]);
});

test('the tally is the same after a crash', async () => {
  const poll = await opened();
  const voters = await Promise.all(Array.from({ length: 3 }, () => ballot(poll)));
  for (const [at, { document }] of voters.entries()) await document.set({ choice: CHOICES[at] });
  await voters[0].document.set({});
  const before = await airlock.document(`polls/${poll}/tally`);
  assert.deepEqual(before, counted(['no', 'abstain']));
  await airlock.kill9();
  await airlock.restart();
  assert.deepEqual(await airlock.document(`polls/${poll}/tally`), before);
  const { document } = await ballot(poll);
  await document.set({ choice: 'no' });
  assert.deepEqual(await airlock.document(`polls/${poll}/tally`), counted(['no', 'abstain', 'no']));
});

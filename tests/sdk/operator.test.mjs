// What an operator is told and can choose: what ACL would deny, identities in the log, hosted rates, a key that is taken back.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Airlock, canary, fresh, path, refused } from './support.mjs';
import { next, within } from './waiting.mjs';

const hex = (bytes) => randomBytes(bytes).toString('hex');

async function run(options, then) {
  const airlock = await Airlock.start(options);
  try {
    return await then(airlock);
  } finally {
    await airlock.stop();
  }
}

test('with ACL off, what ACL would deny is allowed, counted and told: the first of a minute at once', () =>
  run({ log: 'debug', service: { FriendlyName: 'open' } }, async (airlock) => {
    const [name, ada, bob] = [fresh('doc'), fresh('ada'), fresh('bob')];
    await (await airlock.client(ada)).document(name);
    assert.equal(airlock.lines().find((it) => it['acl.would_deny']), undefined, 'what is one\'s own is never counted');
    const seen = await (await airlock.client(bob)).document(name);
    await seen.set({ by: 'bob' });
    const told = (what) => airlock.logged((it) => it['acl.would_deny'] === 1 && it['call.kind'] === what, `${what} would be denied`);
    const read = await told('read');
    assert.deepEqual([read.level, read['caller.identity'], read['object.name']], ['INFO', bob, name]);
    assert.equal((await told('change')).level, 'DEBUG', 'the second of the minute is only counted');
    const { status, body } = await airlock.backend('GET', airlock.at('Documents', name));
    assert.deepEqual([status, body.created_by, body.data], [200, ada, { by: 'bob' }], 'identities are recorded, not enforced');
  }));

test('an identity that looks like personal data is warned of once a service, without it', () =>
  run({}, async (airlock) => {
    const mail = `${fresh('ada')}@example.org`;
    for (const identity of [mail, `x${mail}`, mail]) await airlock.client(identity);
    const looks = () => airlock.lines().filter((it) => it.level === 'WARN' && /looks like an e-mail address/.test(it.message));
    await airlock.logged(() => looks().length, 'the warning');
    await airlock.client('+49 30 1234567');
    await airlock.logged((it) => /looks like a phone number/.test(it.message), 'the other warning');
    assert.equal(looks().length, 1);
    assert.ok(!JSON.stringify(looks()).includes(mail));
  }));

test('--log-identities hashed: no line names anybody, and one identity has one alias', () =>
  run({ log: 'debug', args: ['--log-identities', 'hashed'] }, async (airlock) => {
    const [ada, other, capital] = [canary('ada'), canary('bob'), canary('Eve')];
    const client = await airlock.client(ada, { claims: { name: 'A' } });
    await (await client.document(`cursors/7/${ada}`)).set({ x: 1, y: 1 });
    await refused(client.document(`cursors/7/${other}`));
    await refused((await client.document(`cursors/8/${ada}`)).set({ x: 'no' }));
    // Another's name in a path, the backend's names, and identities that look like a word of the path.
    for (const name of [`cursors/7/${ada}`, `cursors/7/${other}`, capital, 'zoe']) {
      await fetch(`${airlock.url}${path('Documents', name)}`, { headers: { Authorization: `Bearer ${airlock.token(ada)}` } });
    }
    await airlock.client('zoe');
    assert.equal((await airlock.backend('POST', airlock.at('Documents'), { UniqueName: `notes/${capital}/zoe` })).status, 201);
    const line = await airlock.logged((it) => /admitted/.test(it.message) && it['caller.kind'] === 'client', 'an admitted change');
    const alias = line['caller.identity'];
    assert.match(alias, /^#[0-9a-f]{16}$/);
    assert.match(line['object.name'], /^#[0-9a-f]{16}\/#[0-9a-f]{16}\/#[0-9a-f]{16}$/);
    assert.ok(line['object.name'].endsWith(`/${alias}`), 'whose it is shows');
    const refusal = await airlock.logged((it) => /refused/.test(it.message) && it['rule.name'] === 'schema', 'a refusal');
    assert.equal(refusal['caller.identity'], alias);
    const request = await airlock.logged((it) => /\/v3\/Documents\//.test(it['request.path']), 'a request');
    assert.match(request['request.path'], /^\/v3\/Documents(\/\*)+$/);
    await airlock.terminate();
    for (const name of [ada, other, capital, 'zoe']) assert.ok(!airlock.raw.stderr.includes(name), `${name} is nowhere in the log`);
  }));

test('--sync-limits hosted: a window of writes to one object may be spent at once, then 429 with a time', () =>
  run({ args: ['--sync-limits', 'hosted'] }, async (airlock) => {
    const name = fresh('doc');
    assert.equal((await airlock.backend('POST', airlock.at('Documents'), { UniqueName: name })).status, 201);
    const large = JSON.stringify({ text: 'x'.repeat(12_000) }); // ten tokens each
    const answers = [];
    for (let n = 0; n < 30; n += 1) answers.push(await airlock.backend('POST', airlock.at('Documents', name), { Data: large }));
    const done = answers.filter((it) => it.status === 200).length;
    assert.ok(20 <= done && done < 30, `${done} of 30 large writes`);
    const late = answers.find((it) => it.status === 429);
    assert.equal(late.body.code, 54_009);
    assert.ok(0 < Number(late.headers.get('retry-after')));
    const other = fresh('doc');
    await airlock.backend('POST', airlock.at('Documents'), { UniqueName: other });
    assert.equal((await airlock.backend('POST', airlock.at('Documents', other), { Data: large })).status, 200, 'each object for itself');
  }));

test('without the flag Sync\'s rates do not hold', () =>
  run({}, async (airlock) => {
    const name = fresh('doc');
    await airlock.backend('POST', airlock.at('Documents'), { UniqueName: name });
    const large = JSON.stringify({ text: 'x'.repeat(12_000) });
    for (let n = 0; n < 30; n += 1) assert.equal((await airlock.backend('POST', airlock.at('Documents', name), { Data: large })).status, 200);
  }));

test('a key that is taken back: its tokens end with the next start, those of another key go on', () =>
  run({}, async (airlock) => {
    const [second, secret] = [`SK${hex(16)}`, hex(24)];
    const both = `${airlock.account.key}:${airlock.account.secret},${second}:${secret}`;
    airlock.env = { AIRLOCK_API_KEYS: both };
    await airlock.restart();
    const other = { ...airlock.account, key: second, secret };
    const { token } = await import('./tokens.mjs');
    const jwt = (account) => token(account, fresh('ada'), { service: airlock.service });
    const [kept, taken] = [airlock.anyClient(jwt(airlock.account)), airlock.anyClient(jwt(other))];
    const up = (client) => within(new Promise((done) => {
      const look = () => client.connectionState === 'connected' && done();
      client.on('connectionStateChanged', look);
      look();
    }), 'connected', 20_000);
    await Promise.all([up(kept), up(taken)]);
    const denied = next(taken, 'connectionStateChanged', { test: () => taken.connectionState === 'denied', ms: 20_000, what: 'denied' });
    airlock.env = {};
    await airlock.restart();
    await denied;
    await up(kept);
  }));

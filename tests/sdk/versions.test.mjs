// The newest release of each major of Sync's libraries that people still run, against one server: twelve steps each, and
// no error that nobody caught. Each runs in a process of its own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Airlock, fresh } from './support.mjs';
import { within } from './waiting.mjs';

const STEPS = 12;
const CLIENTS = ['twilio-sync-0.12', 'twilio-sync-0.13', 'twilio-sync-1', 'twilio-sync-2', 'twilio-sync-3.0', 'twilio-sync-3', 'twilio-sync'];
const SERVERS = ['twilio-3', 'twilio-4', 'twilio-5', 'twilio'];
const here = fileURLToPath(new URL('./versions/', import.meta.url));
const version = (alias) => JSON.parse(readFileSync(join(here, '../node_modules', alias, 'package.json'), 'utf8')).version;

let airlock;
before(async () => {
  airlock = await Airlock.start({ service: { FriendlyName: 'versions', AclEnabled: 'false' } });
});
after(() => airlock?.stop());

/** Runs one script with one package, and gives what it printed. */
async function run(script, alias, smoke) {
  const child = spawn(process.execPath, [join(here, script), alias], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, SMOKE: JSON.stringify(smoke) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => { said.out += text; });
  child.stderr.on('data', (text) => { said.err += text; });
  const ended = new Promise((done) => child.once('close', done));
  const code = await within(ended, () => `${script} ${alias} ends: ${said.out.slice(-600)}`, 120_000).finally(() => child.kill('SIGKILL'));
  return { code, err: said.err, lines: said.out.split('\n').filter(Boolean).map((line) => JSON.parse(line)) };
}

/** All steps passed, and nothing was thrown past them. */
function passed({ code, err, lines }) {
  assert.deepEqual(lines.filter((it) => it.ok === false || it.uncaught), [], err);
  assert.deepEqual(lines.filter((it) => it.ok).map((it) => it.step), Array.from({ length: STEPS }, (_, n) => n + 1), err);
  assert.equal(code, 0, err);
}

for (const alias of CLIENTS) {
  test(`twilio-sync ${version(alias)}: ${STEPS} steps, and nothing thrown in the page`, async () => {
    const closed = `cursors/7/${fresh('nobody')}`;
    const who = (word) => airlock.token(fresh(word));
    const [ada, guest] = [fresh('ada'), airlock.token(fresh('guest'))];
    const smoke = { port: airlock.port, ada: airlock.token(ada), renewed: airlock.token(ada, { ttl: 1_800 }), ben: who('ben'), guest, closed };
    passed(await run('sync.mjs', alias, smoke));
  });
}

for (const alias of SERVERS) {
  test(`twilio ${version(alias)}: ${STEPS} steps`, async () => {
    const { account, url, service } = airlock;
    passed(await run('rest.mjs', alias, { account, url, service }));
  });
}

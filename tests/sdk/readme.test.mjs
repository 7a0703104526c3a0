// What README tells a newcomer to paste, pasted: the snippet for the SDK, the lines with `curl`, the page of `dev`; and the flags that it names.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { binary, run } from './support.mjs';
import { until, within } from './waiting.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const migrating = readFileSync(join(root, 'docs/MIGRATING.md'), 'utf8');
const PORT = '127.0.0.1:8080';

/** The blocks of code in this language. */
const blocks = (text, language) => [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((it) => it[1]);

let folder;
let dev;
let exited;
let port;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-readme-'));
  symlinkSync(binary, join(folder, 'airlock'));
  symlinkSync(join(root, 'policies'), join(folder, 'policies'));
  symlinkSync(join(root, 'tests/sdk/node_modules'), join(folder, 'node_modules'));
  const args = ['dev', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--port-file', 'port'];
  dev = spawn(binary, args, { cwd: folder, env: { PATH: process.env.PATH }, stdio: 'ignore' });
  exited = new Promise((done) => dev.once('close', done));
  const written = () => {
    try {
      return /(\d+)\s*$/.exec(readFileSync(join(folder, 'port'), 'utf8'));
    } catch {
      return null;
    }
  };
  port = (await until(written, 'dev is ready', 30_000))[1];
});
after(async () => {
  dev?.kill('SIGTERM');
  await exited;
  rmSync(folder, { recursive: true, force: true });
});

const here = (text) => text.replaceAll(PORT, `127.0.0.1:${port}`);

test('the snippet shows something when it is pasted: what bob sees of ada', async () => {
  const snippet = blocks(readme, 'js').find((it) => it.includes("'twilio-sync'"));
  assert.ok(snippet.includes(PORT), 'it names the port of `dev`');
  writeFileSync(join(folder, 'cursors.mjs'), here(snippet));
  // As it is pasted, and again: then the object is there already.
  for (let time = 0; time < 2; time += 1) {
    const child = spawn(process.execPath, ['cursors.mjs'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => { out += data; });
    child.stderr.on('data', (data) => { err += data; });
    const ended = new Promise((done) => child.once('close', done));
    try {
      await within(Promise.race([until(() => /bob sees ada/.test(out) && out.includes('}'), 'something is shown', 30_000), ended]), 'something is shown', 40_000);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    assert.match(out, /bob sees ada \{[^}]*x: 5/, err);
    assert.ok(!out.includes('brush'), 'and no tool');
  }
});

test('the lines with curl write something and show it', (t) => {
  if (spawnSync('curl', ['--version']).error) return t.skip('there is no curl');
  const lines = blocks(readme, 'sh').find((it) => it.includes('curl '));
  const shell = spawnSync('bash', ['-c', here(lines)], { cwd: folder, env: { PATH: `${folder}:${process.env.PATH}` }, encoding: 'utf8', timeout: 60_000 });
  const out = shell.stdout;
  assert.match(out, /"unique_name":"status\/ada"/, shell.stderr);
  assert.match(out, /"unique_name":"people\/ada\/status"/);
  assert.equal(out.match(/"status":"at the beach"/g)?.length >= 2, true, 'it is read, and told by the stream');
  assert.match(out, /event: established/);
});

test('`/` of dev is a page of three paragraphs, and its links lead somewhere', async () => {
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'text/html; charset=utf-8']);
  assert.match(answer.headers.get('content-security-policy'), /default-src 'none'/);
  const page = await answer.text();
  assert.equal(page.match(/<p>/g).length, 3);
  const links = [...page.matchAll(/href="([^"]+)"/g)].map((it) => it[1]);
  assert.ok(links.length >= 4);
  for (const link of links) assert.equal((await fetch(link)).status, 200, link);
});

const FLAG = /--[a-z][a-z-]+/g;
const VARIABLE = /AIRLOCK_[A-Z_]+/g;
/** Flags of commands that are not ours. */
const FOREIGN = new Set(['--release', '--long', '--max-time']);

test('each flag and each variable that is named is the binary\'s, and each of the server\'s is named', async () => {
  const helps = new Map();
  const commands = [['serve'], ['dev'], ['token'], ['health'], ['verify'], ['policy'], ...['check', 'test', 'new', 'schema', 'types'].map((it) => ['policy', it])];
  for (const command of commands) helps.set(command.join(' '), (await run([...command, '--help'])).stdout);
  const all = [...helps.values()].join('\n');
  const named = (text, what) => new Set(text.match(what) ?? []);
  const credentials = (await run(['serve'])).stderr;
  for (const [page, text] of [['README.md', readme], ['MIGRATING.md', migrating]]) {
    for (const flag of named(text, FLAG)) {
      if (!FOREIGN.has(flag)) assert.ok(named(all, FLAG).has(flag), `${page} names ${flag}, which no command has`);
    }
    for (const variable of named(text, VARIABLE)) {
      assert.ok(all.includes(`[env: ${variable}=`) || credentials.includes(variable), `${page} names ${variable}, which nothing reads`);
    }
  }
  const server = helps.get('serve');
  const table = readme.slice(readme.indexOf('## Configuration'), readme.indexOf('Exit codes:'));
  for (const flag of named(server, FLAG)) if (flag !== '--help') assert.ok(table.includes(`\`${flag}\``), `README does not name ${flag}`);
  for (const [, variable] of server.matchAll(/\[env: (AIRLOCK_[A-Z_]+)=/g)) assert.ok(table.includes(`\`${variable}\``), `README does not name ${variable}`);
});

test('each flag and each variable of the table is taken with the default that the table tells', async () => {
  const table = readme.slice(readme.indexOf('## Configuration'), readme.indexOf('Exit codes:'));
  const cells = (line) => line.split('|').slice(1, 4).map((it) => it.replaceAll('`', '').trim());
  const rows = table.split('\n').filter((it) => /^\| (`--| \| `AIRLOCK_|\| `AIRLOCK_)/.test(it)).map(cells);
  assert.ok(rows.length > 20, `${rows.length} rows`);
  const sample = { '--port-file': 'port', '--public-url': 'https://sync.example.com', '--allow-origin': 'https://app.example.com', '--trusted-proxy': '10.0.0.0/8' };
  for (const row of rows) {
    const [flag, variable, told] = row;
    if (!flag) continue;
    const value = sample[flag] ?? told;
    const args = value === 'true' || value === 'false' ? [flag] : [flag, value];
    // The credentials are asked for once the flags are understood.
    const byFlag = await run(['serve', ...args]);
    assert.deepEqual([byFlag.code, /AIRLOCK_ACCOUNT_SID is not set/.test(byFlag.stderr)], [2, true], `${args.join(' ')}: ${byFlag.stderr}`);
    if (!variable) continue;
    const byVariable = await run(['serve'], { [variable]: value });
    assert.match(byVariable.stderr, /AIRLOCK_ACCOUNT_SID is not set/, `${variable}=${value}`);
  }
});

test('the shortest secrets that the table tells are taken, and one letter less is not', async () => {
  const least = Number(/its auth token, (\d+) characters or more/.exec(readme)[1]);
  assert.equal(Number(/what you choose, (\d+) characters or more/.exec(migrating)[1]), least);
  const env = { AIRLOCK_ACCOUNT_SID: `AC${'0'.repeat(32)}`, AIRLOCK_API_KEYS: `SK${'1'.repeat(32)}:${'s'.repeat(32)}` };
  const ends = async (token) => (await run(['serve', '--policies', join(folder, 'none')], { ...env, AIRLOCK_AUTH_TOKEN: token })).stderr;
  assert.match(await ends('t'.repeat(least - 1)), /AIRLOCK_AUTH_TOKEN has fewer than/);
  assert.doesNotMatch(await ends('t'.repeat(least)), /AIRLOCK_AUTH_TOKEN/);
});

test('with --log-format json the reason of a start that fails is an event like all others', async () => {
  const lines = (text) => text.trim().split('\n').map((it) => JSON.parse(it));
  const [usage] = lines((await run(['serve', '--log-format', 'json'])).stderr);
  assert.deepEqual([usage.level, /AIRLOCK_ACCOUNT_SID/.test(usage.error), usage.help.length > 0], ['ERROR', true, true]);
  const taken = await run(['dev', '--log-format', 'json', '--data', join(folder, 'other'), '--listen', `127.0.0.1:${port}`, '--admin-listen', '127.0.0.1:0', '--policies', join(root, 'policies')]);
  const failed = lines(taken.stderr).find((it) => it.level === 'ERROR');
  assert.deepEqual([taken.code, failed.message], [3, 'the server failed']);
  const faulty = mkdtempSync(join(folder, 'faulty-'));
  writeFileSync(join(faulty, 'policy.toml'), 'keey = 1\n');
  const refused = await run(['dev', '--log-format', 'json', '--data', join(folder, 'other'), '--policies', faulty]);
  const faults = lines(refused.stderr);
  assert.equal(refused.code, 1);
  assert.ok(faults.length > 0 && faults.every((it) => it.message === 'a policy has a fault' && it.line > 0), refused.stderr);
});

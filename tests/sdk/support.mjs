// Starts the real server, and speaks to it as a backend, as an SDK client and as a raw socket.
//
// AIRLOCK_BIN names the binary; without it the one of the `ci` profile is taken.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import sync from 'twilio-sync';
import { Cable } from './cable.mjs';
import { Socket } from './socket.mjs';
import { token } from './tokens.mjs';
import { next, until, within } from './waiting.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
export const binary = resolve(process.env.AIRLOCK_BIN ?? join(here, '../../target/ci/airlock'));
export const long = process.env.AIRLOCK_LONG === '1';

const hex = (bytes) => randomBytes(bytes).toString('hex');
let names = 0;
/** A name nobody else uses: limits and quotas of one test never touch another. */
export const fresh = (word) => `${word}-${process.pid}-${++names}`;
/** A rare string, to be looked for where it must not be. */
export const canary = (word) => `canary-${word}-${hex(8)}`;

const living = new Set();
process.on('exit', () => living.forEach((child) => child.kill('SIGKILL')));

/** Runs the binary to its end. */
export function run(args, env = {}, { ms = 20_000 } = {}) {
  const child = spawn(binary, args, { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  living.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => { stdout += data; });
  child.stderr.on('data', (data) => { stderr += data; });
  return within(new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => {
      living.delete(child);
      done({ code, signal, stdout, stderr });
    });
  }), `\`airlock ${args.join(' ')}\` ends`, ms).finally(() => child.kill('SIGKILL'));
}

export class Airlock {
  /** A server on free ports with an empty store, and a service with ACL on. */
  static async start({ policies = 'policies', log = 'info', args = [], env = {}, service = { FriendlyName: 'tests', AclEnabled: 'true' }, deaf = false } = {}) {
    const airlock = new Airlock();
    airlock.folder = mkdtempSync(join(tmpdir(), 'airlock-sdk-'));
    airlock.policies = resolve(here, policies);
    airlock.account = { sid: `AC${hex(16)}`, token: hex(16), key: `SK${hex(16)}`, secret: hex(24) };
    airlock.log = log;
    airlock.args = args;
    airlock.env = env;
    airlock.deaf = deaf; // nobody reads what the server says on standard error
    airlock.listen = '127.0.0.1:0';
    airlock.admin = '127.0.0.1:0';
    airlock.clients = new Set();
    airlock.sockets = new Set();
    airlock.cables = new Set();
    airlock.raw = { stdout: '', stderr: '' }; // over all its lives
    airlock.starts = 0;
    try {
      await airlock.spawn();
      if (service) airlock.service = (await airlock.backend('POST', '/v1/Services', service)).body.sid;
    } catch (error) {
      await airlock.stop();
      throw error;
    }
    return airlock;
  }

  environment() {
    const { sid, token: secret, key, secret: keySecret } = this.account;
    return {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      RUST_BACKTRACE: '1',
      AIRLOCK_ACCOUNT_SID: sid,
      AIRLOCK_AUTH_TOKEN: secret,
      AIRLOCK_API_KEYS: `${key}:${keySecret}`,
      ...this.env,
    };
  }

  async spawn() {
    const portFile = join(this.folder, 'port');
    rmSync(portFile, { force: true });
    this.starts += 1;
    const child = spawn(binary, [
      'serve', '--listen', this.listen, '--admin-listen', this.admin, '--port-file', portFile,
      '--data', join(this.folder, 'data'), '--policies', this.policies, '--log-format', 'json', '--log', this.log, ...this.args,
    ], { env: this.environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    living.add(child);
    this.child = child;
    let own = '';
    for (const stream of this.deaf ? ['stdout'] : ['stdout', 'stderr']) {
      child[stream].setEncoding('utf8');
      child[stream].on('data', (text) => { this.raw[stream] += text; own += text; });
    }
    this.exited = new Promise((done) => {
      child.once('error', (error) => done({ error }));
      child.once('close', (code, signal) => {
        living.delete(child);
        done({ code, signal });
      });
    });
    const ended = this.exited.then((how) => {
      throw new Error(`the server ended before it was ready: ${how.error ?? JSON.stringify(how)}\n${own}`);
    });
    ended.catch(() => {});
    const ready = until(() => {
      if (child.exitCode !== null) return true;
      const text = existsSync(portFile) ? readFileSync(portFile, 'utf8') : '';
      return /(\d+)\s*$/.exec(text);
    }, 'the port file is written', 30_000);
    const port = await Promise.race([ready, ended]);
    if (port === true) await ended;
    this.port = Number(port[1]);
    this.listen = `127.0.0.1:${this.port}`; // the same place after a restart: clients come back to it
  }

  /** Resident memory of the server. */
  residentBytes() {
    const line = readFileSync(`/proc/${this.child.pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB$/m);
    return Number(line[1]) * 1024;
  }

  get url() { return `http://127.0.0.1:${this.port}`; }
  get ws() { return `ws://127.0.0.1:${this.port}/v3/wsconnect`; }

  async kill9() {
    this.child.kill('SIGKILL');
    return within(this.exited, 'the server is dead');
  }

  /** SIGTERM, and the exit that follows. */
  async terminate() {
    this.child.kill('SIGTERM');
    return within(this.exited, 'the server ends after SIGTERM', 20_000);
  }

  async restart() {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.terminate();
    await this.spawn();
  }

  /** The end of the test: clients, sockets, process, folder. */
  async stop() {
    // A client that is coming back cannot be shut down: its socket throws at whoever closes it early. It ends with the process.
    for (const client of this.clients) if (client.connectionState === 'connected') client.shutdown().catch(() => {});
    for (const socket of this.sockets) socket.close();
    for (const cable of this.cables) cable.close();
    if (this.child && this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
      const forced = setTimeout(() => this.child.kill('SIGKILL'), 5_000);
      await this.exited;
      clearTimeout(forced);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The log so far, one object per line, with fields and span fields laid flat. */
  lines() {
    return `${this.raw.stdout}\n${this.raw.stderr}`.split('\n').filter((line) => line.startsWith('{')).flatMap((line) => {
      try {
        const json = JSON.parse(line);
        const spans = [...(json.spans ?? []), json.span ?? {}].map(({ name, ...fields }) => fields);
        return [Object.assign({}, ...spans, json, json.fields)];
      } catch {
        return [];
      }
    });
  }

  /** Waits for a log line: the log is written beside the answer, not before it. */
  logged(test, what) {
    return until(() => this.lines().find(test), `log: ${what}`);
  }

  /** A REST request as a backend. `form` is an object or pairs. */
  async backend(method, path, form, { headers = {}, user = this.account.key, password = this.account.secret } = {}) {
    const response = await fetch(path.startsWith('http') ? path : this.url + path, {
      method,
      redirect: 'manual',
      headers: { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`, ...headers },
      body: form === undefined ? undefined : new URLSearchParams(form),
    });
    const text = await response.text();
    const json = /^application\/json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: json && text ? JSON.parse(text) : undefined };
  }

  /** A path under the service, segments encoded. */
  at(...segments) {
    return `/v1/Services/${this.service}/${segments.map(encodeURIComponent).join('/')}`;
  }

  /** What stands, as a backend sees it: the data of a document, or null. */
  async document(name) {
    const { status, body } = await this.backend('GET', this.at('Documents', name));
    return status === 200 ? body.data : null;
  }

  /** The items of a map or list as a backend sees them, in order; none when it does not stand. */
  async allItems(kind, name) {
    const found = [];
    let page = `${this.at(kind, name, 'Items')}?PageSize=100`;
    while (page) {
      const { status, body } = await this.backend('GET', page);
      if (status === 404) return [];
      assert.equal(status, 200, `items of ${name}: ${JSON.stringify(body)}`);
      found.push(...body.items);
      page = body.meta.next_page_url;
    }
    return found;
  }

  /** The entries of a map, key to data. */
  async entries(name) {
    return Object.fromEntries((await this.allItems('Maps', name)).map((item) => [item.key, item.data]));
  }

  /** The items of a list: pairs of index and data, in order. */
  async list(name) {
    return (await this.allItems('Lists', name)).map((item) => [item.index, item.data]);
  }

  /** Lets an identity do what `rights` says (a string of `r`, `w`, `m`) with one object, over REST. */
  async grant(kind, name, identity, rights, service = this.service) {
    const form = { Read: String(rights.includes('r')), Write: String(rights.includes('w')), Manage: String(rights.includes('m')) };
    const where = `/v1/Services/${service}/${[kind, name, 'Permissions', identity].map(encodeURIComponent).join('/')}`;
    const answer = await this.backend('POST', where, form);
    assert.equal(answer.status, 200, `grant ${rights} on ${name} to ${identity}: ${answer.text}`);
    return answer.body;
  }

  token(identity, options = {}) {
    return token(this.account, identity, { service: this.service, ...options });
  }

  /** A line to the server that can be cut: SDK clients and sockets that use its `ws` are away until it is mended. */
  async cable() {
    const cable = await Cable.open(this.port);
    this.cables.add(cable);
    return cable;
  }

  /** An SDK client that need not connect; `uri` is another way to the server. */
  anyClient(jwt, uri = this.ws) {
    const client = new sync.SyncClient(jwt, { Twilsock: { uri }, logLevel: 'silent' });
    client.states = [];
    client.on('connectionStateChanged', (state) => client.states.push(state));
    this.clients.add(client);
    return client;
  }

  /** A connected SDK client. */
  async client(identity, { cable, ...options } = {}) {
    const client = this.anyClient(this.token(identity, options), cable?.ws);
    await connected(client);
    return client;
  }

  async anySocket() {
    const socket = await Socket.open(this.ws);
    this.sockets.add(socket);
    return socket;
  }

  /** A raw socket that has passed `init`. */
  async socket(identity, options = {}) {
    const socket = await this.anySocket();
    const reply = await socket.init(this.token(identity, options));
    assert.equal(reply.status?.code, 200, `init of ${identity}: ${JSON.stringify(reply)}`);
    return socket;
  }

  healthy() {
    return fetch(`${this.url}/health`).then((response) => response.status === 200, () => false);
  }
}

export async function connected(client, ms = 20_000) {
  if (client.connectionState === 'connected') return;
  await next(client, 'connectionStateChanged', { test: () => client.connectionState === 'connected', ms, what: 'connected' });
}

/** Resolves when the server says that the subscription of this object stands. */
export async function subscribed(object) {
  const entity = object.syncDocumentImpl ?? object.syncMapImpl ?? object.syncListImpl ?? object.syncStreamImpl;
  await until(() => entity.subscriptionState === 'established', `subscription of ${object.uniqueName ?? object.sid}`);
  return object;
}

/** The error a promise ends with. */
export async function refused(promise, what = 'it is refused') {
  const how = await within(promise.then((value) => ({ value }), (error) => ({ error })), what);
  assert.ok(how.error, `${what}, yet it went through: ${JSON.stringify(how.value)?.slice(0, 200)}`);
  return how.error;
}

/** The fixed tail of a refusal's message, parsed; null when there is none. */
export function tail(message) {
  const found = /\[((?:policy|rule|at|retry_ms|decision)=[^\]]*)\](?: \(status: \d+, code: \d+\))?$/.exec(message);
  if (!found) return null;
  return Object.fromEntries(found[1].split(' ').map((pair) => {
    const cut = pair.indexOf('=');
    return [pair.slice(0, cut), pair.slice(cut + 1)];
  }));
}

/** Own codes: 72000 to 72999. */
export const ownCode = (code) => Number.isInteger(code) && 72_000 <= code && code <= 72_999;

/** Documents and map items of the SDK plane, encoded as the SDK encodes them. */
export const path = (...segments) => `/v3/${segments.map(encodeURIComponent).join('/')}`;
/** The path inside an absolute url that the server gave. */
export const pathOf = (url) => new URL(url).pathname;

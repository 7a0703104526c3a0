// Starts the real server and speaks to it, with the library and with bare HTTP.
//
// AIRLOCK_BIN names the binary; without it the one of the `ci` profile is taken.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import twilio from 'twilio';

// Both would rewrite the host (sync-rest, 2).
delete process.env.TWILIO_REGION;
delete process.env.TWILIO_EDGE;

const root = fileURLToPath(new URL('../../..', import.meta.url));
export const binary = resolve(process.env.AIRLOCK_BIN ?? join(root, 'target/ci/airlock'));
const hex = (bytes) => randomBytes(bytes).toString('hex');

let names = 0;
/** A name nobody else uses. */
export const fresh = (word) => `${word}-${++names}`;
/** A text as one segment of a path. */
export const segment = encodeURIComponent;

const living = new Set();
process.on('exit', () => living.forEach((child) => child.kill('SIGKILL')));

export class Airlock {
  /** A server on a free port with an empty store and the sample policies. */
  static async start() {
    const airlock = new Airlock();
    airlock.folder = mkdtempSync(join(tmpdir(), 'airlock-rest-'));
    airlock.account = { sid: `AC${hex(16)}`, token: hex(16), key: `SK${hex(16)}`, secret: hex(24) };
    airlock.agent = new Agent({ keepAlive: true });
    try {
      await airlock.spawn();
    } catch (error) {
      await airlock.stop();
      throw error;
    }
    return airlock;
  }

  async spawn() {
    const portFile = join(this.folder, 'port');
    const { sid, token, key, secret } = this.account;
    this.child = spawn(binary, [
      'serve', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--port-file', portFile,
      '--data', join(this.folder, 'data'), '--policies', join(root, 'policies'), '--log', 'warn',
    ], {
      env: { PATH: process.env.PATH, RUST_BACKTRACE: '1', AIRLOCK_ACCOUNT_SID: sid, AIRLOCK_AUTH_TOKEN: token, AIRLOCK_API_KEYS: `${key}:${secret}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    living.add(this.child);
    let told = '';
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (data) => { told += data; });
    this.exited = new Promise((done) => {
      this.child.once('error', done);
      this.child.once('close', done);
    }).finally(() => living.delete(this.child));
    const deadline = Date.now() + 30_000;
    let found;
    while (!(found = existsSync(portFile) && /(\d+)\s*$/.exec(readFileSync(portFile, 'utf8')))) {
      if (this.child.exitCode !== null || deadline < Date.now()) throw new Error(`the server is not there: ${told}`);
      await pause(20);
    }
    this.port = Number(found[1]);
    this.url = `http://127.0.0.1:${this.port}`;
  }

  async stop() {
    this.agent.destroy();
    if (this.child?.exitCode === null) {
      this.child.kill('SIGKILL');
      await this.exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The library, pointed here as its users do (sync-rest, 2). */
  client(options = {}) {
    const client = twilio(this.account.key, this.account.secret, { accountSid: this.account.sid, ...options });
    client.sync.baseUrl = this.url;
    return client;
  }

  /** A new service: its context in the library, and bare requests beneath it. */
  async service(settings = {}) {
    const { sid } = await this.client().sync.v1.services.create(settings);
    const service = this.client().sync.v1.services(sid);
    return {
      sid, service,
      http: (method, path = '', form = undefined, headers = {}) => this.http(method, `/v1/Services/${sid}${path}`, form, headers),
      as: (identity, method, path, body) => this.as(identity, sid, method, path, body),
    };
  }

  /** One request as bytes on the wire. */
  http(method, path, form, headers = {}) {
    const body = form === undefined ? undefined : typeof form === 'string' ? form : new URLSearchParams(form).toString();
    const { key, secret } = this.account;
    return this.send(method, path, body, {
      authorization: `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}`,
      ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      ...headers,
    });
  }

  /** A request of an SDK client, with a token of the library's making. */
  as(identity, service, method, path, body) {
    const { AccessToken } = twilio.jwt;
    const token = new AccessToken(this.account.sid, this.account.key, this.account.secret, { identity, ttl: 3600 });
    token.addGrant(new AccessToken.SyncGrant({ serviceSid: service }));
    return this.send(method, `/v3${path}`, body === undefined ? undefined : JSON.stringify(body), {
      authorization: `Bearer ${token.toJwt()}`, 'content-type': 'application/json',
    });
  }

  send(method, path, body, headers) {
    return new Promise((done, failed) => {
      const sent = request({ host: '127.0.0.1', port: this.port, method, path: path.replace(this.url, ''), agent: this.agent, headers: { ...headers, 'content-length': Buffer.byteLength(body ?? '') } }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (data) => { text += data; });
        response.on('error', failed);
        response.on('end', () => {
          const json = /^application\/json/.test(response.headers['content-type'] ?? '');
          done({ status: response.statusCode, headers: response.headers, text, body: json && text ? JSON.parse(text) : undefined });
        });
      });
      sent.on('error', failed);
      sent.end(body);
    });
  }
}

/** The library rejects with what the reference says. */
export async function refused(status, code, promise, what = '') {
  const error = await promise.then((value) => assert.fail(`${what} it went through: ${JSON.stringify(value)}`), (it) => it);
  assert.deepEqual([error.status, error.code], [status, code], `${what} ${error.stack}`);
  return error;
}

/** The bare answer is the error that the reference says. */
export function fault({ status, body, text }, expected, code, what = '') {
  assert.equal(status, expected, `${what} ${text}`);
  assert.equal(body?.status, expected, `${what} ${text}`);
  if (code) assert.equal(body.code, code, `${what} ${text}`);
  return body;
}

/** Own codes of Airlock. */
export const ownCode = (code) => Number.isInteger(code) && 72_000 <= code && code <= 72_999;

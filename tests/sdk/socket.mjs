// A raw TWILSOCK V3.0 socket: sends what the SDK cannot send, and keeps every frame in the order it came.

import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';
import { within } from './waiting.mjs';

export function encode(header, payload = '') {
  const body = Buffer.from(payload);
  const head = Buffer.from(JSON.stringify({ ...header, payload_size: body.length }));
  return Buffer.concat([Buffer.from(`TWILSOCK V3.0 ${head.length}\r\n`), head, Buffer.from('\r\n'), body]);
}

export function decode(message) {
  const line = message.indexOf('\r\n');
  const magic = /^TWILSOCK V3\.0 (\d+)$/.exec(message.subarray(0, line).toString('latin1'));
  if (!magic) throw new Error(`not a frame: ${message.subarray(0, 40)}`);
  const start = line + 2;
  const end = start + Number(magic[1]);
  const head = message.subarray(start, end).toString();
  const header = JSON.parse(head);
  if (message.subarray(end, end + 2).toString() !== '\r\n') throw new Error('no CRLF behind the header');
  const text = message.subarray(end + 2, end + 2 + (header.payload_size ?? 0)).toString();
  const json = text && (header.payload_type ?? 'application/json').startsWith('application/json');
  return { header, head, text, body: json ? JSON.parse(text) : undefined };
}

export class Socket {
  /** Opens the WebSocket only; `init` comes next. */
  static async open(url) {
    const socket = new this();
    socket.ws = new WebSocket(url, { perMessageDeflate: false });
    socket.frames = [];        // everything received, in order
    socket.binary = true;      // stays true while the server keeps to binary messages
    socket.waiters = new Set();
    socket.acknowledge = true; // as the SDK does
    socket.closed = new Promise((resolve) => socket.ws.once('close', (code) => {
      socket.gone = true;
      resolve(code);
      socket.notify();
    }));
    socket.ws.on('message', (data, isBinary) => socket.receive(data, isBinary));
    socket.ws.on('error', () => {});
    await within(new Promise((resolve, reject) => {
      socket.ws.once('open', resolve);
      socket.ws.once('error', reject);
    }), 'the WebSocket opens');
    return socket;
  }

  receive(data, isBinary) {
    this.binary &&= isBinary;
    const frame = decode(Buffer.from(data));
    this.frames.push(frame);
    if (this.acknowledge && frame.header.method !== 'reply' && !this.gone) {
      this.ws.send(encode({ id: frame.header.id, method: 'reply', payload_type: 'application/json', status: { code: 200, status: 'OK' } }));
    }
    this.notify();
  }

  notify() {
    for (const waiter of [...this.waiters]) waiter();
  }

  /** Waits for a frame, present or future, for which `test` holds. */
  frame(test, what, ms) {
    return within(new Promise((resolve, reject) => {
      const look = () => {
        const found = this.frames.find(test);
        if (!found && !this.gone) return;
        this.waiters.delete(look);
        if (found) resolve(found);
        else reject(new Error(`the socket closed before: ${what}`));
      };
      this.waiters.add(look);
      look();
    }), what, ms);
  }

  send(header, payload) {
    this.ws.send(encode(header, payload));
  }

  sendRaw(bytes, options = { binary: true }) {
    this.ws.send(bytes, options);
  }

  reply(id, ms) {
    return this.frame((it) => it.header.method === 'reply' && it.header.id === id, `the reply to ${id}`, ms);
  }

  async init(token, { continuation = null } = {}) {
    const id = `TM${randomUUID()}`;
    this.send({
      id,
      method: 'init',
      token,
      continuation_token: continuation,
      metadata: { ver: '1.0.2', env: 'raw', type: 'sync', sdk: 'JS', sdkv: '4.0.1' },
      registrations: [{
        product: 'data_sync', type: 'ers', notification_protocol_version: 0,
        message_types: ['twilio.sync.event', 'com.twilio.rtd.cds.document', 'com.twilio.rtd.cds.list', 'com.twilio.rtd.cds.map'],
      }],
      tweaks: null,
      capabilities: ['client_update', 'offline_storage', 'telemetry.v1'],
    });
    return (await this.reply(id)).header;
  }

  async update(token) {
    const id = `TM${randomUUID()}`;
    this.send({ id, method: 'update', token });
    return (await this.reply(id)).header;
  }

  /** Sends one tunnelled request and returns its message id, without waiting. */
  start(method, path, body, { match, params = {}, request = randomUUID().replaceAll('-', '') } = {}) {
    const id = `TM${randomUUID()}`;
    const headers = { 'Content-Type': 'application/json', 'Twilio-Request-Id': `RQ${request}` };
    if (match !== undefined) headers['If-Match'] = match;
    const payload = method === 'DELETE' ? 'data_sync' : body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    this.send({
      id, method: 'message', active_grant: 'data_sync', payload_type: 'application/json',
      http_request: { host: 'cds.us1.twilio.com', path, method, params, headers },
    }, payload);
    return id;
  }

  async finish(id, ms) {
    const { header, head, body, text } = await this.reply(id, ms);
    if (header.status?.code !== 200) throw new Error(`transport status ${JSON.stringify(header.status)}`);
    return { status: header.http_status?.code, body, text, header, head };
  }

  request(method, path, body, options) {
    return this.finish(this.start(method, path, body, options));
  }

  notifications(type) {
    return this.frames.filter((it) => it.header.method === 'notification' && (!type || it.body.event_type === type)).map((it) => it.body);
  }

  /** Subscribes to one object; returns the events replayed and the last answer of this correlation. */
  async subscribe(sid, type, last) {
    const correlation = ++Socket.correlations;
    const reply = await this.request('POST', '/v4/Subscriptions', {
      event_protocol_version: 4, action: 'establish', correlation_id: correlation, retried_requests: 0, ttl_in_s: -1,
      requests: [{ object_sid: sid, object_type: type, last_event_id: last }],
    });
    const about = (it) => it.header.method === 'notification' && it.body.correlation_id === correlation
      && /^subscription_/.test(it.body.event_type);
    const from = this.frames.length;
    const end = await this.frame(about, `the answer to the subscription of ${sid}`);
    const answer = listed(end.body)[0];
    const replayed = this.frames
      .slice(0, this.frames.indexOf(end))
      .filter((it) => it.header.method === 'notification' && !/^subscription_/.test(it.body.event_type))
      .flatMap((it) => listed(it.body).map((event) => ({ type: it.body.event_type, ...event })))
      .filter((it) => sidOf(it) === sid);
    return { reply, from, kind: end.body.event_type, answer, replayed, correlation };
  }

  close() {
    this.ws.terminate();
    return this.closed;
  }
}
Socket.correlations = Date.now();

/** `event` and `events` are equivalent. */
export const listed = (body) => body.events ?? [body.event];
export const sidOf = (event) => event.document_sid ?? event.map_sid ?? event.list_sid ?? event.stream_sid;

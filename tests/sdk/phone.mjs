// A raw client that speaks as the Kotlin and Swift SDKs do (one core): header values and parameters in arrays, no size and no
// type without a payload, CRLF behind one, URLs from the templates of the configuration, subscriptions without much around them.

import { Socket, decode, listed } from './socket.mjs';

function encode(header, payload) {
  const body = payload === undefined ? undefined : Buffer.from(payload);
  const head = Buffer.from(JSON.stringify(body ? { ...header, payload_size: body.length } : header));
  const parts = [Buffer.from(`TWILSOCK V3.0 ${head.length}\r\n`), head, Buffer.from('\r\n')];
  return Buffer.concat(body ? [...parts, body, Buffer.from('\r\n')] : parts);
}

/** What the core's parser asks of each frame that the server sends. */
function parsed({ header, body }) {
  const fail = (what) => { throw new Error(`${what}: ${JSON.stringify(header)} ${JSON.stringify(body)}`); };
  if (typeof header.method !== 'string' || typeof header.id !== 'string') fail('method and id');
  for (const status of [header.status, header.http_status].filter(Boolean)) {
    if (typeof status.code !== 'number' || typeof status.status !== 'string') fail('a status is a number and a word');
  }
  if (Object.values(header.http_headers ?? {}).some((it) => typeof it === 'object')) fail('headers are primitive');
  if (header.method === 'notification' && /^subscription_/.test(body.event_type) && !(Array.isArray(body.events) && !('event' in body))) fail('terminal messages have `events`');
}

export class Phone {
  static async open(airlock, identity, options = {}) {
    const phone = new Phone();
    phone.socket = await Socket.open(airlock.ws);
    airlock.sockets.add(phone.socket);
    phone.socket.acknowledge = false;
    phone.numbers = 0;
    phone.faults = [];
    phone.socket.ws.on('message', (data) => {
      const frame = decode(Buffer.from(data));
      try {
        parsed(frame);
      } catch (fault) {
        phone.faults.push(fault.message);
      }
      if (frame.header.method !== 'reply') phone.send({ id: frame.header.id, method: 'reply', status: { code: 200, status: 'ok' } });
    });
    phone.token = airlock.token(identity, options);
    return phone;
  }

  /** A client that has started: `init`, then the configuration. */
  static async start(airlock, identity, options) {
    const phone = await Phone.open(airlock, identity, options);
    await phone.init();
    await phone.configure();
    return phone;
  }

  id() {
    this.numbers += 1;
    return `RQ${String(this.numbers).padStart(32, '0')}`;
  }

  send(header, payload) {
    this.socket.ws.send(encode(header, payload));
  }

  async init() {
    const id = this.id();
    this.send({
      id, method: 'init', token: this.token, capabilities: ['client_update', 'account_descriptor'],
      registrations: [{ product: 'data_sync', type: 'ers', notification_protocol_version: 4,
        message_types: ['twilio.sync.event', 'com.twilio.rtd.cds.document', 'com.twilio.rtd.cds.list', 'com.twilio.rtd.cds.map'] }],
      metadata: { env: 'jvm', envv: '17', os: 'Linux', osv: '6', osa: 'amd64', type: 'sync', sdk: 'kotlin', sdkv: '4.0', app: 'tests' },
    });
    const { header } = await this.socket.reply(id);
    this.account = header.account_descriptor;
    return header;
  }

  async update(token) {
    const id = this.id();
    this.send({ id, method: 'update', token });
    return (await this.socket.reply(id)).header;
  }

  /** A request to a URL; what comes back is status and body. */
  async request(method, url, body, { match, params = {}, request = this.id(), headers = true } = {}) {
    const { host, pathname } = new URL(url);
    const id = this.id();
    const own = { 'Twilio-Request-Id': [request], ...(body === undefined ? {} : { 'Content-Type': ['application/json'] }), ...(match === undefined ? {} : { 'If-Match': [match] }) };
    const header = {
      id, method: 'message', active_grant: 'data_sync',
      http_request: { host, path: pathname, method, params: Object.fromEntries(Object.entries(params).map(([key, value]) => [key, [String(value)]])), headers: headers ? own : {} },
    };
    const payload = body === undefined ? undefined : JSON.stringify(body);
    this.send(payload === undefined ? header : { ...header, payload_type: 'application/json' }, payload);
    const reply = await this.socket.reply(id);
    return { status: reply.header.http_status?.code, body: reply.body, header: reply.header };
  }

  async configure() {
    const answer = await this.request('GET', 'https://cds.us1.twilio.com/v3/Configuration');
    this.links = answer.body?.links;
    return answer;
  }

  /** A URL of the configuration with its places filled. */
  url(link, places = {}) {
    return Object.entries(places).reduce((url, [place, value]) => url.replaceAll(`{${place}}`, encodeURIComponent(value)), this.links[link]);
  }

  /** Sends one request for subscriptions; gives its reply and its correlation id. */
  async subscriptions(action, entries) {
    this.correlations = (this.correlations ?? 0) + 1;
    const type = `com.twilio.sync.subscriptions.${action === 'establish' ? 'Subscribe' : 'Unsubscribe'}`;
    const requests = entries.map((it) => ({ type, ...it }));
    const body = { event_protocol_version: 4, action, correlation_id: this.correlations, requests };
    return { correlation: this.correlations, ...await this.request('POST', this.links.subscriptions, body, { headers: false }) };
  }

  /** Subscribes to one object; resolves with its terminal message. */
  async subscribe(sid, type, last) {
    const entry = { object_sid: sid, object_type: type, ...(last === undefined ? {} : { last_event_id: last }) };
    const { status, correlation } = await this.subscriptions('establish', [entry]);
    const terminal = await this.terminal(correlation);
    return { status, correlation, kind: terminal.body.event_type, answer: listed(terminal.body)[0] };
  }

  terminal(correlation, type = /^subscription_/) {
    return this.socket.frame((it) => it.header.method === 'notification' && it.body.correlation_id === correlation && type.test(it.body.event_type), `the terminal message of ${correlation}`);
  }

  /** Waits for an event, past or future. */
  async event(type, test = () => true) {
    const found = await this.socket.frame((it) => it.header.method === 'notification' && it.body.event_type === type && listed(it.body).some(test), type);
    return { correlation: found.body.correlation_id, ...listed(found.body).find(test) };
  }

  events(type) {
    return this.socket.notifications(type).flatMap((it) => listed(it).map((event) => ({ correlation: it.correlation_id, ...event })));
  }
}

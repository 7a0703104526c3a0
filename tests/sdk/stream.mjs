// A client of server-sent events over plain fetch, with the parser of the WHATWG standard.

import { within } from './waiting.mjs';

/** Parses a text/event-stream as the standard says; calls back for each event, each comment and each retry. */
export class Parser {
  constructor({ onEvent, onComment = () => {}, onRetry = () => {} }) {
    Object.assign(this, { onEvent, onComment, onRetry, rest: '', lastEventId: '' });
    this.clear();
  }

  clear() {
    this.data = [];
    this.event = '';
  }

  write(text) {
    this.rest += text;
    const lines = this.rest.split('\n'); // the server sends line feeds only
    this.rest = lines.pop();
    for (const line of lines) this.line(line);
  }

  line(line) {
    if (line === '') {
      const { data, event, lastEventId } = this;
      this.clear();
      if (data.length) this.onEvent({ event: event || 'message', data: JSON.parse(data.join('\n')), lines: data.length, lastEventId });
      return;
    }
    if (line.startsWith(':')) {
      this.onComment(line);
      return;
    }
    const cut = line.indexOf(':');
    const [name, value] = cut < 0 ? [line, ''] : [line.slice(0, cut), line.slice(cut + 1).replace(/^ /, '')];
    if (name === 'data') this.data.push(value);
    else if (name === 'event') this.event = value;
    else if (name === 'id') this.lastEventId = value;
    else if (name === 'retry') this.onRetry(Number(value));
  }
}

const living = new Set();
/** Ends all streams of this process. */
export const closeAll = () => living.forEach((it) => it.close());

export class Stream {
  /** Opens a stream; `response` is set once the head is there. A refused one has a `problem` and no events. */
  static async open(url, { token, last, headers = {} } = {}) {
    const stream = new Stream();
    stream.seen = [];
    stream.comments = [];
    stream.retry = undefined;
    stream.waiters = new Set();
    stream.aborter = new AbortController();
    const all = { ...headers };
    if (token !== undefined) all.Authorization = `Bearer ${token}`;
    if (last !== undefined) all['Last-Event-ID'] = String(last);
    stream.response = await within(fetch(url, { headers: all, signal: stream.aborter.signal }), `the head of ${url}`);
    stream.status = stream.response.status;
    if (!/^text\/event-stream/.test(stream.response.headers.get('content-type') ?? '')) {
      stream.problem = await stream.response.json();
      return stream;
    }
    living.add(stream);
    stream.parser = new Parser({
      onEvent: (event) => stream.seen.push(event),
      onComment: (line) => stream.comments.push(line),
      onRetry: (ms) => { stream.retry = ms; },
    });
    stream.ended = stream.read();
    return stream;
  }

  /** Answers how it ended: 'end' or 'error'. */
  async read() {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.response.body) {
        this.parser.write(decoder.decode(chunk, { stream: true }));
        this.notify();
      }
      this.gone = 'end';
    } catch {
      this.gone = 'error';
    }
    living.delete(this);
    this.notify();
    return this.gone;
  }

  notify() {
    for (const waiter of [...this.waiters]) waiter();
  }

  /** The first event, past or future, for which `test` holds. */
  until(test, what, ms) {
    return within(new Promise((resolve, reject) => {
      const look = () => {
        const found = this.seen.find(test);
        if (!found && !this.gone) return;
        this.waiters.delete(look);
        if (found) resolve(found);
        else reject(new Error(`the stream ended (${this.gone}) before: ${what}; seen ${JSON.stringify(this.seen.slice(-3))}`));
      };
      this.waiters.add(look);
      look();
    }), () => `${what} (seen: ${JSON.stringify(this.seen.slice(-3))})`, ms);
  }

  established(ms) {
    return this.until((it) => it.event === 'established', 'established', ms);
  }

  end(ms) {
    return within(this.ended, 'the stream ends', ms);
  }

  get lastEventId() { return this.parser.lastEventId; }

  close() {
    this.aborter.abort();
    return this.ended;
  }
}

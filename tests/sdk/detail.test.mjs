// `detail = "code"`: what a refused client gets does not tell one policy from another. Each row holds policies that refuse
// with one code for reasons of their own. Over the socket, over HTTP and in the SDK the whole answers are equal, byte by byte;
// with `detail = "full"` they say what the policy's author has written.
//
// What may differ, and is set aside, but no more: the id that the client itself gave its request, the date, the time to wait
// (`retry_ms`, `Retry-After`), and a length that follows from these.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Airlock, fresh, path, refused } from './support.mjs';

const number = (name, more = '{ "maximum": 9 }') => `{"type":"object","required":["${name}"],"properties":{"${name}":${more}}}`;
const n = { schema: number('n', '{"type":"integer"}') };
const when = (rule, that, message) => ({ toml: `[[when]]\nrule = "${rule}"\nthat = "${that}"\nmessage = "${message}"` });
const limits = (...all) => all.map(([per, allow, burst, cost = 'count']) => `[[limit]]\nper = "${per}"\nallow = "${allow}"\nburst = ${burst}\ncost = "${cost}"`).join('\n');
const text = (length) => ({ text: 'x'.repeat(length) });
const own = ['identity', '9/s', 99];

// A variant: the kind of its private object, lines for `[from]`, for `[[to]]` and beside them, schemas, what is written before
// and last (each a slot and its data) or looked at, and the words of the author that `full` tells.
const rows = {
  'a condition': [400, 72016, [
    { ...n, ...when('small', 'data.n < 5', 'n stays below five'), last: ['a', { n: 7 }], words: ['small', 'n stays below five'] },
    { ...when('never', "identity == 'root'", 'only root may'), last: ['a', { m: 'xyz' }], words: ['never', 'only root may'] },
    { ...when('of-rank', 'claims.rank > 3', 'a rank is needed'), last: ['a', { n: 1 }], words: ['of-rank', 'rank'] },
    { ...n, ...when('grows', 'previous == null || previous.n < data.n', 'it grows'), before: [['a', { n: 3 }]], last: ['a', { n: 2 }], words: ['grows'] },
  ]],
  'a schema': [400, 72001, [
    { ...n, last: ['a', { n: 'seven' }], words: ['at=/n', 'integer'] },
    { schema: number('deep', '{"type":"object","properties":{"level":{"maxLength":3}}}'), last: ['a', { deep: { level: 'xyzzy' } }], words: ['at=/deep/level', '3'] },
    { schema: number('width'), last: ['a', { x: 1 }], words: ['width'] },
    { ...n, kind: 'map', last: ['a', { n: {} }], words: ['at=/n', 'integer'] },
    { schema: number('loud', '{"enum":["no"]}'), kind: 'stream', last: ['a', { loud: 'yes' }], words: ['at=/loud'] },
  ]],
  'a limit': [429, 54009, [
    { toml: limits(['identity', '1/h', 1]), before: [['a', { n: 1 }]], last: ['a', { n: 2 }], words: ['rule=limit'] },
    { toml: limits(own, ['{slot}/{identity}', '2/m', 2]), before: [['a', { n: 1 }], ['a', { n: 2 }]], last: ['a', { n: 3 }], words: ['rule=limit'] },
    { toml: limits(own, ['policy', '1/h', 1]), before: [['a', { n: 1 }]], last: ['b', { n: 2 }], words: ['rule=limit'] },
    { toml: limits(own, own, ['address', '70/h', 70, 'bytes']), before: [['a', text(40)], ['a', text(50)]], last: ['a', text(50)], words: ['rule=limit'] },
    { toml: limits(['identity', '1/h', 1]), kind: 'stream', before: [['a', { n: 1 }]], last: ['a', { n: 2 }], words: ['rule=limit'] },
  ]],
  'a lookup': [400, 72015, [
    { toml: '[[lookup]]\nname = "settings"\ndocument = "settings/NAME/{slot}"\nrequired = true', last: ['a', { n: 1 }], words: ['rule=lookup'] },
    { toml: '[[lookup]]\nname = "member"\nmap = "members/NAME"\nkey = "{identity}"\nrequired = true', last: ['a', { n: 1 }], words: ['rule=lookup'] },
    { toml: '[vars.slot]\nexists = "slots/NAME/{slot}"', last: ['a', { n: 1 }], words: ['rule='] },
  ]],
  'a rewrite': [400, 72003, [
    { to: 'set = { name = "claims.name" }', last: ['a', { n: 1 }], words: ['/name', 'claims.name'] },
    { to: 'set = { "/level" = "claims.level" }', last: ['a', { n: 1 }], words: ['/level', 'claims.level'] },
  ]],
  'the schema of the shared side': [400, 72004, [
    { shared: number('n'), to: 'schema = "shared.json"', last: ['a', { n: 12 }], words: ['at=/n', 'shared-schema'] },
    { shared: number('kind'), to: 'schema = "shared.json"', last: ['a', { n: 12 }], words: ['kind', 'shared-schema'] },
  ]],
  'a size': [413, 54006, [
    { from: 'max_bytes = 64', last: ['a', text(100)], words: ['64 bytes'] },
    { from: 'max_bytes = 99', last: ['a', text(100)], words: ['99 bytes'] },
    { from: 'max_bytes = 77', kind: 'map', last: ['a', text(100)], words: ['77 bytes'] },
    { toml: limits(own, ['identity', '88/s', 88, 'bytes']), last: ['a', text(100)], words: ['rule=limit', '88 bytes'] },
  ]],
  'integers that are too great': [400, 72002, [
    { ...n, last: ['a', { n: 2 ** 60 }], words: ['at=/n'] },
    { last: ['a', { deep: { m: -(2 ** 61) } }], words: ['at=/deep/m'] },
  ]],
  'a quota': [429, 72005, [
    { from: 'objects_max = 1', before: [['a', { n: 1 }]], last: ['b', { n: 1 }], words: ['objects'] },
    { target: 'list = "seen/NAME/{identity}"\nitems_max = 1\non_withdraw = "all"', before: [['a', { n: 1 }]], last: ['a', { n: 2 }], words: ['items'] },
  ]],
  'what is final': [403, 72017, [
    { from: 'withdraw = "never"', before: [['a', { n: 1 }]], last: ['a', {}], words: [] },
    { from: 'withdraw = "never"', kind: 'map', before: [['a', { n: 1 }]], last: ['a', {}], words: [] },
  ]],
  'a foreign name': [403, 54007, [
    { toml: '[vars.slot]\npattern = "[a-z]{2}"', last: ['a', { n: 1 }], words: [] },
    { toml: '[vars.slot]\nin = "claims.slots"', last: ['a', { n: 1 }], words: [] },
    { top: 'mode = "off"', last: ['a', { n: 1 }], words: [] },
  ]],
  'what is not to be seen': [403, 54007, [
    { read: 'permission', look: 'seen/NAME/a/eve', words: [] },
    { read: "reader.identity == 'root'", look: 'seen/NAME/a/eve', words: [] },
    { read: 'has(reader.claims.rank) && reader.claims.rank > 3', look: 'seen/NAME/a/eve', words: [] },
    { look: 'NAME/a/eve', words: [] },
    { toml: '[vars.slot]\npattern = "[a-z]{2}"', look: 'seen/NAME/a/eve', words: [] },
  ]],
  'who is not connected': [403, 72014, [
    { from: 'until = "disconnect"', doors: ['http'], last: ['a', { n: 1 }], words: [] },
    { from: 'until = "disconnect"', ...n, doors: ['http'], last: ['a', { n: 'x' }], words: [] },
  ]],
};

const named = (row, at, detail) => `p${Object.keys(rows).indexOf(row)}-${at}-${detail}`;

function write(folder, name, detail, { kind = 'document', top = '', from = '', toml = '', target, to = '', read = 'everyone', schema, shared }) {
  const place = target ?? `${kind} = "seen/NAME/{slot}/{identity}"${kind === 'map' ? '\nkey = "{key}"' : ''}`;
  const file = [top, '[from]', `${kind} = "NAME/{slot}/{identity}"`, schema ? 'schema = "private.json"' : '', from, toml, '[[to]]', place, `read = "${read}"`, to, '[refusal]', `detail = "${detail}"`];
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'policy.toml'), file.join('\n').replaceAll('NAME', name));
  if (schema) writeFileSync(join(folder, name, 'private.json'), schema);
  if (shared) writeFileSync(join(folder, name, 'shared.json'), shared);
}

let airlock;
let folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-detail-'));
  for (const [row, [, , variants]] of Object.entries(rows)) {
    for (const detail of ['code', 'full']) variants.forEach((it, at) => write(folder, named(row, at, detail), detail, it));
  }
  airlock = await Airlock.start({ policies: folder });
});
after(async () => {
  await airlock?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** How a write of this kind is asked for: the first makes the object. */
function asked(kind, name, data) {
  if (kind === 'document') return [['POST', path('Documents'), { unique_name: name, data }], ['POST', path('Documents', name), { data }]];
  if (kind === 'map') return [['POST', path('Maps'), { unique_name: name }], ['PUT', path('Maps', name, 'Items', 'k'), { data }]];
  return [['POST', path('Streams'), { unique_name: name }], ['POST', path('Streams', name, 'Messages'), { data }]];
}

/** Writes, or looks, over a door that takes one request; the last answer. */
async function through(request, name, identity, { kind = 'document', before: first = [], last, look }) {
  if (look) return request('GET', path('Documents', look.replace('NAME', name)));
  const made = new Set();
  let answer;
  for (const [slot, data] of [...first, last]) {
    const [create, change] = asked(kind, `${name}/${slot}/${identity}`, data);
    const stands = made.has(slot);
    made.add(slot);
    if (!stands) answer = await request(...create);
    if (stands || (kind !== 'document' && answer.status < 300)) answer = await request(...change);
  }
  return answer;
}

/** One request over plain HTTP; the head as it came. */
const over = (jwt) => (method, where, body) => new Promise((done, fail) => {
  const headers = { Authorization: `Bearer ${jwt}`, 'Content-Type': 'application/json' };
  const sent = http.request(`${airlock.url}${where}`, { method, headers, agent: false }, (response) => {
    const parts = [];
    response.on('data', (part) => parts.push(part));
    response.on('end', () => done({ status: response.statusCode, line: `${response.httpVersion} ${response.statusCode} ${response.statusMessage}`, raw: response.rawHeaders, text: Buffer.concat(parts).toString() }));
  });
  sent.on('error', fail);
  sent.end(body === undefined ? undefined : JSON.stringify(body));
});

const waiting = (body) => body.replace(/retry_ms=\d+/, 'retry_ms=W').replace(/"retry_ms":\d+/, '"retry_ms":W');

const doors = {
  /** The whole frame. */
  async socket(name, identity, variant) {
    const socket = await airlock.socket(identity, { claims: variant.claims });
    const { status, head, header, text: body } = await through(socket.request.bind(socket), name, identity, variant);
    socket.close();
    assert.equal(header.payload_size, Buffer.byteLength(body));
    return { status, whole: `${head.replace(header.id, 'ID').replace(`"payload_size":${header.payload_size}`, '"payload_size":L')}\r\n${waiting(body)}`, body };
  },
  /** Status line, headers in their order and case, and body. */
  async http(name, identity, variant) {
    const { status, line, raw, text: body } = await through(over(airlock.token(identity, { claims: variant.claims })), name, identity, variant);
    const heads = [];
    for (let at = 0; at < raw.length; at += 2) {
      const [head, value] = raw.slice(at, at + 2);
      if (/^content-length$/i.test(head)) assert.equal(Number(value), Buffer.byteLength(body));
      heads.push(/^(date|content-length|retry-after)$/i.test(head) ? head : `${head}: ${value}`);
    }
    return { status, whole: [line, ...heads, '', waiting(body)].join('\r\n'), body };
  },
  /** All that the SDK's error has. */
  async sdk(name, identity, variant) {
    const { kind = 'document', before: first = [], last, look } = variant;
    const client = await airlock.client(identity, { claims: variant.claims });
    const put = async ([slot, data]) => {
      const object = await client[kind](`${name}/${slot}/${identity}`);
      if (kind === 'stream') return object.publishMessage(data);
      return kind === 'map' ? object.set('k', data) : object.set(data);
    };
    for (const it of first) await put(it).catch(() => {});
    const { name: title, status, code, message } = await refused(look ? client.document(look.replace('NAME', name)) : put(last), `${name} over the SDK`);
    client.shutdown().catch(() => {});
    return { status, whole: waiting(JSON.stringify({ title, status, code, message })), body: JSON.stringify({ code, message }) };
  },
};

for (const [row, [status, code, variants]] of Object.entries(rows)) {
  for (const [door, ask] of Object.entries(doors)) {
    const open = variants.map((it, at) => [it, at]).filter(([it]) => (it.doors ?? [door]).includes(door));
    if (open.length === 0) continue;
    test(`${row}: nothing of the policy over ${door} with \`code\`, and what its author wrote with \`full\``, async () => {
      const identity = fresh('ada'); // one for all: nothing that differs is the caller's
      const answers = { code: [], full: [] };
      for (const [variant, at] of open) {
        for (const detail of ['code', 'full']) {
          const answer = await ask(named(row, at, detail), identity, variant);
          assert.deepEqual([answer.status, JSON.parse(answer.body).code], [status, code], `variant ${at}: ${answer.body}`);
          answers[detail].push(answer);
        }
        const [terse, full] = [answers.code.at(-1), answers.full.at(-1)];
        for (const word of [...variant.words, named(row, at, 'full')]) assert.ok(full.body.includes(word), `full tells \`${word}\`: ${full.body}`);
        for (const word of [...variant.words, named(row, at, 'code')]) assert.ok(!terse.body.includes(word), `code does not tell \`${word}\`: ${terse.body}`);
      }
      for (const { whole } of answers.code) assert.equal(whole, answers.code[0].whole);
      assert.equal(new Set(answers.full.map((it) => it.whole)).size, open.length, 'with `full` each differs');
    });
  }
}

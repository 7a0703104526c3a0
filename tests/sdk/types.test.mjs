// The types that `airlock policy types` prints, through the TypeScript compiler: they compile under `strict`, they take
// what the schemas admit and nothing that they refuse, and the functions make the names that the policies govern.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { binary } from './support.mjs';

const here = import.meta.dirname;
let home;
before(async () => { home = await mkdtemp(join(tmpdir(), 'airlock-types-')); });
after(() => rm(home, { recursive: true, force: true }));

const types = (folder) => execFileSync(binary, ['policy', 'types', folder], { encoding: 'utf8' });

/** What the compiler says about files by name; they are written into the temporary folder. */
async function compiled(files) {
  for (const [name, text] of Object.entries(files)) await writeFile(join(home, name), text);
  const options = {
    strict: true, noEmit: true, exactOptionalPropertyTypes: true, noUnusedLocals: true, skipLibCheck: true, types: [], lib: ['lib.es2022.d.ts'],
    target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const program = ts.createProgram(Object.keys(files).map((it) => join(home, it)), options);
  return ts.getPreEmitDiagnostics(program).map((it) => ts.flattenDiagnosticMessageText(it.messageText, '\n'));
}

/** A folder with one policy `odd` that has this schema on its private side, and no shared schema. */
async function odd(schema, policy) {
  const folder = join(await mkdtemp(join(home, 'policies-')), 'odd');
  await mkdir(folder);
  await writeFile(join(folder, 'policy.toml'), policy);
  await writeFile(join(folder, 'a.json'), JSON.stringify(schema));
  return folder;
}

test('the types of all policies of the tests and samples compile', async () => {
  for (const folder of [resolve(here, '../../policies'), join(here, 'policies')]) {
    assert.deepEqual(await compiled({ 'all.ts': types(folder) }), []);
  }
});

test('the types take what the schema admits and refuse what it refuses', async () => {
  const use = `
    import { cursorsName, type CursorsPrivate, type CursorsShared, type StatusPrivate } from './samples';
    const good: CursorsPrivate = { x: 1, y: 2, tool: 'brush' };
    const shared: CursorsShared = { x: 1, y: 2, color: '#000000', name: 'ada', at: 'now' };
    const mood: StatusPrivate = { text: 'hello', mood: 'busy' };
    // @ts-expect-error: y is needed
    const short: CursorsPrivate = { x: 1 };
    // @ts-expect-error: no such field
    const long: CursorsPrivate = { x: 1, y: 2, z: 3 };
    // @ts-expect-error: no such mood
    const angry: StatusPrivate = { text: 'hello', mood: 'angry' };
    // @ts-expect-error: the identity is missing
    cursorsName('7');
    console.log(good, shared, mood, short, long, angry, cursorsName('7', 'ada'));
  `;
  const declared = 'declare const console: { log(...all: unknown[]): void };';
  assert.deepEqual(await compiled({ 'samples.ts': types(resolve(here, '../../policies')), 'use.ts': declared + use }), []);
});

test('the functions make the names, and no other ones', async () => {
  const text = types(resolve(here, '../../policies'));
  const file = join(home, 'names.mjs');
  await writeFile(file, ts.transpile(text, { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }));
  const { cursorsName, cursorsSharedName, cursorsSharedKey } = await import(pathToFileURL(file));
  assert.equal(cursorsName('7', 'ada'), 'cursors/7/ada');
  assert.deepEqual([cursorsSharedName('7'), cursorsSharedKey('ada')], ['rooms/7/cursors', 'ada']);
  for (const room of ['', '7/8', '/']) assert.throws(() => cursorsName(room, 'ada'), /cannot be part of a name/);
});

test('whatever a schema holds, its types compile', async () => {
  const schema = {
    title: 'Odd */ export const broken = 1; /*', type: 'object',
    $defs: {
      'a/b': { type: 'array', prefixItems: [{ type: 'number' }, { type: 'string' }], minItems: 1, items: false },
      tree: { properties: { kids: { items: { $ref: '#/$defs/tree' } }, top: { $ref: '#' } }, additionalProperties: false },
      leaf: { $anchor: 'leaf', enum: ['a"\\\n\u2028', -1.5, null, { k: [true, {}] }, []] },
    },
    properties: {
      'a-b': { $ref: '#/$defs/a~1b', description: 'two\nlines */ and an end' },
      class: { $ref: '#leaf' }, tree: { $ref: '#/$defs/tree' }, 1: { const: 'x' }, 'quo"te\n': { type: ['string', 'null'] },
      map: { type: 'object', properties: { a: { type: 'string' }, b: {} }, required: ['c'], additionalProperties: { type: 'number' } },
      deep: { properties: { o: { properties: { i: {} } } }, additionalProperties: { type: 'boolean' } },
      none: false, any: true, empty: { type: 'object', additionalProperties: false }, rest: { prefixItems: [{ enum: [1, 2] }], items: { type: ['null', 'boolean'] } },
      some: { patternProperties: { '^x': { type: 'number' } } },
    },
    required: ['map'], additionalProperties: { type: 'string' },
    oneOf: [{ required: ['tree'] }, { properties: { any: { const: 1 } } }],
  };
  const policy = (rest) => `[from]\ndocument = "a\`$\\\\\\"/{class}/{identity}"\nschema = "a.json"\nmax_bytes = 128\n[[to]]\nmap = "b/{class}"\nkey = "{identity}"\n${rest}\n[[to]]\ndocument = "c/{class}/{identity}"\n`;
  for (const rest of ['', 'take = ["/deep/0", "/map"]\nset = { "/x/y" = 1, z = "claims.z" }', 'rename = { "/map/a" = "/q" }\ndefault = { class = "a" }']) {
    const text = types(await odd(schema, policy(rest)));
    assert.deepEqual(await compiled({ 'odd.ts': text }), [], text);
  }
});

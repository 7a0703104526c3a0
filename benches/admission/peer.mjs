// The same admission as one would write it in Node: limits, schema, condition, rewrite, schema of what is published.
// Asked by `benches/admission.rs`, one JSON value a line; the argument is the folder of the policies, for their schemas.
//
// Not the same: the limits count in fixed windows and by Node's clock, and there is no SID for what is published.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import addFormats from "ajv-formats";
import Ajv from "ajv/dist/2020.js";
import { RateLimiterMemory } from "rate-limiter-flexible";

const folder = process.argv[2];
const ajv = addFormats(new Ajv({ strict: false }));
const schema = (file) => ajv.compile(JSON.parse(readFileSync(`${folder}/${file}`, "utf8")));
const limiter = (keyPrefix) => new RateLimiterMemory({ keyPrefix, points: 1e9, duration: 1 });

const refused = (rule) => ({ rule });

async function spent(limits, key) {
  try {
    await limits.consume(key);
    return false;
  } catch {
    return true;
  }
}

const cursors = {
  perIdentity: limiter("cursors/identity"),
  input: schema("cursors/cursor.schema.json"),
  output: schema("cursors/public-cursor.schema.json"),

  async admit({ data, bytes }, { identity }, now) {
    if (await spent(this.perIdentity, identity)) return refused("limit");
    if (bytes > 512) return refused("size");
    if (!this.input(data)) return refused("schema");
    const shown = { x: data.x, y: data.y, color: data.color ?? "#808080", name: identity, at: new Date(now).toISOString() };
    return this.output(shown) ? JSON.stringify(shown) : refused("shared-schema");
  },
};

const runs = {
  perIdentity: limiter("runs/identity"),
  perGame: limiter("runs/game"),
  input: schema("runs/run.schema.json"),
  output: schema("runs/public-run.schema.json"),

  async admit({ data, bytes }, { identity, claims, variable }, now) {
    if (await spent(this.perIdentity, identity)) return refused("limit");
    if (bytes > 512) return refused("size");
    if (!this.input(data)) return refused("schema");
    const possible = data.level <= claims.level && data.score <= data.level * 1000 && data.score <= data.seconds * 50;
    if (!possible) return refused("possible");
    if (await spent(this.perGame, variable)) return refused("limit");
    const shown = { score: data.score, level: data.level, name: claims.name, at: new Date(now).toISOString() };
    return this.output(shown) ? JSON.stringify(shown) : refused("shared-schema");
  },
};

const policies = { cursors, runs };
const parsed = (text) => ({ data: JSON.parse(text), bytes: Buffer.byteLength(text) });

async function outcomes({ policy, who, now, texts }) {
  const all = [];
  for (const text of texts) {
    all.push(await policies[policy].admit(parsed(text), who, now));
  }
  return all;
}

// Microseconds of CPU, of all threads of this process.
async function run({ policy, who, now, texts, calls, from }) {
  const inputs = texts.map(parsed);
  const before = process.cpuUsage();
  for (let call = 0; call < calls; call += 1) {
    const at = call % texts.length;
    const input = from === "text" ? parsed(texts[at]) : inputs[at];
    const shown = await policies[policy].admit(input, who, now + call);
    if (typeof shown !== "string") throw new Error(`refused: ${JSON.stringify(shown)}`);
  }
  const spent = process.cpuUsage(before);
  return spent.user + spent.system;
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const answer = asked.calls === undefined ? await outcomes(asked) : await run(asked);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

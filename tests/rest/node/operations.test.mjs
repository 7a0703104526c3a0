// All 48 operations, each through the library: status, and every field of the reference as the library shows it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Airlock } from './support.mjs';

const listed = readFileSync(new URL('../operations.txt', import.meta.url), 'utf8').split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split(/\s+/));
const object = ['sid', 'uniqueName', 'accountSid', 'serviceSid', 'url', 'links', 'dateExpires', 'dateCreated', 'dateUpdated', 'createdBy'];
const item = ['accountSid', 'serviceSid', 'url', 'revision', 'data', 'dateExpires', 'dateCreated', 'dateUpdated', 'createdBy'];
const grant = ['accountSid', 'serviceSid', 'identity', 'read', 'write', 'manage', 'url'];
const fields = {
  Service: ['sid', 'uniqueName', 'accountSid', 'friendlyName', 'dateCreated', 'dateUpdated', 'url', 'webhookUrl', 'webhooksFromRestEnabled', 'reachabilityWebhooksEnabled', 'aclEnabled', 'reachabilityDebouncingEnabled', 'reachabilityDebouncingWindow', 'links'],
  Document: [...object, 'revision', 'data'],
  SyncList: [...object, 'revision'],
  SyncMap: [...object, 'revision'],
  SyncStream: object,
  SyncListItem: [...item, 'index', 'listSid'],
  SyncMapItem: [...item, 'key', 'mapSid'],
  StreamMessage: ['sid', 'data'],
  DocumentPermission: [...grant, 'documentSid'],
  SyncListPermission: [...grant, 'listSid'],
  SyncMapPermission: [...grant, 'mapSid'],
};

let airlock;
let sid;
before(async () => {
  airlock = await Airlock.start();
  ({ sid } = await airlock.service());
});
after(() => airlock?.stop());

/** The collection of a resource, with what a creation needs. */
async function place(resource) {
  const v1 = airlock.client().sync.v1;
  const service = v1.services(sid);
  const of = { Service: v1.services, Document: service.documents, SyncList: service.syncLists, SyncMap: service.syncMaps, SyncStream: service.syncStreams };
  if (of[resource]) return [of[resource], {}];
  const within = async (kind) => of[kind]((await of[kind].create()).sid);
  const data = { v: 1 };
  switch (resource) {
    case 'SyncListItem': return [(await within('SyncList')).syncListItems, { data }];
    case 'SyncMapItem': return [(await within('SyncMap')).syncMapItems, { key: 'k', data }];
    case 'StreamMessage': return [(await within('SyncStream')).streamMessages, { data }];
    case 'DocumentPermission': return [(await within('Document')).documentPermissions, {}];
    case 'SyncListPermission': return [(await within('SyncList')).syncListPermissions, {}];
    default: return [(await within('SyncMap')).syncMapPermissions, {}];
  }
}

async function drive(verb, resource) {
  const [collection, form] = await place(resource);
  if (verb === 'Create') return collection.createWithHttpInfo(form);
  const grants = resource.endsWith('Permission');
  let name = 'ada';
  if (grants) await collection(name).update({ read: true, write: false, manage: false });
  else {
    const made = await collection.create(form);
    name = made.index ?? made.key ?? made.sid;
  }
  const one = collection(name);
  const change = grants ? { read: false, write: true, manage: true }
    : resource === 'Service' ? { friendlyName: 'new' }
      : ['SyncList', 'SyncMap', 'SyncStream'].includes(resource) ? { ttl: 60 } : { data: { v: 2 } };
  switch (verb) {
    case 'List': return collection.pageWithHttpInfo({ pageSize: 20 });
    case 'Fetch': return one.fetchWithHttpInfo();
    case 'Delete': return one.removeWithHttpInfo();
    default: return one.updateWithHttpInfo(change);
  }
}

function check(resource, row) {
  const shown = row.toJSON();
  for (const field of fields[resource]) assert.notEqual(shown[field], undefined, `${field} is there: ${JSON.stringify(shown)}`);
  assert.deepEqual(Object.keys(shown).sort(), [...fields[resource]].sort());
  if (shown.accountSid) assert.equal(shown.accountSid, airlock.account.sid);
  if (shown.dateCreated) assert.ok(shown.dateCreated instanceof Date && shown.dateCreated.getMilliseconds() === 0);
  if ('revision' in shown) assert.match(shown.revision, /^[0-9a-f]+$/);
  if ('index' in shown) assert.equal(typeof shown.index, 'number');
  if ('data' in shown) assert.equal(typeof shown.data, 'object');
  if ('createdBy' in shown) assert.equal(shown.createdBy, 'system');
  if ('aclEnabled' in shown) assert.equal(typeof shown.aclEnabled, 'boolean');
}

for (const [operation, method, status, path] of listed) {
  test(`§7: the library's ${operation} (${method} ${path}) is answered ${status}`, async () => {
    const [, verb, resource] = /^(Create|Fetch|Update|Delete|List)(.*)$/.exec(operation);
    const answer = await drive(verb, resource);
    assert.equal(answer.statusCode, Number(status));
    if (verb === 'Delete') return assert.equal(answer.body, true);
    if (verb !== 'List') return check(resource, answer.body);
    assert.ok(0 < answer.body.instances.length);
    for (const row of answer.body.instances) check(resource, row);
  });
}
test('§7: there are 48 operations', () => assert.equal(listed.length, 48));

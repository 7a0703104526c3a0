// Access tokens, signed by hand: a library would refuse to make the forged ones.

import { createHmac } from 'node:crypto';

const base64url = (value) => Buffer.from(value).toString('base64url');

/** Any header and payload, signed with any secret: HS256, HS384 or HS512; anything else gets no signature. */
export function sign(header, payload, secret) {
  const body = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}`;
  const hash = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }[header.alg];
  return `${body}.${hash ? createHmac(hash, secret).update(body).digest('base64url') : ''}`;
}

export const seconds = () => Math.floor(Date.now() / 1000);

/** An access token as the official server library makes it; `change` may spoil header and payload. */
export function token(account, identity, { service, claims, ttl = 3600, change = () => {}, secret } = {}) {
  const now = seconds();
  const header = { alg: 'HS256', typ: 'JWT', cty: 'twilio-fpa;v=1' };
  const payload = {
    jti: `${account.key}-${now}`,
    grants: { identity, data_sync: { service_sid: service } },
    iat: now,
    exp: now + ttl,
    iss: account.key,
    sub: account.sid,
  };
  if (claims) payload.grants.airlock = claims;
  change(header, payload);
  return sign(header, payload, secret ?? account.secret);
}

// Made by `airlock policy types` from the policies and their schemas: change those, and make it again.

/**
 * A line, as its author writes it
 *
 * The data of each item of the private list `outbox/{room}/{identity}` of the policy `chat`.
 */
export interface ChatPrivate {
  text: string;
  /** The author's own, which the room does not see */
  mark?: string;
}

/** The name of the private list `outbox/{room}/{identity}` of the policy `chat`. */
export function chatName(room: string, identity: string): string {
  return `outbox/${segment(room)}/${segment(identity)}`;
}

/**
 * A line, as the room sees it
 *
 * The data of each item of the shared list `rooms/{room}/chat` of the policy `chat`.
 */
export interface ChatShared {
  text: string;
  from: string;
  name: string;
  at: string;
}

/** The name of the shared list `rooms/{room}/chat` of the policy `chat`. */
export function chatSharedName(room: string): string {
  return `rooms/${segment(room)}/chat`;
}

/** One segment of a name; with a `/` in it, or empty, the name would be another one. */
function segment(text: string): string {
  if (text === "" || text.includes("/")) {
    throw new Error(`this cannot be part of a name: ${JSON.stringify(text)}`);
  }
  return text;
}

/** A name or a key as one segment of a URL's path, for `fetch`: a `/` in it would begin another segment. */
export function pathSegment(name: string): string {
  return encodeURIComponent(name);
}

// Made by `airlock policy types` from the policies and their schemas: change those, and make it again.

/**
 * A cursor, as its player writes it
 *
 * The data of the private document `cursors/{room}/{identity}` of the policy `cursors`.
 */
export interface CursorsPrivate {
  x: number;
  y: number;
  color?: string;
  /** Kept for the player only */
  tool?: string;
}

/** The name of the private document `cursors/{room}/{identity}` of the policy `cursors`. */
export function cursorsName(room: string, identity: string): string {
  return `cursors/${segment(room)}/${segment(identity)}`;
}

/**
 * A cursor, as the room sees it
 *
 * The data of each item of the shared map `rooms/{room}/cursors` of the policy `cursors`.
 */
export interface CursorsShared {
  x: number;
  y: number;
  color: string;
  name: string;
  at: string;
}

/** The name of the shared map `rooms/{room}/cursors` of the policy `cursors`. */
export function cursorsSharedName(room: string): string {
  return `rooms/${segment(room)}/cursors`;
}

/** The key `{identity}` of an item in the shared map `rooms/{room}/cursors` of the policy `cursors`. */
export function cursorsSharedKey(identity: string): string {
  return `${segment(identity)}`;
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

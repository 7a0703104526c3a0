// Made by `airlock policy types` from the policies and their schemas: change those, and make it again.

/**
 * A status, as its person writes it
 *
 * The data of the private document `status/{identity}` of the policy `status`.
 */
export interface StatusPrivate {
  text: string;
  mood?: "happy" | "neutral" | "busy";
  /** Nobody else sees it */
  note?: string;
}

/** The name of the private document `status/{identity}` of the policy `status`. */
export function statusName(identity: string): string {
  return `status/${segment(identity)}`;
}

/**
 * A status, as everyone sees it
 *
 * The data of the shared document `people/{identity}/status` of the policy `status`.
 */
export interface StatusShared {
  status: string;
  mood: string;
  who: string;
  since: string;
}

/** The name of the shared document `people/{identity}/status` of the policy `status`. */
export function statusSharedName(identity: string): string {
  return `people/${segment(identity)}/status`;
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

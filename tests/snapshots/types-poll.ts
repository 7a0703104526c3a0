// Made by `airlock policy types` from the policies and their schemas: change those, and make it again.

/**
 * A ballot, which only its voter reads
 *
 * The data of the private document `ballots/{poll}/{identity}` of the policy `poll`.
 */
export interface PollPrivate {
  choice: "yes" | "no" | "abstain";
  /** Nobody else sees it */
  note?: string;
}

/** The name of the private document `ballots/{poll}/{identity}` of the policy `poll`. */
export function pollName(poll: string, identity: string): string {
  return `ballots/${segment(poll)}/${segment(identity)}`;
}

/** The data of the shared document `polls/{poll}/tally` of the policy `poll`. */
export interface PollShared {
  votes: Record<string, number>;
  voters: number;
}

/** The name of the shared document `polls/{poll}/tally` of the policy `poll`. */
export function pollSharedName(poll: string): string {
  return `polls/${segment(poll)}/tally`;
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

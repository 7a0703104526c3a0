// Made by `airlock policy types` from the policies and their schemas: change those, and make it again.

/**
 * A player's best score in one game
 *
 * The data of the private document `scores/{game}/{identity}` of the policy `scores`.
 */
export interface ScoresPrivate {
  score: number;
  /** How it was played, for a backend to look at; not shown */
  replay?: string;
}

/** The name of the private document `scores/{game}/{identity}` of the policy `scores`. */
export function scoresName(game: string, identity: string): string {
  return `scores/${segment(game)}/${segment(identity)}`;
}

/** The data of the shared document `games/{game}/top` of the policy `scores`. */
export interface ScoresShared {
  best: {
    name: string;
    score: number;
  }[];
  players: number;
  highest: number | null;
  mean: number | null;
}

/** The name of the shared document `games/{game}/top` of the policy `scores`. */
export function scoresSharedName(game: string): string {
  return `games/${segment(game)}/top`;
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

// Made by `airlock policy types` from the policies and their schemas: change those, and make it again.

/**
 * A move: cells are numbered from 0, row by row
 *
 * The data of the private document `moves/{game}/{identity}` of the policy `tictactoe`.
 */
export interface TictactoePrivate {
  cell: number;
}

/** The name of the private document `moves/{game}/{identity}` of the policy `tictactoe`. */
export function tictactoeName(game: string, identity: string): string {
  return `moves/${segment(game)}/${segment(identity)}`;
}

/**
 * The board, as everyone sees it
 *
 * The data of the shared document `games/{game}/board` of the policy `tictactoe`.
 */
export interface TictactoeShared {
  /** Who plays crosses */
  x: string;
  /** Who plays noughts */
  o: string;
  turn: "x" | "o";
  cells: ("" | "x" | "o")[];
  winner: "" | "x" | "o" | "draw";
}

/** The name of the shared document `games/{game}/board` of the policy `tictactoe`. */
export function tictactoeSharedName(game: string): string {
  return `games/${segment(game)}/board`;
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

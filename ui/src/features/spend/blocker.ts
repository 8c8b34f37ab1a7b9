/** A piece of what an attempt waits for: words, or the id of a run that holds it. */
export type Piece = { text: string } | { run: string };

const RUN = /\brun ([0-9a-f]{32})\b/g;

/** Tell the runs that a sentence names from the words around them. */
export function piecesOf(blocker: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const found of blocker.matchAll(RUN)) {
    const begin = found.index + "run ".length;
    pieces.push({ text: blocker.slice(end, begin) }, { run: found[1] ?? "" });
    end = found.index + found[0].length;
  }
  pieces.push({ text: blocker.slice(end) });
  return pieces.filter((piece) => "run" in piece || piece.text !== "");
}

/** Largest piece, in bytes; a part of S3 is at most 5 GiB, and a block of Azure 4,000 MiB. */
const PIECE = 2 ** 30;

/** Returns the ranges of pieces in which an object is copied; several are faster than one. */
export const piecesOf = (size: number): ReadonlyArray<string> =>
  Array.from({ length: Math.ceil(size / PIECE) }, (_, index) => {
    const end = Math.min(size, (index + 1) * PIECE) - 1;
    return `bytes=${index * PIECE}-${end}`;
  });

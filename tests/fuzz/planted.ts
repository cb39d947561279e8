/** A parser with a fault that no chance finds in time: six bytes in a row. */
export function parsePlanted(text: string): number {
  let depth = 0;
  if (text[0] === "v") {
    depth++;
    if (text[1] === "a") {
      depth++;
      if (text[2] === "l") {
        depth++;
        if (text[3] === "e") {
          depth++;
          if (text[4] === "t") {
            depth++;
            if (text[5] === "!") throw new Error("the planted fault");
          }
        }
      }
    }
  }
  return depth;
}

/** A parser that is slow for one kind of text only: it looks at each bracket as often as there are. */
export function countPlanted(text: string): number {
  let pairs = 0;
  for (const opening of text) {
    if (opening !== "[") continue;
    for (const closing of text) if (closing === "[") pairs++;
  }
  return pairs;
}

/** A place for objects, by the word of its store. */
export interface PlaceWord {
  /** `bucket` if left out. */
  readonly word?: string;
}

/** Calls a bucket by the word of its store, in a text for people. */
export const inWordsOf = ({ word = "bucket" }: PlaceWord = {}, text: string): string =>
  text.replaceAll(BUCKET, word);

/** The word alone, and not within a name. */
const BUCKET = /(?<![\w./-])bucket(?![\w/-]|\.\w)/g;

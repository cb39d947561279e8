/** A place for objects, in the word of its store. */
export interface PlaceWord {
  /** `bucket` if left out. */
  readonly word?: string;
}

/** Replaces "bucket" by the store's word, in a text for people. */
export const inWordsOf = ({ word = "bucket" }: PlaceWord = {}, text: string): string =>
  text.replaceAll(BUCKET, word);

/** The word alone, not within a name. */
const BUCKET = /(?<![\w./-])bucket(?![\w/-]|\.\w)/g;

/** Calls a bucket as the people of its store do, in a text for them: on Azure it is a container. */
export const inWordsOf = (adapter: string | undefined, text: string): string =>
  adapter === "azure" ? text.replaceAll(BUCKET, "container") : text;

/** The word alone, and not within a name. */
const BUCKET = /(?<![\w./-])bucket(?![\w/-]|\.\w)/g;

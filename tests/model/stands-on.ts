import type { Ability } from "../../application/ports/abilities.ts";

/**
 * The promises on which an ability of the model stands (`stands-on.json`), and where the model has
 * them: a switch for what the store does by itself, a step or a promise for what the service makes
 * of it. Empty for what no order of steps can break.
 */
export const MODELLED = {
  "write-once": {
    "a PUT cannot be replayed under writeOnce": "WRITE_ONCE",
    "a PUT cannot be replayed under strict": "WRITE_ONCE",
    "a write-once PUT without its condition is refused": "WRITE_ONCE",
    "exactly one of 16 concurrent write-once PUTs is stored": "WRITE_ONCE",
    "an object that can no longer change is final": "IS_FINAL",
    "a write-once file is final, whichever PUT began before its confirm": "AT_BEGIN",
  },
  copies: {
    "a file whose bytes are of another type than was granted is not confirmed (incoming-verified)":
      "WRONG",
    "an upload that waits is not the file, and becomes it when it is confirmed":
      "nobody reads what was not confirmed",
    "a PUT after the confirm does not reach the file": "a final file never changes",
    "an upload that was replaced since it was looked at is not copied": "COPIES",
    "an upload that is replaced while it is copied becomes the file as it was looked at, or not at all":
      "COPIES",
    "of several confirms at once, each finds the file": "goto incomplete",
    "a confirm that ended after its copy is finished by the next": "goto settle",
    "an upload that carries its grant is confirmed without its client": "NOTIFIES",
    "an upload cannot be sent without its grant, or with another": "",
    "the grant of another upload confirms nothing": "",
    "a removed file is gone for every URL, and to remove it again is no error": "removes the file",
    "a removed file is not made of its upload again": "what was removed is not confirmed",
    "an upload that waits is removed before it becomes a file": "what was removed stays away",
  },
  "copies once": {
    "of copies of two uploads at once, one makes the file, and a later one does not replace it":
      "COPIES_ONCE",
    "of several confirms at once, each gives the same answer": "COPIES_ONCE",
    "an object that is already under the key is not replaced": "COPIES_ONCE",
    "of 2 uploads in parts of one key that are completed at once, one makes the object":
      "COPIES_ONCE",
    "of 16 uploads in parts of one key that are completed at once, one makes the object":
      "COPIES_ONCE",
  },
  "completes once": {
    "of several completions at once, each that succeeds gives the same answer": "COMPLETES_ONCE",
    "a completed upload takes no more parts, and is not completed again": "COMPLETES_ONCE",
    "of 16 completions of an upload at once, one object stays": "COMPLETES_ONCE",
    "of 16 completions of an upload whose part is replaced at once, one object stays":
      "COMPLETES_ONCE",
  },
} as const satisfies { readonly [Name in Ability]?: Readonly<Record<string, string>> };

const BYTES = "a sum of bytes does not depend on the order of steps";

/** Other abilities that stand on promises, and why the model has no switch for them. */
export const NOT_MODELLED: { readonly [Name in Ability]?: string } = {
  multipart: "each upload in parts of the model has one part",
  "part sha256": BYTES,
  "part crc32c": BYTES,
  "part md5": BYTES,
  "replaced parts": "a completion of the model is of the bytes that were listed, or of none",
  sha256: BYTES,
  crc32c: BYTES,
  md5: BYTES,
  "file checksums": BYTES,
  "scoped credentials": "what a store refuses does not depend on the order of steps",
};

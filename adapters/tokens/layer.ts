import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Tokens } from "../../application/ports/tokens.ts";
import type { TokenSettings } from "./settings.ts";
import { tokensOf, findWeakness } from "./tokens.ts";

export const layer = (
  { keys }: TokenSettings,
  defaultKey: Effect.Effect<Uint8Array>,
): Layer.Layer<Tokens> =>
  Layer.effect(
    Tokens,
    keys === undefined
      ? Effect.map(defaultKey, (secret) => tokensOf([{ id: "own", secret }]))
      : Effect.succeed(tokensOf(keys)),
  );

export const keyInFolder = (directory: string): Effect.Effect<Uint8Array> =>
  Effect.tryPromise(async () => {
    const path = join(directory, "receipt-key");
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // If several processes start at once, the first key is linked, and all read that.
    const temporary = `${path}.${randomUUID()}`;
    try {
      await writeFile(temporary, randomBytes(32).toString("base64"), { mode: 0o600, flush: true });
      await link(temporary, path).catch(() => undefined);
    } finally {
      await unlink(temporary).catch(() => undefined);
    }
    const secret = Buffer.from(await readFile(path, "utf8"), "base64");
    if (findWeakness(secret) !== undefined) throw new Error(`${path} holds no key`);
    return secret;
  }).pipe(
    Effect.catch(() =>
      Effect.as(
        Effect.logWarning(
          `RECEIPT_KEYS is not set and no key can be stored in ${directory}, so receipts end with this process; set RECEIPT_KEYS`,
        ),
        randomBytes(32),
      ),
    ),
  );

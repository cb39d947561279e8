import { Client } from "minio";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { expect, it } from "vitest";
import { quietly } from "../../adapters/cli/command/store-log.ts";
import { variables } from "../../adapters/settings/source.ts";
import { read } from "../../adapters/storage/stores/stores.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { makeBucket } from "../support/make-bucket.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";

const minio = await need("minio");

it.skipIf(minio === undefined)(
  "MinIO lists each object of folders in folders once, in pages of any length",
  async () => {
    const env = minioEnv(minio);
    await makeBucket(env);
    const { hostname, port } = new URL(env.STORAGE_ENDPOINT);
    const { accessKey = "", secretKey = "" } = minio ?? {};
    const at = { endPoint: hostname, port: Number(port), useSSL: false };
    const client = new Client({ ...at, accessKey, secretKey });
    const folders = ["", "a/", "a/a/", "b c/", "d/", "d/e/f/g/", "ü+/", "z/z/"];
    const keys = Array.from({ length: 120 }, (_, n) => `tree/${folders[n % 8]}${n}`);
    for (const key of keys) await client.putObject(env.STORAGE_BUCKET, key, "a");
    const { layer } = Result.getOrThrow(read(variables(env), new URL("http://service.invalid")));
    const listed = await ObjectStore.use(
      Effect.fnUntraced(function* ({ list }) {
        const found = new Map<number, ReadonlyArray<string>>();
        for (const limit of [50, 20, 7]) {
          const names: Array<string> = [];
          let after: string | undefined;
          do {
            const page = yield* list?.objects({ prefix: "tree/", after, limit }) ?? Effect.die("");
            names.push(...page.found.map(({ key }) => key));
            after = page.next;
          } while (after !== undefined);
          found.set(limit, names.toSorted());
        }
        return found;
      }),
    ).pipe(Effect.provide(quietly(layer)), Effect.runPromise);
    for (const names of listed.values()) expect(names).toEqual(keys.toSorted());
  },
);

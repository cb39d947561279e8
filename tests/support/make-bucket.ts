import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { quietly } from "../../adapters/cli/command/store-log.ts";
import { type Env, variables } from "../../adapters/settings/source.ts";
import { read } from "../../adapters/storage/stores/stores.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";

/** Makes the bucket that variables name, as the start of the service does. */
export async function makeBucket(env: Env): Promise<void> {
  const source = variables({ ...env, STORAGE_CREATE_BUCKET: "on" });
  const { layer } = Result.getOrThrow(read(source, new URL("http://service.invalid")));
  await ObjectStore.use(({ ensureBucket }) => ensureBucket).pipe(
    Effect.provide(quietly(layer)),
    Effect.runPromise,
  );
}

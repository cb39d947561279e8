import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { Abilities } from "../../../application/ports/abilities.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { ObjectUnreadable } from "../../../domain/errors.ts";
import { readObject } from "../rest/read-object.ts";
import { clockFault } from "../rest/refusal-reason.ts";
import { headObject, signedFetch, type StoreResponse, unavailable } from "../rest/signed-fetch.ts";
import { factsIn } from "./blob-facts.ts";
import { type AzureContainer, breakingLease, refuse } from "./container.ts";
import { listBlobs } from "./list.ts";
import { azureCopy, azureMultipart } from "./multipart.ts";
import { errorCode, noContainer } from "./refusal.ts";
import { AZURE_LIMITS } from "./settings.ts";

export function azureObjectStore(
  container: AzureContainer,
  abilities: Abilities,
): ObjectStore["Service"] {
  const { bucket, settings } = container;
  const mustBeOk = (answer: StoreResponse, ...others: ReadonlyArray<string>) =>
    answer.ok || others.includes(errorCode(answer) ?? "")
      ? Effect.succeed(answer)
      : refuse(container, answer);

  return ObjectStore.of({
    abilities,
    limits: AZURE_LIMITS,
    ensureBucket: Effect.gen(function* () {
      const answer = yield* signedFetch(bucket, { method: "HEAD", query: OF_CONTAINER });
      const fault = clockFault(answer.headers.get("date"), yield* Clock.currentTimeMillis);
      if (fault !== undefined) return yield* unavailable(fault);
      if ((yield* mustBeOk(answer, "ContainerNotFound")).ok) return;
      if (!settings.createBucket) return yield* unavailable(noContainer(settings));
      const made = yield* signedFetch(bucket, { method: "PUT", query: OF_CONTAINER });
      yield* mustBeOk(made, "ContainerAlreadyExists");
    }),
    remove: Effect.fnUntraced(function* ({ key }) {
      // Includes snapshots, which a client that may create a blob may also make.
      const headers = [["x-ms-delete-snapshots", "include"] as const];
      const removeBlob = signedFetch(bucket, { method: "DELETE", key, headers });
      const answer = yield* breakingLease(container, key, removeBlob);
      if (answer.status !== 404) yield* mustBeOk(answer);
    }),
    read: (object) => readObject(bucket, object, [], (answer) => refuse(container, answer)),
    copies: {
      copy: azureCopy(container),
      writeEmpty: Effect.fnUntraced(function* (key) {
        const headers = [["x-ms-blob-type", "BlockBlob"] as const];
        yield* mustBeOk(yield* signedFetch(bucket, { method: "PUT", key, headers }));
      }),
    },
    list: { objects: (below) => listBlobs(container, below), continuesAtPages: true },
    parts: azureMultipart(container),
    // Has no rules: they are the account's, and only its management sets them.
    head: Effect.fnUntraced(function* (key) {
      const answer = yield* headObject(bucket, key);
      const code = errorCode(answer);
      if (code === "BlobNotFound") return Option.none();
      if (code === "BlobUsesCustomerSpecifiedEncryption") {
        return yield* new ObjectUnreadable({ header: "x-ms-encryption-key" });
      }
      // Azure itself has read the other blob, which the client may not be allowed to.
      if (answer.headers.has("x-ms-copy-id")) {
        return yield* new ObjectUnreadable({ header: "x-ms-copy-source" });
      }
      const facts = answer.ok ? factsIn(answer.headers) : undefined;
      return facts === undefined ? yield* refuse(container, answer) : Option.some(facts);
    }),
  });
}

const OF_CONTAINER = [["restype", "container"] as const];

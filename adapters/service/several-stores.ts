import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import type { Organizations } from "../../application/ports/organizations.ts";
import { Policies } from "../../application/ports/policies.ts";
import { UploadStore } from "../../application/ports/stores.ts";
import { chooseStore } from "../../application/store/choose-store.ts";
import { guarded } from "../../application/store/guarded-store.ts";
import { placement } from "../../application/store/placement.ts";
import { makeStoreStates } from "../../application/store/store-states.ts";
import { DEFAULT_STORE, type StoreName } from "../../domain/place.ts";
import type { CdnSettings } from "../delivery/cdn/settings.ts";
import { watchJson } from "../settings/json-file.ts";
import { throughCdn } from "../delivery/cdn/through-cdn.ts";
import type { NamedStore, StoresDocument } from "../storage/several/document.ts";
import { keepStores, type StorePorts } from "../storage/several/keep-stores.ts";
import type { SeveralStores } from "../storage/several/settings.ts";
import type { Storage } from "../storage/storage.ts";
import type { Observer } from "./observe.ts";
import { storesMount } from "./stores-mount.ts";
import { keptPolicies, withCdn } from "./policies/document.ts";

/** A store and its CDN. */
export type StoreWithCdn = Pick<NamedStore<CdnSettings>, "beside" | "fingerprint"> & {
  readonly storage: Storage;
};

type Document = Pick<StoresDocument<CdnSettings>, "organizations"> & {
  readonly stores: ReadonlyMap<StoreName, StoreWithCdn>;
  readonly file?: SeveralStores<CdnSettings>["file"];
  /** True if there is a default store, whatever the document says. */
  readonly hasDefault: boolean;
};

/** Opens the stores of a document beside the default one, until the scope closes. */
export const openStores = Effect.fnUntraced(function* (start: {
  readonly document: Document;
  /** The default store, which is open, if there is one. */
  readonly byDefault: { readonly store: StoreWithCdn; readonly ports: StorePorts };
  readonly publicUrl: URL;
  readonly policies: Policies["Service"];
  readonly hasClamd: boolean;
  /** Says where organizations are that the document does not name. */
  readonly elsewhere: Organizations["Service"];
  readonly observer?: Observer | undefined;
}) {
  let { organizations } = start.document;
  let { policies } = start;
  const policiesOf = ({ storage, beside }: StoreWithCdn) =>
    keptPolicies(policies, {
      store: withCdn(storage, beside),
      spelling: "document",
      hasClamd: start.hasClamd,
    });
  const states = makeStoreStates();
  const guardedStore = start.observer?.guarded ?? guarded;
  const kept = yield* keepStores<StoreWithCdn>({
    layerOf: (name, { storage: { layer }, beside }) =>
      throughCdn(beside, states.watched(name, guardedStore(layer, name))),
    contextOf: (name, store, ports) =>
      ports.pipe(Context.add(Policies, policiesOf(store).policies), Context.add(UploadStore, name)),
  });
  const { store, ports } = start.byDefault;
  kept.adopt(DEFAULT_STORE, store, ports);
  const byDefault = start.document.hasDefault ? [[DEFAULT_STORE, store] as const] : [];
  const replace = (document: Omit<Document, "hasDefault">) => {
    ({ organizations } = document);
    kept.replace(new Map([...byDefault, ...document.stores]));
  };
  replace(start.document);
  const unkept = new Map<string, Array<string>>();
  for (const [name, store] of [...byDefault, ...start.document.stores]) {
    for (const { pointer, reason } of policiesOf(store).faults) {
      const fault = `${pointer}: ${reason}`;
      unkept.set(fault, [...(unkept.get(fault) ?? []), name]);
    }
  }
  for (const [fault, names] of unkept) {
    yield* Effect.logWarning(`a policy is not there in ${namesInWords(names)}: ${fault}`);
  }
  const { file } = start.document;
  const documentProblem =
    file &&
    (yield* watchJson(file.path, {
      document: "stores",
      decode: file.decode,
      onChange: replace,
      kept: "the stores that it had stay in force",
    }));
  return {
    choice: chooseStore({
      named: kept.named,
      placeOf: placement(() => organizations, start.elsewhere),
    }),
    kept,
    mount: yield* storesMount(start.publicUrl, kept.during),
    /** Returns what is at fault: the document, or stores that are open. */
    problem: () => documentProblem?.() ?? states.problem(),
    /** Takes other policies, for requests that begin after it. */
    setPolicies: (others: Policies["Service"]) => {
      policies = others;
      kept.refresh();
    },
  };
});

/** Most stores that a line of the log names. */
const MOST_NAMED = 5;

const namesInWords = (names: ReadonlyArray<string>) =>
  names.length > MOST_NAMED
    ? `the stores ${names.slice(0, MOST_NAMED).join(", ")} and ${names.length - MOST_NAMED} more`
    : `the ${names.length === 1 ? "store" : "stores"} ${names.join(", ")}`;

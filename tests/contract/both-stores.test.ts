import { contract } from "../../adapters/contract/index.ts";
import { opener, openBoth } from "./moving.ts";
import { isWhole, stores } from "./stores.ts";

const MOVES = isWhole ? ["local", "minio", "azure, account key"] : ["minio"];

// An organization that moves keeps every promise of the store that it moves to.
for (const name of MOVES) {
  const former = "local";
  const [to, from] = [opener(name), opener(former)];
  contract({
    ...stores.find((store) => store.name === name),
    name: `${name}, to which files move from ${former}`,
    open: to && from && (() => openBoth(to, from)),
  });
}

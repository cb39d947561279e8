import * as Result from "effect/Result";
import {
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { readDocument } from "../../settings/json-file.ts";
import { memberAt } from "../../values/decode.ts";
import { errorCode } from "../../values/thrown.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";

/** Opens the document of stores to be changed, which has to be a file. */
export function openDocument(stores = "") {
  const { path, where } = readDocument(stores);
  if (path === undefined || stores === "") {
    throw refused("Set STORES to the path of the document: there is no file to write into");
  }
  // A link stays one.
  const real = Result.getOrElse(
    Result.try(() => realpathSync(path)),
    () => path,
  );
  return {
    path,
    read: (): unknown =>
      Result.getOrThrowWith(readDocument(path).json, (problem) => refused(`${where} ${problem}`)),
    /** Replaces the file at once, so that a process that is killed leaves the old one. */
    write: (document: object) => {
      const next = `${real}.${process.pid}.new`;
      try {
        const file = openSync(next, "wx", statSync(real).mode & 0o777);
        try {
          writeSync(file, `${JSON.stringify(document, null, 2)}\n`);
          fsyncSync(file);
        } finally {
          closeSync(file);
        }
        renameSync(next, real);
      } catch (cause) {
        rmSync(next, { force: true });
        const message = `The file ${path} cannot be written (${errorCode(cause) ?? cause}).`;
        throw new CommandFailure({ code: EXIT.cannotCreate, message });
      }
    },
  };
}

/** Adds a store and the organization that has it; the rest stays as it is. */
export function addStore(
  document: unknown,
  {
    store,
    org,
    members,
  }: { readonly store: string; readonly org: string; readonly members: object },
) {
  const [stores, organizations] = ["stores", "organizations"].map(
    (name) => memberAt(document, [name]) ?? {},
  ) as [object, object];
  if (Object.hasOwn(organizations, org)) {
    throw refused(
      `${org} is placed already. To move it, add the store to the document, set { "store": NAME, "from": … } for it, and run valetkey move`,
    );
  }
  if (Object.hasOwn(stores, store)) {
    throw refused(`There is a store ${store} already: give --name another name`);
  }
  return {
    ...(document as object),
    stores: { ...stores, [store]: members },
    organizations: { ...organizations, [org]: store },
  };
}

const refused = (why: string) =>
  new CommandFailure({ code: EXIT.configuration, message: `${why}.` });

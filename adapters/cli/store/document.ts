import * as Result from "effect/Result";
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { LARGEST_FILE, readDocument } from "../../settings/json-file.ts";
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
  const read = (): unknown =>
    Result.getOrThrowWith(readDocument(path).json, (problem) => refused(`${where} ${problem}`));
  return {
    path,
    read,
    /**
     * Replaces the file at once, so that a process that is killed leaves the old one. The new one is
     * the lock: of two processes, one fails before it has read what the other replaces.
     */
    change: (update: (document: unknown) => object) => {
      const next = `${real}.new`;
      let file: number | undefined;
      try {
        const { mode, uid, gid } = statSync(real);
        file = openSync(next, "wx", 0o600);
        const text = `${JSON.stringify(update(read()), null, 2)}\n`;
        if (Buffer.byteLength(text) > LARGEST_FILE) throw refused(tooLarge(path));
        const made = fstatSync(file);
        // By root, say, for a service that is another user.
        if (made.uid !== uid || made.gid !== gid) fchownSync(file, uid, gid);
        // A umask does not narrow it.
        fchmodSync(file, mode & 0o777);
        // Writes until all is written, unlike `writeSync`.
        writeFileSync(file, text);
        fsyncSync(file);
        renameSync(next, real);
      } catch (cause) {
        if (file !== undefined) rmSync(next, { force: true });
        if (cause instanceof CommandFailure) throw cause;
        const code = errorCode(cause);
        const why = code === "EEXIST" ? `${next} is there: ${LOCKED}` : (code ?? cause);
        const message = `The file ${path} cannot be written (${why}).`;
        throw new CommandFailure({ code: EXIT.cannotCreate, message });
      } finally {
        if (file !== undefined) closeSync(file);
      }
    },
  };
}

const tooLarge = (path: string) =>
  `The file ${path} would be larger than 1 MiB, and could not be read. Take out what is no longer needed, or place organizations by JWT_STORE_CLAIM or ORGANIZATIONS_URL`;

const LOCKED =
  "another command is writing, or was killed while it wrote; then remove it and try again";

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

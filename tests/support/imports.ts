/** What a module imports, or a declaration speaks of. */
interface Import {
  readonly specifier: string;
  /** The name of the package, where it is none of the module's own; of Node's with `node:`. */
  readonly package: string | undefined;
}

/** The imports in built JavaScript, and in declarations as the compiler writes them. */
export const importsOf = (code: string): ReadonlyArray<Import> =>
  [...code.replace(COMMENT, "").matchAll(IMPORT)].map(([, specifier = ""]) => ({
    specifier,
    package: PACKAGE.exec(specifier)?.[0],
  }));

const COMMENT = /^ *(\/\/.*|\/\*[\s\S]*?\*\/)$/gm;
const IMPORT = /(?:^(?:import|export)\b[^"';()=]*\bfrom |^import |\bimport\()"([^"]+)"/gm;
const PACKAGE = /^(?:node:\w+|@[\w.-]+\/[\w.-]+|[\w][\w.-]*)/;

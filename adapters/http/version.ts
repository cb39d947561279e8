/** The package's own version; written here since a bundle has no `package.json` to read. */
export const VERSION = "0.1.0";

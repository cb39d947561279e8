/** The version in package.json, which a bundle cannot read: `npm version` writes it here. */
export const VERSION = "0.1.0";

import type { NextConfig } from "next";

// Not bundled: it loads the client of the store that is chosen, and no other has to be installed.
export default { serverExternalPackages: ["valetkey"] } satisfies NextConfig;

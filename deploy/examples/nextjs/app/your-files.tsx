"use client";

import dynamic from "next/dynamic";

/** In the browser alone: on a server the package is not bundled, and brings a React of its own. */
export const YourFiles = dynamic(() => import("./own-files").then(({ OwnFiles }) => OwnFiles), {
  ssr: false,
});

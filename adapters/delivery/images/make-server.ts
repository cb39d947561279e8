import type { ImageServerAddresses } from "../../../application/ports/image-server.ts";

/** Makes the addresses of a server below `root`, which has no slash at its end. */
export type MakeServer = (server: {
  readonly root: string;
  readonly key: string;
  readonly salt: string;
}) => ImageServerAddresses;

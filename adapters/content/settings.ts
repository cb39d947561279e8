import type { NetConnectOpts } from "node:net";
import { Parsed } from "../settings/codecs.ts";
import { optional, readSettings } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

const HOST_AND_PORT = /^(?:\[([\da-f:]+)\]|([\w.-]+)):([1-9]\d{0,4})$/i;

const Address = Parsed((text): NetConnectOpts | undefined => {
  const [, v6, host = v6, port] = HOST_AND_PORT.exec(text) ?? [];
  if (host !== undefined && Number(port) < 2 ** 16) return { host, port: Number(port) };
  return text.startsWith("/") ? { path: text } : undefined;
});

export const settings = {
  clamd: optional({
    variable: "CLAMD_ADDRESS",
    option: "clamdAddress",
    meaning: "The clamd that [scans](scan.md) uploads of policies with `scan: clamd`.",
    codec: Address,
    shape: "a host with its port, or the path of a socket",
    example: "127.0.0.1:3310",
  }),
};

export const read = (source: Source) => readSettings(settings, source);

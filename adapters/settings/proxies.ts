import { parseNetwork } from "../values/networks.ts";
import { List, Parsed } from "./codecs.ts";
import type { Vocabulary } from "./source.ts";

export const PROXIES = {
  codec: List(Parsed(parseNetwork)),
  shape: ({ list }: Vocabulary): string =>
    `the addresses or networks that proxies connect from, ${list}, and not all there are`,
  example: "10.0.0.0/8,::1",
};

import * as Schema from "effect/Schema";
import { PORT, UNGUESSABLE } from "../settings/codecs.ts";
import { optional, readSettings } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

export const settings = {
  token: optional({
    variable: "METRICS_TOKEN",
    meaning: "The token that a reader of `/metrics` sends: see [metrics](metrics.md#prometheus).",
    otherwise: "nobody may read it; with `METRICS_PORT`, whoever can reach that port",
    codec: Schema.RedactedFromValue(
      Schema.String.check(Schema.isPattern(/^[\w.~+/=-]{16,512}$/), UNGUESSABLE),
    ),
    shape: "16 to 512 random letters, digits or any of ._~+/=-",
    example: "$(openssl rand -hex 32)",
  }),
  port: optional({
    ...PORT,
    variable: "METRICS_PORT",
    meaning: "A port for `/metrics` alone, on `HOST`; it is then not on the port of the service.",
    example: "9464",
  }),
};

export const read = (source: Source) => readSettings(settings, source);

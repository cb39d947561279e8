import * as Schema from "effect/Schema";
import { UNGUESSABLE, WholeNumber } from "../settings/codecs.ts";
import { fault, oneOf, optional, readSettings } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

export const settings = {
  access: optional({
    ...oneOf(["off", "loopback", "token"]),
    variable: "METRICS",
    meaning: "Who may read `/metrics`: see [metrics](metrics.md#prometheus).",
    otherwise: "`off`; with `METRICS_PORT`, whoever can reach that port",
    example: "loopback",
  }),
  token: optional({
    variable: "METRICS_TOKEN",
    meaning: "The token that a reader of `/metrics` sends, with `METRICS=token`.",
    codec: Schema.RedactedFromValue(
      Schema.String.check(Schema.isPattern(/^[\w.~+/=-]{16,512}$/), UNGUESSABLE),
    ),
    shape: "16 to 512 random letters, digits or any of ._~+/=-",
    example: "$(openssl rand -hex 32)",
  }),
  port: optional({
    variable: "METRICS_PORT",
    meaning: "A port for `/metrics` alone, on `HOST`; it is then not on the port of the service.",
    codec: WholeNumber({ minimum: 1, maximum: 65_535 }),
    shape: "a port from 1 to 65535",
    example: "9464",
  }),
};

export const read = (source: Source) =>
  readSettings(settings, source, ({ access, token, port }) => [
    access === "token" &&
      token === undefined &&
      fault(settings.token, ({ assign }) => `must be set where ${assign(settings.access, access)}`),
    access !== "token" &&
      token !== undefined &&
      fault(settings.access, ({ name }) => `must be token where ${name(settings.token)} is set`),
    access === "off" &&
      port !== undefined &&
      fault(
        settings.port,
        ({ assign }) => `must not be set where ${assign(settings.access, access)}`,
      ),
  ]);

import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import { failed, type Findings, passed } from "./finding.ts";
import { told } from "./store-answer.ts";
import { BYTES, check, type Target } from "./target.ts";

/** Whether a URL for one endpoint is refused at the other, as a signature for one host must be. */
export const hosts = (target: Target): Effect.Effect<Findings> =>
  check(
    "hosts",
    Effect.gen(function* () {
      const { s3 } = target;
      const key = yield* target.newKey;
      const signed = yield* target.signPut(key, { audience: "internal" });
      const other = yield* target.signPut(key, { audience: "public" });
      const [from, to] = [signed, other].map(({ url }) => new URL(url).origin);
      if (from === undefined || to === undefined || from === to) {
        return [passed("hosts", "browsers and services use one endpoint")];
      }
      const prefixes = s3?.addresses;
      const swapped = (url: string, a: Audience, b: Audience) =>
        url.replace(
          `${a === "internal" ? from : to}${prefixes?.[a].unsignedPrefix ?? ""}`,
          `${b === "internal" ? from : to}${prefixes?.[b].unsignedPrefix ?? ""}`,
        );
      const atPublic = yield* target.send("PUT", swapped(signed.url, "internal", "public"), {
        headers: signed.headers,
        body: BYTES,
      });
      if (atPublic.ok) {
        return [
          failed(
            "hosts",
            `a URL that was signed for ${from} is accepted at ${to}: a proxy there changes the header Host`,
            "A signature covers the host, so URLs for browsers are refused behind such a proxy (SignatureDoesNotMatch).",
            "let the proxy pass the header on: nginx: proxy_set_header Host $http_host; Apache: ProxyPreserveHost On",
          ),
        ];
      }
      const atInternal = yield* target.send("PUT", swapped(other.url, "public", "internal"), {
        headers: other.headers,
        body: BYTES,
      });
      return atInternal.ok
        ? [
            failed(
              "hosts",
              `a URL that was signed for ${to} is accepted at ${from}: something there changes the header Host, or does not look at it`,
              "A URL should work where it was signed for and nowhere else.",
              "let the proxy at STORAGE_ENDPOINT pass the header Host on",
            ),
          ]
        : [
            passed(
              "hosts",
              `a URL for ${to} is refused at ${from} (${told(atInternal)}), and the other way round`,
            ),
          ];
    }),
  );

import * as Effect from "effect/Effect";
import { openPublicFile } from "../../../application/files/open-public-file.ts";
import { publicKeyIn, type StorageKey } from "../../../domain/storage-key.ts";
import { PUBLIC_FILES } from "../addresses.ts";
import { redirect } from "../answer.ts";
import { NotFound } from "../problems/refusals.ts";
import { REDIRECT, secondsToKeep, SHOWN, shownAs } from "./open-file.ts";
import { type OperationContext, publicRoute } from "./operation.ts";

/** Returns the member `publicUrl` of a file; none if the file is not public. */
export function presentPublic(
  key: StorageKey,
  { publicAddress }: Pick<OperationContext, "publicAddress">,
): { readonly publicUrl?: string } {
  const publicUrl = publicAddress?.(key);
  return publicUrl === undefined ? {} : { publicUrl };
}

/**
 * Opens a public file for everybody, if some policy is public. Its address has the organization's
 * id, since there is no caller whose names could be looked up, and cannot spell another file's key.
 */
export const publicFileRoute = publicRoute({
  methods: ["GET"],
  path: `${PUBLIC_FILES}/:organization/:year/:month/:name`,
  deepPaths: [`${PUBLIC_FILES}/:organization/:path{.+}`],
  text: {
    operationId: "openPublicFile",
    tag: "links",
    summary: "Open a public file",
    description: "At its `publicUrl`, if no CDN serves it. The store answers whether it is there.",
    parameters: SHOWN,
    answers: {
      ...REDIRECT,
      302: {
        ...REDIRECT[302],
        headers: {
          ...REDIRECT[302].headers,
          "Cache-Control": {
            required: true,
            description: "How long everybody may keep the answer.",
            schema: { type: "string", pattern: "^public, max-age=[0-9]+$" },
          },
        },
      },
    },
  },
  handler: Effect.fnUntraced(function* ({ c }) {
    const { organization = "", year, month, name, path } = c.req.param();
    const within = path ?? [year, month, name].join("/");
    const opened = yield* openPublicFile(publicKeyIn(organization, within), shownAs(c));
    if (opened === undefined) return yield* new NotFound();
    const { get } = opened;
    return redirect(get.url, {
      "Cache-Control": `public, max-age=${yield* secondsToKeep(opened)}`,
    });
  }),
  refusals: {
    NotFound: true,
    WidthNotAllowed: true,
    CredentialsUnavailable: true,
    IdentityUnavailable: true,
    StoreUnavailable: true,
  },
});
